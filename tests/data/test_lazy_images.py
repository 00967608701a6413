"""Images that are read when they are asked for: the same as an array of all of them."""

import numpy as np
import pytest

from amkd.core.digest import array_digest
from amkd.data.lazy_images import LazyImages
from amkd.data.records import Records, mixes, whole_records
from amkd.training import training_set

ALL = np.random.default_rng(0).integers(0, 256, (60, 4, 3, 1), np.uint8)
ROWS = np.array([31, 5, 8, 50, 49, 12])
WHOLE = np.concatenate([ALL[:4], ALL[ROWS]])


class Watched:
    """Images that count how many of them are read."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.read, self.most = images, 0, 0

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        self.read += len(rows)
        self.most = max(self.most, len(rows))
        return self.images[rows]


def lazy() -> LazyImages:
    return LazyImages(ALL[:4], Watched(ALL), ROWS)


@pytest.mark.parametrize(
    "places",
    [0, 7, -1, np.int32(4), slice(2, 7), slice(None, None, -3), [9, 0, 4, 9], np.array([], int)],
    ids=str,
)
def test_it_is_indexed_like_an_array(places) -> None:
    found = lazy()[places]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, WHOLE[places])


def test_it_is_an_array_where_one_is_wanted() -> None:
    images = lazy()
    assert (images.shape, len(images), images.dtype) == ((10, 4, 3, 1), 10, np.uint8)
    np.testing.assert_array_equal(np.asarray(images), WHOLE)
    assert array_digest(images) == array_digest(WHOLE)
    with pytest.raises(IndexError):
        images[10]


def test_a_block_of_whole_images_reads_these_and_no_others() -> None:
    images, records = lazy(), whole_records(np.array([8, 1, 6, 9, 4]))
    found = list(mixes(images, records, block=2))
    assert [len(block) for block in found] == [2, 2, 1]
    np.testing.assert_array_equal(np.concatenate(found), WHOLE[[8, 1, 6, 9, 4]])
    assert (images.others.read, images.others.most) == (4, 2)  # one of the five is in memory


def test_mixes_and_released_bytes_are_those_of_the_array() -> None:
    mixed = Records(np.int32([0, 5]), np.int32([7, 5]), np.int32([20000, 65536]))
    for records, released in ((mixed, False), (mixed, True), (whole_records([5, 2]), True)):
        (found,), (expected,) = (
            list(mixes(images, records, released)) for images in (lazy(), WHOLE)
        )
        np.testing.assert_array_equal(found, expected)


def test_training_takes_what_records_name_by_hand() -> None:
    """Of ten images, those at 1, 6 and 8; room for five, so that the next round has the shape."""
    images, records = lazy(), whole_records(np.array([8, 1, 6]))
    answers = np.eye(3, dtype=np.float32)
    data = training_set.make(images, records, answers, capacity=5)
    assert images.others.read == 2
    np.testing.assert_array_equal(data.images[:3], WHOLE[[1, 6, 8]])
    assert not data.images[3:].any() and data.images.shape == (5, 4, 3, 1)
    assert data.i.tolist() == data.j.tolist() == [2, 0, 1, 0, 0]
    expected = training_set.make(WHOLE, records, answers, capacity=5)
    index = np.int32([2, 0, 1, 1])
    for column, other in zip(
        vars(training_set.take(data, index)).values(),
        vars(training_set.take(expected, index)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(column, other)
