"""A way to choose among candidates, after C2 has reduced each pair to one image: what it may look
at and returns.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from amkd.data.records import Records, mixes
from amkd.models import prediction
from amkd.models.layers import Variables
from amkd.search import top_k
from amkd.search.task import Task


class Seen(NamedTuple):
    """Images as the student sees them, in inference mode.

    Attributes:
      probabilities: ``float32[M, Y]``.
      features: ``float32[M, d]``, what its last layer sees.
    """

    probabilities: np.ndarray
    features: np.ndarray


class Candidates(NamedTuple):
    """What may be chosen: one mix of each pair, the lowest C2 first.

    Attributes:
      scored: the pairs, M of them, with C2 and the lambda of each as ``extra``.
      of: the task, for what else there is to know.
    """

    scored: top_k.Scored
    of: Task

    def __len__(self) -> int:  # NamedTuple's own length would be the number of fields
        return len(self.scored.score)

    def records(self) -> Records:
        """The mixes."""
        return Records(self.scored.i, self.scored.j, self.scored.extra)

    def images(self) -> Iterator[np.ndarray]:
        """The mixes themselves, in blocks of ``uint8[..., H, W, C]``."""
        return mixes(self.of.images, self.records(), self.of.settings.as_released)

    def seen(self) -> Seen:
        """The mixes under the student."""
        return see(self.of, self.of.variables, self.records())

    def asked(self) -> Seen:
        """All images that have been asked about, under the same student."""
        return see(self.of, self.of.variables, self.of.records)

    def answers(self) -> np.ndarray:
        """What was answered to these, ``float32[A, Y]``."""
        assert self.of.answers is not None
        return self.of.answers()

    def committee(self) -> Iterator[Seen]:
        """The mixes under the student, and under others of its kind."""
        yield self.seen()
        for member in range(1, self.of.settings.committee):
            yield see(self.of, self._another(member, False), self.records())

    def trained_on_best_classes(self) -> Seen:
        """The mixes under a student that learned from the best class of each answer alone."""
        return see(self.of, self._another(self.of.settings.committee, True), self.records())

    def _another(self, member: int, hard: bool) -> Variables:
        assert self.of.another is not None
        return self.of.another(member, hard)


def see(task: Task, variables: Variables, records: Records) -> Seen:
    """Mixes under a student of the task's kind, a block at a time."""
    blocks = mixes(task.images, records, task.settings.as_released)
    parts = [prediction.look(task.network, variables, block) for block in blocks]
    return Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def first(values: np.ndarray, k: int) -> np.ndarray:
    """Places of the k lowest of ``float32[M]``, ascending; ties go to the first."""
    return np.argsort(values, kind="stable")[:k]


# k places of the candidates to ask about: int64[k].
Acquisition = Callable[[Candidates, int], np.ndarray]


def filled(picked: np.ndarray, count: int, k: int) -> np.ndarray:
    """``picked`` with the first of the other candidates, where it has fewer than k.

    Args:
      picked: ``int64[...]`` places, all different.
      count: how many candidates there are, M.
      k: how many are wanted.
    """
    others = np.setdiff1d(np.arange(count), picked, assume_unique=True)
    return np.concatenate([picked, others[: k - len(picked)]])
