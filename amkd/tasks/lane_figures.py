"""The figures of the two lane benchmarks, computed on the host. Pure functions.

Lanes are columns in pixels at R shared rows, ``float32[M, L, R]``, NaN where a lane is not seen.
"""

from typing import NamedTuple

import numpy as np

_FOUND = 0.85  # share of a lane's points that must be near for the lane to be found (TuSimple)
_ALIKE = 0.5  # intersection over union above which two lanes are the same (CULane)
_MOST = 4  # lanes that TuSimple counts in an image


class Overlap(NamedTuple):
    """CULane's figures over all images.

    Attributes:
      f1: harmonic mean of the other two.
      precision: share of the predicted lanes that are lanes.
      recall: share of the lanes that were predicted.
    """

    f1: float
    precision: float
    recall: float


def tusimple(
    found: np.ndarray, truth: np.ndarray, rows: tuple[int, ...], near: float
) -> tuple[float, float, float]:
    """Returns TuSimple's accuracy, false positives and false negatives: means over the images.

    A predicted lane is right in a row if it is less than ``near`` / cos(angle) from the true lane,
    or if neither is seen there. Each true lane has the share of right rows of the predicted lane
    that fits it best. Accuracy is the mean of these shares. A true lane with a share below .85 is
    missed, and a predicted lane that matches no lane is a false positive.

    Args:
      found: ``float32[M, L, R]``, predicted.
      truth: ``float32[M, L, R]``.
      rows: the R rows in pixels.
      near: distance in pixels; TuSimple's is 20, on images 1,280 pixels wide.
    """
    each = [
        _tusimple_of_one(*pair, np.array(rows), near) for pair in zip(found, truth, strict=True)
    ]
    accuracy, false, missed = np.mean(each, axis=0)
    return float(accuracy), float(false), float(missed)


def _tusimple_of_one(
    found: np.ndarray, truth: np.ndarray, rows: np.ndarray, near: float
) -> tuple[float, float, float]:
    found, truth = _there(found), _there(truth)
    if len(found) > len(truth) + 2:  # the benchmark's own rule
        return 0.0, 0.0, 1.0
    shares = []
    for lane in truth:
        limit = near * np.sqrt(1 + _slope(lane, rows) ** 2)
        right = (np.abs(found - lane) < limit) | (np.isnan(found) & np.isnan(lane))
        shares.append(right.mean(-1).max(initial=0))
    matched = sum(share >= _FOUND for share in shares)
    counted = max(min(len(truth), _MOST), 1)
    false = (len(found) - matched) / len(found) if len(found) else 0.0
    return sum(shares) / counted, false, (len(truth) - matched) / counted


def _slope(lane: np.ndarray, rows: np.ndarray) -> float:
    """Returns the columns that a lane moves in each row, by least squares: tan of its angle."""
    seen = ~np.isnan(lane)
    if seen.sum() < 2:
        return 0.0
    return float(np.polyfit(rows[seen], lane[seen], 1)[0])


def _there(lanes: np.ndarray) -> np.ndarray:
    """Returns the lanes that are seen in any row: ``[L, R]`` to ``[K, R]``."""
    return lanes[~np.isnan(lanes).all(-1)]


def culane(
    found: np.ndarray, truth: np.ndarray, rows: tuple[int, ...], *, width: int, drawn: float
) -> Overlap:
    """Returns CULane's figures: lanes are drawn with a width, and matched one to one so that their
    intersections over union have the largest sum. A pair counts if it is above .5.

    Here, a drawn lane is a band, straight between two rows and without round ends, whose areas are
    computed exactly instead of in pixels; CULane draws a spline of 30 pixels on images 1,640 pixels
    wide. Where there is no lane and none is predicted, all figures are 1.

    Args:
      found: ``float32[M, L, R]``, predicted.
      truth: ``float32[M, L, R]``.
      rows: the R rows in pixels, ascending.
      width: the width of the images; what is drawn beyond it does not count.
      drawn: width of a drawn lane.
    """
    from scipy.optimize import linear_sum_assignment  # slow to import; only lanes need it

    right = predicted = there = 0
    for own, true in zip(found, truth, strict=True):
        own, true = _there(own), _there(true)
        overlaps = intersections_over_unions(own, true, rows, width=width, drawn=drawn)
        pairs = linear_sum_assignment(-overlaps)
        right += int((overlaps[pairs] > _ALIKE).sum())
        predicted, there = predicted + len(own), there + len(true)
    precision = right / predicted if predicted else float(there == 0)
    recall = right / there if there else float(predicted == 0)
    both = precision + recall
    return Overlap(2 * precision * recall / both if both else 0.0, precision, recall)


def intersections_over_unions(
    one: np.ndarray, other: np.ndarray, rows: tuple[int, ...], *, width: int, drawn: float
) -> np.ndarray:
    """Returns the intersection over union of each of K drawn lanes with each of N others,
    ``float64[K, N]``.

    Args:
      one: ``float32[K, R]``.
      other: ``float32[N, R]``.
      rows: see :func:`culane`; so are the others.
      width: the width of the images.
      drawn: width of a drawn lane.
    """
    (low, high), (other_low, other_high) = (_band(x, rows, width, drawn) for x in (one, other))
    low, high = low[:, None], high[:, None]
    common = np.maximum(np.minimum(high, other_high) - np.maximum(low, other_low), 0).sum(-1)
    whole = (high - low).sum(-1) + (other_high - other_low).sum(-1) - common
    return np.asarray(common / np.maximum(whole, np.finfo(np.float32).tiny))


def _band(
    lanes: np.ndarray, rows: tuple[int, ...], width: int, drawn: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns left and right end of drawn lanes in each pixel row between the first and the last
    row, ``float64[K, H']`` each; both are 0 where a lane is not drawn.
    """
    at = np.arange(rows[0], rows[-1] + 1)
    low, high = np.zeros((2, len(lanes), len(at)))
    for number, lane in enumerate(lanes):
        seen = ~np.isnan(lane)
        own_rows = np.array(rows)[seen]
        inside = (at >= own_rows[0]) & (at <= own_rows[-1])
        x = np.interp(at[inside], own_rows, lane[seen])
        slope = np.gradient(x) if len(x) > 1 else np.zeros(1)
        half = drawn / 2 * np.sqrt(1 + slope**2)  # the width is measured across the lane
        low[number, inside] = np.clip(x - half, 0, width)
        high[number, inside] = np.clip(x + half, 0, width)
    return low, high
