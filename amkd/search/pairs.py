"""The candidate pool: pairs of real images, represented by arithmetic on ranks, never as a list.

A pair is ``(i, j)`` with ``i < j``. Its rank is its place in the row-major list of all
``N(N-1)/2`` pairs: (0,1), (0,2), ..., (0,N-1), (1,2), ... Ranks are int64: for N = 80,000 there are
3.2e9 of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from amkd.core import keys

_BLOCK = 65536  # pairs of a pool that are made at once


def count(n: int) -> int:
    """Returns the number of unordered pairs of ``n`` images."""
    return n * (n - 1) // 2


def rank_of(i: np.ndarray, j: np.ndarray, n: int) -> np.ndarray:
    """Returns the ranks of pairs.

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
    """Returns the pairs of ranks; the inverse of :func:`rank_of`.

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
    # The float root may be off by one next to a row's edge; integer arithmetic corrects it.
    row -= row * (row + 1) // 2 > back
    row += (row + 1) * (row + 2) // 2 <= back
    i = n - 2 - row
    j = n - 1 - (back - row * (row + 1) // 2)
    return i.astype(np.int32), j.astype(np.int32)


def sample_ranks(total: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws a uniform sample of ranks without replacement.

    Args:
      total: ranks to draw from, ``0 .. total-1``.
      size: how many ranks to draw, at most ``total``.
      rng: source of randomness.

    Returns:
      ``int64[size]``, ascending.
    """
    # O(size) time and memory: NumPy holds all ranks only if more than 1 in 50 are wanted.
    return np.sort(rng.choice(total, size, replace=False, shuffle=False))


