"""What an acquisition is, and how one is found by its name."""

import dataclasses
from collections.abc import Callable

import numpy as np

from amkd.acquisitions import ACQUISITIONS
from amkd.candidates.candidate_set import Candidates
from amkd.core import plugins


def _none(committee: int) -> int:
    del committee
    return 0


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """A rule that chooses, among candidates of low C2, the mixes to ask the teacher about.

    A complete example, in a file ``my_rules.py``::

        import numpy as np

        from amkd.acquisitions.base import Acquisition


        def choose(candidates, k):
            best = candidates.predictions().probabilities.max(-1)  # float32[M]
            return np.argsort(best, kind="stable")[:k]


        LEAST_CONFIDENT = Acquisition(choose)

    A run uses it with ``--config.search.acquisition=my_rules:LEAST_CONFIDENT`` and
    ``--config.search.candidates=5``, for five times as many candidates as are chosen.

    Attributes:
      choose: is called once in every round, with M candidates, the lowest C2 first, and k, at
        most M. Returns k different places among the candidates, ``int[k]``. It may look at
        everything that :class:`Candidates` offers, and draws random numbers only from
        ``keys.key(*candidates.task.stream, keys.Purpose.ACQUISITION)``, so that a resumed run
        chooses the same.
      students: how many further students ``choose`` has trained in a round, given
        ``search.committee``; by default none. :meth:`Candidates.committee` trains ``committee - 1``
        and :meth:`Candidates.trained_on_best_classes` one. The plan prices them.
    """

    choose: Callable[[Candidates, int], np.ndarray]
    students: Callable[[int], int] = _none


def acquisition_named(name: str) -> Acquisition:
    """Returns a registered acquisition, or the user's own for ``module:attribute``.

    Raises:
      UserError: there is none of this name.
    """
    return plugins.resolve(name, ACQUISITIONS, "search.acquisition", Acquisition)
