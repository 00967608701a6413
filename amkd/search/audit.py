"""Estimates how many of the k lowest pairs are in a shortlist, from a random sample of other pairs.

The shortlist's m lowest pairs are among the k lowest of all pairs. Here m is the largest number for
which no more than k - m discarded pairs score below the shortlist's m-th. The number of such
discarded pairs is not known, but it is estimated with the hypergeometric distribution from a
uniform sample of the discarded pairs, which is fully scored. The interval is exact: for any scores,
it contains the true share with at least its nominal probability.
"""

from typing import NamedTuple

import numpy as np


class Recall(NamedTuple):
    """The share of the k lowest pairs that was found.

    Attributes:
      low: lower end of the interval.
      estimate: the estimate from the sample.
      high: upper end of the interval.
    """

    low: float
    estimate: float
    high: float


NOTHING_MISSED = Recall(1.0, 1.0, 1.0)

_TESTS = 512  # evenly spaced values of m; they set the resolution of an interval's ends


def recall(lowest: np.ndarray, sampled: np.ndarray, discarded: int, error: float) -> Recall:
    """Estimates the share of the k lowest of all pairs that is among the shortlist's k lowest.

    Args:
      lowest: ``float32[K]`` ascending scores of the shortlist's k lowest pairs.
      sampled: ``float32[M]`` scores of a uniform sample of the discarded pairs; a tie counts
        against the shortlist.
      discarded: how many pairs were discarded, at least M.
      error: upper limit of the probability that the interval does not contain the true share.
    """
    k, drawn = len(lowest), len(sampled)
    if not discarded:
        return NOTHING_MISSED
    below = np.searchsorted(np.sort(sampled), lowest, side="right")  # in the sample, for m = 1 .. k
    # The largest number of discarded pairs below the m-th, if m of the k lowest were found.
    spare = k - np.arange(1, k + 1)
    met = below * (discarded / max(drawn, 1)) <= spare
    estimate = k - int(np.argmax(met[::-1])) if met.any() else 0
    # There are two sequences of tests. From m = 1 upwards, the hypothesis "fewer than m were found"
    # is rejected if, under it, so few sampled pairs below the m-th are too unlikely. From m = k
    # downwards, "m or more were found" is rejected if so many are too unlikely. A sequence ends at
    # its first test that does not reject. So it is wrong only if it rejects its first true
    # hypothesis, which has a probability of at most error / 2.
    m = np.unique(np.linspace(1, k, min(k, _TESTS)).round().astype(np.int64))
    below, spare = below[m - 1], spare[m - 1]
    fewer = np.where(
        spare < discarded, _at_most(below, discarded, np.minimum(spare + 1, discarded), drawn), 0
    )
    more = np.where(
        spare < discarded,
        1 - _at_most(below - 1, discarded, np.minimum(spare, discarded), drawn),
        1,
    )
    from_below, from_above = _leading(fewer <= error / 2), _leading(more[::-1] <= error / 2)
    low = int(m[from_below - 1]) if from_below else 0
    high = int(m[-from_above]) - 1 if from_above else k
    return Recall(low / k, min(max(estimate, low), high) / k, high / k)


def _leading(refused: np.ndarray) -> int:
    """Returns how many entries come before the first that is False."""
    return len(refused) if refused.all() else int(np.argmin(refused))


def _at_most(found: np.ndarray, discarded: int, marked: np.ndarray, drawn: int) -> np.ndarray:
    """Returns the probability that a sample of ``drawn`` pairs contains at most ``found`` marked
    pairs.
    """
    from scipy import stats  # takes a second, and only screened searches need it

    return stats.hypergeom.cdf(found, discarded, marked, drawn)


def sample_size(pairs: int, k: int, target: float) -> int:
    """Returns how many pairs to sample. The sample is large enough that a shortlist with a third of
    the misses that ``target`` allows passes in most cases.

    For a shortlist exactly at the target, 12 missed pairs are expected in the sample; a shortlist
    passes with 4.
    """
    return min(int(np.ceil(12 * pairs / (k * (1 - target)))), pairs)