def sample_counts(sizes: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draws how many elements of a uniform sample without replacement fall into each block.

    The distribution is the multivariate hypergeometric one; NumPy's own function is limited to
    1e9.

    Args:
      sizes: ``int64[blocks]``, elements of each block.
      size: the size of the sample.
      rng: source of randomness.

    Returns:
      ``int64[blocks]``, with the sum ``size``.
    """
    # Choosing each element independently gives a uniform sample of random size, for any
    # probability. With this probability it is almost never too small; the surplus is then dropped
    # uniformly.
    share = min(1.0, (size + 6 * size**0.5) / int(sizes.sum()))
    counts = rng.binomial(sizes, share)
    while (drawn := int(counts.sum())) < size:
        counts = rng.binomial(sizes, share)
    dropped = np.searchsorted(counts.cumsum(), sample_ranks(drawn, drawn - size, rng), side="right")
    return counts - np.bincount(dropped, minlength=len(sizes))


class PairPool(NamedTuple):
    """The pairs that may be chosen: all, or a uniform sample of them.

    No list of pairs is ever kept: a sample is drawn again whenever it is read, one block of ranks
    at a time, each block from its own random stream.

    Attributes:
      n: number of real images N.
      seed: the run's seed, for a sample.
      counts: ``int64[blocks]``, sampled pairs in each block; None for all pairs.
    """

    n: int
    seed: int = 0
    counts: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Returns the number of pairs in the pool before any was chosen."""
        return count(self.n) if self.counts is None else int(self.counts.sum())

    def _edges(self) -> np.ndarray:
        """Returns where the blocks of ranks begin and end, ``int64[blocks + 1]``."""
        return _edges(
            count(self.n), -(-count(self.n) // _BLOCK) if self.counts is None else len(self.counts)
        )

    def _block(self, number: int, start: int, stop: int) -> np.ndarray:
        """Returns the pool's ranks in one block, ``start .. stop-1``; ascending."""
        if self.counts is None:
            return np.arange(start, stop)
        # The numbers begin with 1: the stream of number 0 is the stream without a number.
        rng = keys.rng(self.seed, 0, keys.Purpose.POOL, number + 1)
        return start + sample_ranks(stop - start, int(self.counts[number]), rng)

    def ranks(self, places: np.ndarray) -> np.ndarray:
        """Returns the ranks of the pairs at some places of the pool.

        Args:
          places: ``int64[P]``, ascending, in ``0 .. size-1``; P at least 1.
        """
        if self.counts is None:
            return places
        edges, first = self._edges(), np.concatenate([[0], self.counts.cumsum()])
        cuts = np.searchsorted(places, first)
        return np.concatenate(
            [
                self._block(b, edges[b], edges[b + 1])[places[cuts[b] : cuts[b + 1]] - first[b]]
                for b in np.flatnonzero(np.diff(cuts)).tolist()
            ]
        )

    def chunks(self, size: int, chosen: np.ndarray) -> Iterator[np.ndarray]:
        """Yields the remaining ranks, in ascending order, one chunk at a time.

        Args:
          size: ranks in a chunk; the last may be shorter.
          chosen: ``int64[...]`` ascending ranks of the pairs that were chosen before.
        """
        edges = self._edges()
        cuts = np.searchsorted(chosen, edges)
        parts, held = list[np.ndarray](), 0
        for b in range(len(edges) - 1):
            ranks = self._block(b, edges[b], edges[b + 1])
            parts.append(np.setdiff1d(ranks, chosen[cuts[b] : cuts[b + 1]], assume_unique=True))
            held += len(parts[-1])
            if held >= size:
                found = np.concatenate(parts)
                whole = held // size * size
                yield from found[:whole].reshape(-1, size)
                parts, held = [found[whole:]], held - whole
        if held:
            yield np.concatenate(parts)


class RankRange(NamedTuple):
    """Consecutive pairs of a pool of all pairs, without those that were removed from it.

    Attributes:
      first: rank of the first pair.
      size: number of pairs.
      removed: ``int64[...]`` ascending ranks of the removed pairs between them.
    """

    first: int
    size: int
    removed: np.ndarray


class RemainingPairs(NamedTuple):
    """The remaining pairs of all pairs of N images, in the order of their ranks.

    Attributes:
      n: number of real images N.
      chosen: ``int64[...]`` ascending ranks of the pairs that were chosen before.
    """

    n: int
    chosen: np.ndarray

    @property
    def size(self) -> int:
        """Returns the number of remaining pairs."""
        return count(self.n) - len(self.chosen)

    def _before(self) -> np.ndarray:
        """Returns how many pairs remain before each chosen one, ``int64[...]``, ascending."""
        return self.chosen - np.arange(len(self.chosen))

    def range_of(self, start: int, stop: int) -> RankRange:
        """Returns the pairs at places ``start .. stop-1`` of the remaining ones; at least one."""
        cuts = np.searchsorted(self._before(), [start, stop - 1], side="right")
        return RankRange(start + int(cuts[0]), stop - start, self.chosen[cuts[0] : cuts[1]])

    def most_removed(self, length: int) -> int:
        """Returns the largest number of removed pairs between any ``length`` consecutive others."""
        before = self._before()
        ends = np.searchsorted(before, before + length, side="left")
        return int(np.max(ends - np.arange(len(before)), initial=0))


def _edges(total: int, blocks: int) -> np.ndarray:
    return np.minimum(np.arange(blocks + 1) * -(-total // blocks), total)


def make_pair_pool(n: int, max_pairs: int, seed: int) -> PairPool:
    """Returns the pool of all pairs of ``n`` images, or a seeded uniform sample of them.

    Args:
      n: number of real images N.
      max_pairs: size of the sample; 0, or at least the number of all pairs, takes all pairs.
      seed: the run's seed.
    """
    if max_pairs == 0 or max_pairs >= count(n):
        return PairPool(n)
    sizes = np.diff(_edges(count(n), -(-max_pairs // _BLOCK)))
    return PairPool(n, seed, sample_counts(sizes, max_pairs, keys.rng(seed, 0, keys.Purpose.POOL)))
