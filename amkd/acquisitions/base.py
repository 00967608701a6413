"""Defines what an acquisition is, and finds one by its name."""

import dataclasses
from collections.abc import Callable

import numpy as np

from amkd.acquisitions import ACQUISITIONS
from amkd.candidates.candidate_set import Candidates
from amkd.core import plugins
from amkd.core.errors import UserError


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
        ``keys.key(*candidates.inputs.stream, keys.Purpose.ACQUISITION)``, so that a resumed run
        chooses the same.
      students: returns how many further students ``choose`` trains in a round, given
        ``search.committee``; by default none. :meth:`Candidates.committee` trains ``committee - 1``
        and :meth:`Candidates.train_on_best_classes` one. The plan includes their training time.
    """

    choose: Callable[[Candidates, int], np.ndarray]
    students: Callable[[int], int] = _none


def acquisition_named(name: str) -> Acquisition:
    """Returns a registered acquisition, or the user's own for ``module:attribute``.

    Raises:
      UserError: there is no acquisition of this name.
    """
    return plugins.resolve(name, ACQUISITIONS, "search.acquisition", Acquisition)


def chosen(name: str, candidates: Candidates, k: int) -> np.ndarray:
    """Returns the places of the k candidates that an acquisition chooses, ``int64[k]``.

    Raises:
      UserError: there is no acquisition of this name, or it does not return k different places.
    """
    found = np.asarray(acquisition_named(name).choose(candidates, k))
    if found.shape != (k,) or not np.issubdtype(found.dtype, np.integer):
        wrong = f"{found.dtype}{list(found.shape)}"
    elif found.min() < 0 or found.max() >= len(candidates):
        wrong = f"places from {found.min()} to {found.max()}"
    elif (different := len(np.unique(found))) < k:
        wrong = f"only {different} different places"
    else:
        return found.astype(np.int64)
    raise UserError(
        f"config.search.acquisition={name!r}: returned {wrong}; it must return {k} different places"
        f" of candidates, integers from 0 to {len(candidates) - 1}. Nothing of this round was"
        " queried"
    )
