"""Images: fixed splits, seeded draws, and TFDS data sets decoded once."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.data import resize, sources, tfds_source
from amkd.data.dataset import DataSet, draw_real, not_drawn


def rows(pictures: np.ndarray) -> list[bytes]:
    return [picture.tobytes() for picture in pictures]


@pytest.fixture
def digits(tmp_path: Path) -> DataSet:
    return sources.load("digits", "", 0, 0, tmp_path)


# Digits.


def test_digits_are_split_once_and_for_all(digits: DataSet, tmp_path: Path) -> None:
    assert (digits.name, digits.classes, digits.shape) == ("digits", 10, (8, 8, 1))
    assert digits.teacher_images.shape == (900, 8, 8, 1)
    assert digits.pool_images.shape == (400, 8, 8, 1)
    assert digits.test_images.shape == (497, 8, 8, 1)
    assert (digits.teacher_labels.shape, digits.test_labels.shape) == ((900,), (497,))
    again = sources.load("digits", "", 0, 0, tmp_path)
    for first, second in zip(digits[2:7], again[2:7], strict=True):
        assert first.tobytes() == second.tobytes()
    # The split is part of the results: it must not move from one version to the next.
    assert digits.test_labels[:8].tolist() == [7, 0, 4, 3, 0, 4, 6, 4]
    assert list(tmp_path.iterdir()) == []


def test_the_splits_of_digits_are_disjoint_and_whole(digits: DataSet) -> None:
    from sklearn.datasets import load_digits

    source = load_digits()
    everything = np.rint(source.images * 255 / 16).astype(np.uint8)
    parts = [*rows(digits.teacher_images), *rows(digits.pool_images), *rows(digits.test_images)]
    assert sorted(parts) == sorted(rows(everything))  # each of the 1,797 in exactly one part
    labels = {
        picture.tobytes(): label for picture, label in zip(everything, source.target, strict=True)
    }
    for pictures, found in (
        (digits.teacher_images, digits.teacher_labels),
        (digits.test_images, digits.test_labels),
    ):
        assert [labels[row] for row in rows(pictures)] == found.tolist()


def test_digits_use_all_of_the_range_and_the_right_types(digits: DataSet) -> None:
    for pictures in (digits.teacher_images, digits.pool_images, digits.test_images):
        assert pictures.dtype == np.uint8
        assert (pictures.min(), pictures.max()) == (0, 255)
    for labels in (digits.teacher_labels, digits.test_labels):
        assert labels.dtype == np.int32
        assert set(labels.tolist()) == set(range(10))


def test_every_split_of_digits_holds_every_class(digits: DataSet) -> None:
    for labels in (digits.teacher_labels, digits.test_labels):
        assert np.bincount(labels, minlength=10).min() > 0.05 * len(labels)


def test_digits_can_be_enlarged(digits: DataSet, tmp_path: Path) -> None:
    large = sources.load("digits", "", 24, 0, tmp_path)
    assert large.shape == (24, 24, 1)
    assert np.array_equal(large.test_labels, digits.test_labels)
    assert np.array_equal(large.pool_images[17], resize.square(digits.pool_images[17], 24))


def test_fewer_test_images(digits: DataSet, tmp_path: Path) -> None:
    few = sources.load("digits", "", 0, 10, tmp_path)
    assert np.array_equal(few.test_images, digits.test_images[:10])
    assert np.array_equal(few.test_labels, digits.test_labels[:10])
    assert len(few.pool_images) == 400


# The draw of the real images.


def numbered(count: int = 300) -> DataSet:
    """A data set whose images are their own numbers."""
    pool = np.arange(count, dtype="<u4").view(np.uint8).reshape(count, 2, 2, 1)
    labels = np.arange(count, dtype=np.int32) % 10
    return DataSet("numbers", 10, pool, labels, pool, pool, labels)


def drawn(data: DataSet, n: int, seed: int) -> list[int]:
    return draw_real(data, n, seed).reshape(n, -1).view("<u4").ravel().tolist()


def test_the_draw_is_seeded() -> None:
    data = numbered()
    assert drawn(data, 50, 3) == drawn(data, 50, 3)
    assert len({tuple(drawn(data, 50, seed)) for seed in range(10)}) == 10


def test_the_draw_is_without_replacement_and_from_the_pool() -> None:
    data = numbered()
    for seed in range(5):
        found = drawn(data, 250, seed)
        assert len(set(found)) == 250
        assert set(found) <= set(range(300))
    assert sorted(drawn(data, 300, 0)) == list(range(300))
    with pytest.raises(ValueError):
        draw_real(data, 301, 0)


def test_what_is_not_drawn_is_the_rest_in_order() -> None:
    rest = not_drawn(numbered(20), 7, 3).reshape(13, -1).view("<u4").ravel().tolist()
    assert sorted([*drawn(numbered(20), 7, 3), *rest]) == list(range(20)) and rest == sorted(rest)


def test_the_draw_is_uniform() -> None:
    data = numbered(20)
    counts = np.bincount(
        [number for seed in range(1000) for number in drawn(data, 5, seed)], minlength=20
    )
    assert np.all(np.abs(counts - 250) < 5 * np.sqrt(1000 * 0.25 * 0.75))


def test_the_draw_is_blind_to_labels_and_to_other_parts() -> None:
    data = numbered()
    blind = data._replace(
        teacher_labels=data.teacher_labels[::-1],
        teacher_images=data.teacher_images[:5],
        test_images=data.test_images[:5],
        test_labels=data.test_labels[:5] * 0,
        classes=3,
        name="other",
    )
    assert drawn(data, 40, 1) == drawn(blind, 40, 1)


def test_the_draw_has_its_own_memory(digits: DataSet) -> None:
    real = draw_real(digits, 7, 0)
    assert real.flags.c_contiguous
    assert not np.shares_memory(real, digits.pool_images)
    assert real.shape == (7, 8, 8, 1)
    assert real.dtype == np.uint8


# Resizing.


def test_a_square_of_the_right_size_is_left_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.array_equal(resize.square(image, 8), image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(8, 14), (14, 8)])
def test_the_middle_square_is_what_is_kept(shape: tuple[int, int], channels: int) -> None:
    """The margins are garish, and nothing of them may be seen."""
    image = np.full((*shape, channels), 255, np.uint8)
    image[(slice(3, 11), slice(None))[:: 1 if shape[0] > 8 else -1]] = 40
    for size in (4, 8, 16):
        found = resize.square(image, size)
        assert found.shape == (size, size, channels)
        assert found.dtype == np.uint8
        assert np.all(found == 40)


def test_an_odd_margin() -> None:
    image = np.arange(15, dtype=np.uint8).reshape(3, 5, 1)
    assert np.array_equal(resize.square(image, 3), image[:, 1:4])


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_and_orientation_are_kept(channels: int) -> None:
    image = np.zeros((8, 8, channels), np.uint8)
    image[:4, :, 0] = 200  # the upper half
    image[:, :4, -1] += 50  # the left half
    for size in (4, 16):
        found = resize.square(image, size).astype(int)
        for top, left in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert np.array_equal(found[top, left], image[top, left])


def test_resizing_is_bilinear() -> None:
    image = np.array([[0, 100], [100, 200]], np.uint8)[..., None]
    assert resize.square(image, 4)[..., 0].tolist() == [
        [0, 25, 75, 100],
        [25, 50, 100, 125],
        [75, 100, 150, 175],
        [100, 125, 175, 200],
    ]


# TFDS.

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist_is_decoded_once(
    tfds_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, as decoding takes most of its time: the whole data set, and its way through the
    cache.
    """
    first = sources.load("mnist", str(tfds_dir), 0, 0, tmp_path)
    assert (first.name, first.classes, first.shape) == ("mnist", 10, (28, 28, 1))
    assert first.teacher_images.shape == (60000, 28, 28, 1)
    assert first.test_images.shape == (10000, 28, 28, 1)
    assert first.pool_images is first.teacher_images
    assert (first.teacher_labels.dtype, first.test_labels.dtype) == (np.int32, np.int32)
    # The original's own figures, whatever the order: classes, and the mean pixel.
    assert np.bincount(first.teacher_labels).tolist() == TRAIN_COUNTS
    assert np.bincount(first.test_labels).tolist() == TEST_COUNTS
    assert abs(first.teacher_images.mean() / 255 - 0.1307) < 5e-5
    assert first.test_labels[:10].tolist() == [2, 0, 4, 8, 7, 6, 0, 6, 3, 1]  # in TFDS's order
    # Labels belong to images: a one is thinner than a nought.
    ink = [first.test_images[first.test_labels == digit].mean() for digit in range(10)]
    assert np.argmin(ink) == 1
    assert np.argmax(ink) == 0

    def decode(*args: object) -> None:
        pytest.fail("decoded again")

    assert len(list((tmp_path / "arrays").iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr(tfds_source, "_decode", decode)
        second = sources.load("mnist", str(tfds_dir), 0, 0, tmp_path)
        assert (second.name, second.classes) == (first.name, first.classes)
        for a, b in zip(first[2:7], second[2:7], strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        patched.setenv("TFDS_DATA_DIR", str(tfds_dir))
        few = sources.load("mnist", "", 0, 100, tmp_path)  # the directory by its variable
        assert np.array_equal(few.test_images, first.test_images[:100])


class Shortened:
    """A TFDS builder of which only the first records of every split are read."""

    def __init__(self, builder: Any, length: int, asked: list[str]) -> None:
        self.builder, self.length, self.asked = builder, length, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self.builder, name)

    def as_data_source(self, split: str) -> Any:
        self.asked.append(split)
        source, length = self.builder.as_data_source(split), self.length

        class Source:
            def __len__(self) -> int:
                return min(length, len(source))

            def __getitems__(self, places: list[int]) -> list[Any]:
                assert max(places) < length
                found: list[Any] = source.__getitems__(places)
                return found

        return Source()


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes data sets short; holds the splits that were decoded."""
    asked: list[str] = []
    original = tfds_source._builder
    monkeypatch.setattr(
        tfds_source, "_builder", lambda *args: Shortened(original(*args), 1100, asked)
    )
    return asked


@pytest.mark.parametrize(
    ("name", "shape", "sizes"),
    [
        ("mnist", (28, 28, 1), (60000, 10000)),
        ("fashion_mnist", (28, 28, 1), (60000, 10000)),
        ("cifar10", (32, 32, 3), (50000, 10000)),
    ],
)
def test_prepared_data_sets(
    tfds_dir: str,
    tmp_path: Path,
    shortened: list[str],
    name: str,
    shape: tuple[int, ...],
    sizes: tuple[int, int],
) -> None:
    builder = tfds_source._builder(name, str(tfds_dir))
    assert [builder.info.splits[split].num_examples for split in ("train", "test")] == list(sizes)
    data = sources.load(name, str(tfds_dir), 0, 0, tmp_path)
    assert shortened == ["train", "test"]
    assert (data.name, data.classes, data.shape) == (name, 10, shape)
    for pictures, labels in (
        (data.teacher_images, data.teacher_labels),
        (data.test_images, data.test_labels),
    ):
        assert (pictures.shape, pictures.dtype) == ((1100, *shape), np.uint8)
        assert (labels.shape, labels.dtype) == ((1100,), np.int32)
        assert set(labels.tolist()) == set(range(10))
        assert len(set(rows(pictures))) > 1090
        assert pictures.max() == 255
    # In the order of the records, through all the threads.
    source = builder.as_data_source("test")
    for place in (0, 499, 500, 1099):
        record = source.__getitems__([place])[0]
        assert np.array_equal(data.test_images[place], record["image"])
        assert data.test_labels[place] == record["label"]
    again = sources.load(name, str(tfds_dir), 0, 0, tmp_path)
    assert shortened == ["train", "test", "test"]  # the last one is this test's
    assert np.array_equal(again.teacher_images, data.teacher_images)


def test_another_size_is_another_cache(tfds_dir: str, tmp_path: Path, shortened: list[str]) -> None:
    data = sources.load("cifar10", str(tfds_dir), 0, 0, tmp_path)
    small = sources.load("cifar10", str(tfds_dir), 16, 0, tmp_path)
    assert small.shape == (16, 16, 3)
    assert np.array_equal(small.test_images[5], resize.square(data.test_images[5], 16))
    assert len(list((tmp_path / "arrays").iterdir())) == 2
    assert sources.load("cifar10", str(tfds_dir), 0, 0, tmp_path).shape == (32, 32, 3)
    assert len(shortened) == 4


def test_names_may_carry_a_version(tfds_dir: str, tmp_path: Path, shortened: list[str]) -> None:
    data = sources.load("cifar10:3.0.2", str(tfds_dir), 0, 0, tmp_path)
    assert (data.name, data.shape) == ("cifar10:3.0.2", (32, 32, 3))
    sources.load("cifar10", str(tfds_dir), 0, 0, tmp_path)
    assert shortened == ["train", "test"]  # the same data, decoded once


def test_an_interrupted_decoding_leaves_no_cache(
    tfds_dir: str, tmp_path: Path, shortened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sources.load("mnist", str(tfds_dir), 0, 0, tmp_path)
    assert len(sources.load("mnist", str(tfds_dir), 0, 0, tmp_path).test_images) == 1100
    assert shortened == ["train", "test"] * 2


@pytest.mark.parametrize("harm", ["truncate", "empty", "remove"])
def test_a_damaged_cache_is_told_of(
    tfds_dir: str, tmp_path: Path, shortened: list[str], harm: str
) -> None:
    """With the folder to delete, after which it is decoded again."""
    sources.load("mnist", str(tfds_dir), 0, 0, tmp_path)
    (folder,) = (tmp_path / "arrays").iterdir()
    path = folder / "test_images.npy"
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 1000 if harm == "truncate" else 0])
    with pytest.raises(UserError) as caught:
        sources.load("mnist", str(tfds_dir), 0, 0, tmp_path)
    assert str(folder) in str(caught.value)
    assert "elete" in str(caught.value)
    shutil.rmtree(folder)
    assert len(sources.load("mnist", str(tfds_dir), 0, 0, tmp_path).test_images) == 1100


def test_two_that_store_at_once(tmp_path: Path) -> None:
    """The second finds the first's folder, and leaves it and no scratch."""
    folder = tmp_path / "arrays" / "name"
    arrays = {"train_images": np.arange(4)}
    tfds_source._store(folder, arrays)
    tfds_source._store(folder, arrays)
    assert [path.name for path in folder.parent.iterdir()] == ["name"]
    assert np.array_equal(np.load(folder / "train_images.npy"), np.arange(4))


@pytest.mark.parametrize("name", ["mnst", "no_such_data", "mnist:9.9.9", "", "../etc"])
def test_unknown_data_sets(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        sources.load(name, str(tmp_path), 0, 0, tmp_path / "cache")
    message = str(caught.value)
    assert f"config.dataset={name!r}" in message
    assert "tensorflow.org/datasets/catalog" in message and "'digits'" in message


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow would prepare them"
)
@pytest.mark.parametrize("name", ["mnist", "cifar10", "svhn_cropped"])
def test_unprepared_data_sets(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        sources.load(name, str(tmp_path / "nothing"), 0, 0, tmp_path / "cache")
    message = str(caught.value)
    assert f"config.dataset={name!r}" in message
    assert str(tmp_path / "nothing") in message
    for remedy in ("--config.data.dir", "TFDS_DATA_DIR", "TensorFlow"):
        assert remedy in message
    assert not (tmp_path / "cache").exists()


def test_a_data_set_without_its_records(tfds_dir: str, tmp_path: Path) -> None:
    """Prepared, and then its records were lost."""
    folder = tmp_path / "data" / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    source = Path(tfds_dir) / "mnist" / "3.0.1"
    if not source.is_dir():
        pytest.skip("TFDS_DATA_DIR holds no mnist 3.0.1")
    for name in os.listdir(source):
        if "array_record" not in name:
            shutil.copy(source / name, folder / name)
    with pytest.raises(UserError) as caught:
        sources.load("mnist", str(tmp_path / "data"), 0, 0, tmp_path / "cache")
    assert str(folder) in str(caught.value)


def test_a_data_set_with_truncated_records(tfds_dir: str, tmp_path: Path) -> None:
    source = Path(tfds_dir) / "mnist" / "3.0.1"
    if not source.is_dir():
        pytest.skip("TFDS_DATA_DIR holds no mnist 3.0.1")
    folder = tmp_path / "data" / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    for name in os.listdir(source):
        content = (source / name).read_bytes()
        (folder / name).write_bytes(
            content[: len(content) // 3] if "array_record" in name else content
        )
    with pytest.raises(UserError) as caught:
        sources.load("mnist", str(tmp_path / "data"), 0, 0, tmp_path / "cache")
    assert str(folder) in str(caught.value)
    assert not (tmp_path / "cache" / "arrays").exists() or not list(
        (tmp_path / "cache" / "arrays").iterdir()
    )
