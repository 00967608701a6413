"""The embedded digits: a fixed split."""

from pathlib import Path

import numpy as np
import pytest

from amkd.data import resize, sources
from amkd.data.dataset import DataSet
from tests.support.image_files import arrays_of, rows


@pytest.fixture
def digits(tmp_path: Path) -> DataSet:
    return sources.load("digits", cache_dir=tmp_path)


def test_digits_are_split_once_and_for_all(digits: DataSet, tmp_path: Path) -> None:
    assert (digits.name, digits.classes, digits.shape) == ("digits", 10, (8, 8, 1))
    assert digits.teacher_images.shape == (900, 8, 8, 1)
    assert digits.pool_images.shape == (400, 8, 8, 1)
    assert digits.test_images.shape == (497, 8, 8, 1)
    assert (digits.teacher_labels.shape, digits.test_labels.shape) == ((900,), (497,))
    again = sources.load("digits", cache_dir=tmp_path)
    for first, second in zip(arrays_of(digits), arrays_of(again), strict=True):
        assert first.tobytes() == second.tobytes()
    # The split is part of the results: it must not move from one version to the next.
    assert digits.test_labels[:8].tolist() == [7, 0, 4, 3, 0, 4, 6, 4]
    assert list(tmp_path.iterdir()) == []


def test_digits_use_all_of_the_range_and_the_right_types(digits: DataSet) -> None:
    for images in (digits.teacher_images, digits.pool_images, digits.test_images):
        assert images.dtype == np.uint8
        assert (images.min(), images.max()) == (0, 255)
    for labels in (digits.teacher_labels, digits.test_labels):
        assert labels.dtype == np.int32
        assert set(labels.tolist()) == set(range(10))


def test_digits_can_be_enlarged(digits: DataSet, tmp_path: Path) -> None:
    large = sources.load("digits", cache_dir=tmp_path, size=24)
    assert large.shape == (24, 24, 1)
    assert np.array_equal(large.test_labels, digits.test_labels)
    assert np.array_equal(large.pool_images[17], resize.square(digits.pool_images[17], 24))


def test_the_splits_of_digits_are_disjoint_and_whole(digits: DataSet) -> None:
    from sklearn.datasets import load_digits

    source = load_digits()
    everything = np.rint(source.images * 255 / 16).astype(np.uint8)
    parts = [*rows(digits.teacher_images), *rows(digits.pool_images), *rows(digits.test_images)]
    assert sorted(parts) == sorted(rows(everything))  # each of the 1,797 in exactly one part
    labels = {
        image.tobytes(): label for image, label in zip(everything, source.target, strict=True)
    }
    for images, found in (
        (digits.teacher_images, digits.teacher_labels),
        (digits.test_images, digits.test_labels),
    ):
        assert [labels[row] for row in rows(images)] == found.tolist()


def test_every_split_of_digits_holds_every_class(digits: DataSet) -> None:
    for labels in (digits.teacher_labels, digits.test_labels):
        assert np.bincount(labels, minlength=10).min() > 0.05 * len(labels)


def test_fewer_test_images(digits: DataSet, tmp_path: Path) -> None:
    few = sources.load("digits", cache_dir=tmp_path, test_images=10)
    assert np.array_equal(few.test_images, digits.test_images[:10])
    assert np.array_equal(few.test_labels, digits.test_labels[:10])
    assert len(few.pool_images) == 400
