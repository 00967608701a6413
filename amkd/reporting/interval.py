"""The interval of a share, or of a mean, that was measured on a sample of images."""

import math

import numpy as np

_Z = 1.959963984540054  # standard deviations: 95% of a normal distribution are this near its mean


def wilson(share: float, count: int) -> tuple[float, float]:
    """Returns Wilson's 95% score interval (Wilson, 1927) of a share.

    Args:
      share: a share of the images, in [0, 1].
      count: number of images, 1 or more.

    Returns:
      The lowest and the highest share, in [0, 1].
    """
    square = _Z * _Z / count
    middle = (share + square / 2) / (1 + square)
    half = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def mean(values: np.ndarray) -> tuple[float, float]:
    """Returns the 95% interval of the mean of many values ``float[M]``, by the normal distribution;
    for a single value the value itself.
    """
    middle = float(np.mean(values))
    half = _Z * float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return middle - half, middle + half


def text(share: float | None, count: int | None) -> str:
    """Formats the interval in percent, such as ``82.8 to 88.9``; empty if there is none."""
    if share is None or not count:
        return ""
    low, high = wilson(share, count)
    return f"{100 * low:.1f} to {100 * high:.1f}"
