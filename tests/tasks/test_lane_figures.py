"""The figures of TuSimple and CULane: by hand, and against slow references."""

import math

import numpy as np
import pytest

from amkd.tasks import lane_figures

ROWS = (0, 10, 20, 30)
NAN = np.nan


def lanes(*columns):
    return np.array(columns, np.float32).reshape(len(columns), len(ROWS))


def test_tusimple_by_hand():
    """Of two lanes one is right in all rows, the other in two of four, so it is missed; a third
    prediction is nowhere. Accuracy (1 + .5) / 2, two of three predictions false, one of two missed.
    """
    truth = lanes((10, 10, 10, 10), (30, 30, 30, 30))
    found = lanes((10.5, 10, 9.5, 10), (30, 30, 35, 35), (60, 60, 60, 60))
    accuracy, false, missed = lane_figures.tusimple(found[None], truth[None], ROWS, 1.0)
    np.testing.assert_allclose((accuracy, false, missed), (0.75, 2 / 3, 0.5))


def test_tusimple_s_own_rules():
    """Rows without a lane in both count as right. A lane that leans by 45 degrees may be 1 /
    cos(45) away. Three predictions more than lanes, and all is wrong.
    """
    both = lanes((10, 10, NAN, NAN))
    assert lane_figures.tusimple(both[None], both[None], ROWS, 1.0) == (1, 0, 0)
    leaning = lanes((0, 10, 20, 30))
    assert lane_figures.tusimple(leaning[None] + 1.4, leaning[None], ROWS, 1.0)[0] == 1
    assert lane_figures.tusimple(leaning[None] + 1.5, leaning[None], ROWS, 1.0)[0] == 0
    many = lanes(*[(column,) * 4 for column in (10, 20, 30, 40)])
    assert lane_figures.tusimple(many[None], many[None, :1], ROWS, 1.0) == (0, 0, 1)


def plain_tusimple(found, truth, near):
    """The benchmark's own program, written anew: lists, -100 for no lane, an angle by fit."""
    found, truth = (
        [[-100 if math.isnan(x) else x for x in lane] for lane in side if not np.isnan(lane).all()]
        for side in (found, truth)
    )
    if len(found) > len(truth) + 2:
        return 0, 0, 1
    shares = []
    for lane in truth:
        seen = [(y, x) for y, x in zip(ROWS, lane, strict=True) if x >= 0]
        angle = math.atan(np.polyfit(*zip(*seen, strict=True), 1)[0]) if len(seen) > 1 else 0
        limit = near / math.cos(angle)
        best = 0
        for other in found:
            right = sum(abs(a - b) < limit for a, b in zip(lane, other, strict=True))
            best = max(best, right / len(ROWS))
        shares.append(best)
    matched = sum(share >= 0.85 for share in shares)
    false = (len(found) - matched) / len(found) if found else 0
    missed = (len(truth) - matched) / max(min(len(truth), 4), 1)
    return sum(shares) / max(min(len(truth), 4), 1), false, missed


def test_tusimple_is_the_plain_reference():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 40, (30, 4, 1)) + rng.normal(0, 6, (30, 4, 4)).cumsum(-1)
    truth = np.clip(truth, 0, None)
    found = np.clip(truth[:, ::-1] + rng.normal(0, 2, truth.shape), 0, None)
    for side in (truth, found):
        side[rng.random(side.shape[:2]) < 0.3] = NAN
        side[..., :1][rng.random((30, 4, 1)) < 0.3] = NAN
    wanted = np.mean([plain_tusimple(*pair, 3.0) for pair in zip(found, truth, strict=True)], 0)
    np.testing.assert_allclose(lane_figures.tusimple(found, truth, ROWS, 3.0), wanted)


@pytest.mark.parametrize(("away", "share"), [(0, 1), (1, 3 / 5), (2, 1 / 3), (4, 0)])
def test_upright_lanes_overlap_by_hand(away, share):
    """Two bands of width 4, so far apart: (4 - d) / (4 + d)."""
    one, other = lanes((20,) * 4), lanes((20 + away,) * 4)
    found = lane_figures.intersections_over_unions(one, other, ROWS, width=80, drawn=4)
    np.testing.assert_allclose(found, [[share]])


def test_culane_by_hand():
    """Two lanes, three predictions, of which one overlaps by 3/5 and one by 1/3: P 1/3, R 1/2."""
    truth, found = lanes((10,) * 4, (40,) * 4), lanes((11,) * 4, (42,) * 4, (70,) * 4)
    overlap = lane_figures.culane(found[None], truth[None], ROWS, width=80, drawn=4)
    np.testing.assert_allclose(overlap, (0.4, 1 / 3, 1 / 2))
    none = lanes(*[])
    assert lane_figures.culane(none[None], none[None], ROWS, width=80, drawn=4) == (1, 1, 1)
    assert lane_figures.culane(found[None], none[None], ROWS, width=80, drawn=4) == (0, 0, 0)


def test_lanes_are_matched_for_the_largest_sum():
    """The first prediction overlaps both lanes, the second only the first: both pairs count."""
    truth, found = lanes((10,) * 4, (12,) * 4), lanes((11,) * 4, (9.2,) * 4)
    overlap = lane_figures.culane(found[None], truth[None], ROWS, width=80, drawn=4)
    assert overlap.f1 == 1


def test_bands_are_those_of_fine_pixels():
    """Areas against counted pixels, 20 to each: bent lanes, cut off at the edge, seen in part."""
    rng = np.random.default_rng(1)
    one = rng.uniform(-2, 38, (3, 1)) + rng.normal(0, 2, (3, 4)).cumsum(-1)
    other = one + rng.normal(0, 1.5, one.shape)
    one[1, :2] = other[0, 3] = NAN
    found = lane_figures.intersections_over_unions(one, other, ROWS, width=40, drawn=5)
    fine = (np.arange(800) + 0.5) / 20

    def drawn(lane):
        image = np.zeros((31, 800), bool)
        for row in range(31):
            seen = ~np.isnan(lane)
            first, last = np.array(ROWS)[seen][[0, -1]]
            if first <= row <= last:
                at = np.interp([row - 1, row, row + 1], np.array(ROWS)[seen], lane[seen])
                before, after = max(row - 1, first), min(row + 1, last)
                slope = (at[2] - at[0]) / (after - before)
                half = 2.5 * math.sqrt(1 + slope**2)
                image[row] = np.abs(fine - at[1]) <= half
        return image

    for i, lane in enumerate(one):
        for j, against in enumerate(other):
            a, b = drawn(lane), drawn(against)
            np.testing.assert_allclose(found[i, j], (a & b).sum() / (a | b).sum(), atol=0.01)
