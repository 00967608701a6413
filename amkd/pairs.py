"""The candidate pool: pairs of real images as arithmetic on ranks, never as a list.

A pair is ``(i, j)`` with ``i < j``. Its rank is its place in the row-major list of all
``N(N-1)/2`` pairs: (0,1), (0,2), ..., (0,N-1), (1,2), ... Ranks are int64: at
N = 80,000 there are 3.2e9 of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from amkd import keys


def count(n: int) -> int:
    """Number of unordered pairs of ``n`` images."""
    return n * (n - 1) // 2


def rank_of(i: np.ndarray, j: np.ndarray, n: int) -> np.ndarray:
    """Ranks of pairs.

    Args:
      i: ``int[P]``, the lower index of each pair.
      j: ``int[P]``, the higher index of each pair.
      n: number of real images N.

    Returns:
      ``int64[P]``.
    """
    i = np.asarray(i, np.int64)
    j = np.asarray(j, np.int64)
    return i * n - i * (i + 1) // 2 + (j - i - 1)


def pair_of(rank: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of ranks; the inverse of :func:`rank_of`.

    Args:
      rank: ``int64[P]`` in ``[0, N(N-1)/2)``.
      n: number of real images N.

    Returns:
      ``(i, j)``, each ``int32[P]``, with ``i < j``.
    """
    rank = np.asarray(rank, np.int64)
    # Counted from the end, rows have 1, 2, 3, ... pairs: the row is a triangular root.
    back = count(n) - 1 - rank
    row = ((np.sqrt(8.0 * back + 1) - 1) / 2).astype(np.int64)
    # The float root may be off by one next to a row's edge; integers decide.
    row -= row * (row + 1) // 2 > back
    row += (row + 1) * (row + 2) // 2 <= back
    i = n - 2 - row
    j = n - 1 - (back - row * (row + 1) // 2)
    return i.astype(np.int32), j.astype(np.int32)


def sample_ranks(total: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A uniform sample of ranks without replacement, in O(size) time and memory.

    Args:
      total: ranks to draw from, ``0 .. total-1``.
      size: how many, at most ``total``.
      rng: source of randomness.

    Returns:
      ``int64[size]``, ascending.
    """
    if size > total // 2:  # fewer to leave out than to take; total < 2 * size, so still O(size)
        keep = np.ones(total, bool)
        keep[sample_ranks(total, total - size, rng)] = False
        return np.flatnonzero(keep)
    drawn = np.empty(0, np.int64)
    while len(drawn) < size:
        more = rng.integers(total, size=size - len(drawn) + 16, dtype=np.int64)
        drawn = np.unique(np.concatenate([drawn, more]))
    excess = rng.choice(len(drawn), len(drawn) - size, replace=False)
    return np.delete(drawn, excess)


class Pool(NamedTuple):
    """The pairs that may still be chosen, less those that were.

    Attributes:
      n: number of real images N.
      sample: ``int64[M]`` ascending ranks of a sampled pool, or None for all pairs.
    """

    n: int
    sample: np.ndarray | None

    @property
    def size(self) -> int:
        """Pairs in the pool before any was chosen."""
        return count(self.n) if self.sample is None else len(self.sample)

    def ranks(self, places: np.ndarray) -> np.ndarray:
        """Ranks of the pairs at places ``int64[...]`` of the pool, ``0 .. size-1``."""
        return places if self.sample is None else self.sample[places]

    def chunks(self, size: int, chosen: np.ndarray) -> Iterator[np.ndarray]:
        """The ranks left, in ascending order, a chunk at a time.

        Args:
          size: ranks in a chunk; the last may be shorter.
          chosen: ``int64[...]`` ascending ranks that have left the pool.
        """
        for start in range(0, self.size, size):
            stop = min(start + size, self.size)
            ranks = self.ranks(np.arange(start, stop))
            low, high = np.searchsorted(chosen, [ranks[0], ranks[-1] + 1])
            left = np.setdiff1d(ranks, chosen[low:high], assume_unique=True)
            if len(left):
                yield left


def make_pool(n: int, max_pairs: int, seed: int) -> Pool:
    """All pairs of ``n`` images, or a seeded uniform sample of them.

    Args:
      n: number of real images N.
      max_pairs: size of the sample; 0, or no fewer than there are, takes all pairs.
      seed: the run's seed.
    """
    if max_pairs == 0 or max_pairs >= count(n):
        return Pool(n, None)
    return Pool(n, sample_ranks(count(n), max_pairs, keys.rng(seed, 0, keys.Purpose.POOL)))
