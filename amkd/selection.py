"""The k lowest of a stream of scores, exactly; ties go to the lower rank."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np


class Scored(NamedTuple):
    """Pairs with their scores, in order of (score, rank) once selected.

    Attributes:
      score: ``float32[P]``, C2.
      rank: ``int64[P]``, ranks of the pairs.
      best: ``int32[P]``, index of the arg-min lambda in the grid.
    """

    score: np.ndarray
    rank: np.ndarray
    best: np.ndarray


EMPTY = Scored(np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int32))


def _lowest_of(parts: list[Scored], k: int) -> Scored:
    score, rank, best = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((rank, score))[:k]
    return Scored(score[order], rank[order], best[order])


def k_lowest(stream: Iterable[Scored], k: int) -> Scored:
    """The ``k`` lowest scores of a stream in O(k + chunk) memory.

    The result depends neither on how the stream is cut into chunks nor on their order.

    Args:
      stream: chunks of scored pairs, no pair twice.
      k: how many to keep; all if the stream holds fewer.

    Returns:
      At most ``k`` pairs, ascending by (score, rank).

    Raises:
      FloatingPointError: a score is not finite (the student diverged).
    """
    kept, waiting, size = EMPTY, [], 0
    bar = np.inf  # the k-th lowest score so far: nothing above it can be chosen
    for chunk in stream:
        if not np.all(np.isfinite(chunk.score)):
            raise FloatingPointError(
                "a C2 score is not finite: the student diverged; lower config.train.learning_rate, in a new --workdir"
            )
        near = chunk.score <= bar
        waiting.append(Scored(*(column[near] for column in chunk)))
        size += int(near.sum())
        if size > k + 65536:
            kept = _lowest_of([kept, *waiting], k)
            waiting, size = [], 0
            bar = kept.score[-1] if len(kept.score) == k else np.inf
    return _lowest_of([kept, *waiting], k)
