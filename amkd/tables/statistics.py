"""Mean, spread and paired comparison over seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Spread(NamedTuple):
    """Several measurements of one quantity.

    Attributes:
      mean: the mean of the measurements.
      std: their sample standard deviation; None for a single one.
      seeds: how many there are.
    """

    mean: float
    std: float | None
    seeds: int


class Paired(NamedTuple):
    """Two samples compared on the same seeds.

    Attributes:
      difference: mean of the differences.
      p: two-sided p-value of Student's t-test for paired samples; None where it is not defined:
        with one seed, or where all seeds differ by the same amount.
      seeds: how many seeds both have.
      interval: the 95% interval of the difference, by the same test; 0 to 0 where the two are
        equal on every seed; None where it is not defined.
    """

    difference: float
    p: float | None
    seeds: int
    interval: tuple[float, float] | None = None


def spread(values: list[float]) -> Spread:
    """Returns mean and standard deviation of at least one value."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), std, len(values))


def paired(ours: dict[int, float], theirs: dict[int, float]) -> Paired | None:
    """Compares two samples, each by seed; None if they have no seed in common."""
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    return Paired(float(differences.mean()), *_test(differences))


def _test(differences: np.ndarray) -> tuple[float | None, int, tuple[float, float] | None]:
    """Returns p, the number of differences, and the 95% interval of their mean, by Student."""
    count = len(differences)
    distinct = np.unique(differences.round(9))  # what is smaller is noise of the subtraction
    if count > 1 and len(distinct) == 1:  # by chance, with few seeds: it proves no difference
        return None, count, None if distinct.any() else (0.0, 0.0)
    if count < 2 or not np.isfinite(differences).all():
        return None, count, None
    half = stats.t.ppf(0.975, count - 1) * differences.std(ddof=1) / math.sqrt(count)
    middle = differences.mean()
    p = float(stats.ttest_1samp(differences, 0).pvalue)
    return p, count, (float(middle - half), float(middle + half))


def sign_test(first_only: int, second_only: int) -> float | None:
    """Returns the two-sided p-value of the hypothesis that two students are right equally often on
    the same images.

    It is McNemar's test in its exact form (McNemar, 1947): only images on which exactly one of the
    two is right count.

    Args:
      first_only: images on which only the first is right.
      second_only: images on which only the second is right.

    Returns:
      The p-value; None where there is no such image.
    """
    total = first_only + second_only
    return float(stats.binomtest(first_only, total, 0.5).pvalue) if total else None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusts the p-values of several comparisons by Holm's method (Holm, 1979).

    Rejecting all comparisons whose adjusted p-value is at most alpha keeps the chance of any false
    rejection at alpha or below.

    Args:
      p_values: the p-value of each comparison; None where it is not defined, which does not count.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, index) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[index] = highest
    return adjusted
