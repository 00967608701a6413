"""Mean, spread and paired comparison over seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Spread(NamedTuple):
    """Several measurements of one quantity.

    Attributes:
      mean: of them.
      std: their sample standard deviation; None for a single one.
      seeds: how many there are.
    """

    mean: float
    std: float | None
    seeds: int


class Paired(NamedTuple):
    """One way against another on the same seeds.

    Attributes:
      difference: mean of the differences.
      p: two-sided, of Student's t for paired samples; None where it is not defined.
      seeds: how many both have.
    """

    difference: float
    p: float | None
    seeds: int


def spread(values: list[float]) -> Spread:
    """Of at least one value."""
    std = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), std, len(values))


def paired(ours: dict[int, float], theirs: dict[int, float]) -> Paired | None:
    """Compares by seed; None where no seed is in both."""
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    differences = np.array([ours[seed] - theirs[seed] for seed in seeds])
    p: float | None = None
    if len(seeds) > 1 and differences.std() > 0:
        p = float(stats.ttest_1samp(differences, 0).pvalue)
        p = None if math.isnan(p) else p
    return Paired(float(differences.mean()), p, len(seeds))


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Adjusted p of several comparisons, so that any false one among them is as rare as p says
    (Holm, 1979).

    Args:
      values: p of each; None where it is not defined, which counts for none.
    """
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    found: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (p, place) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        found[place] = highest
    return found
