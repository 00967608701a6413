"""The roads that the package makes: the same every time, with lanes where the labels say."""

import numpy as np

from amkd.core import keys
from amkd.data import roads

IMAGES, LABELS = roads.make(60, keys.rng(0, 0, keys.Purpose.ROADS))


def test_shapes_and_bits():
    assert IMAGES.shape == (60, 48, 80, 3) and IMAGES.dtype == np.uint8
    assert LABELS.shape == (60, 4, 12) and LABELS.dtype == np.float32
    again, labels = roads.make(60, keys.rng(0, 0, keys.Purpose.ROADS))
    np.testing.assert_array_equal(again, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)


def test_lanes_do_not_cross_and_are_in_the_image():
    seen = ~np.isnan(LABELS)
    assert (LABELS[seen] >= 0).all() and (LABELS[seen] < 80).all()
    assert seen.any((1, 2)).all()  # no road without a lane
    assert set(seen.sum(-1).ravel()) - {0} <= set(range(2, 13))
    left, right = LABELS[:, :-1], LABELS[:, 1:]
    both = ~np.isnan(left) & ~np.isnan(right)
    assert (left[both] < right[both]).all()


def test_lines_are_brighter_than_the_road_beside_them():
    """By day, without regard to dashes, cars and shadows: in the mean over all labelled points."""
    day = IMAGES[:, :8].mean((1, 2, 3)) > 100
    assert 0.6 < day.mean() < 0.95  # the others are by night
    image, lane, anchor = np.nonzero(~np.isnan(LABELS))
    x = LABELS[image, lane, anchor].astype(int)
    kept = day[image] & (x > 6) & (x < 73)
    image, row, x = image[kept], np.array(roads.TASK.anchors)[anchor[kept]], x[kept]
    on = IMAGES[image, row, x].mean()
    beside = np.mean([IMAGES[image, row, x + d].mean() for d in (-5, 5)])
    assert on > beside + 20
