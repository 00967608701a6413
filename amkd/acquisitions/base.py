"""Defines what an acquisition is, and finds one by its name."""

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
    """A rule that chooses, among candidates of low C2, the mixes that the teacher is queried with.

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
        most M. Returns k different places among the candidates, ``int[k]``. It may use
        everything that :class:`Candidates` offers. It draws random numbers only from
        ``keys.key(*candidates.task.stream, keys.Purpose.ACQUISITION)``, so that a resumed run
        chooses the same.
      students: returns how many further students ``choose`` trains in a round, given
        ``search.committee``; by default none. :meth:`Candidates.committee` trains ``committee - 1``
        and :meth:`Candidates.trained_on_best_classes` one. The plan includes their training time.
    """

    choose: Callable[[Candidates, int], np.ndarray]
    students: Callable[[int], int] = _none


def acquisition_named(name: str) -> Acquisition:
    """Returns a registered acquisition, or the user's own for ``module:attribute``.

    Raises:
      UserError: there is no acquisition of this name.
    """
    return plugins.resolve(name, ACQUISITIONS, "search.acquisition", Acquisition)
