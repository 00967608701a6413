"""TFDS data sets, decoded once, and what may be wrong with them."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.data import resize, sources, tfds_source
from tests.support import command, whole_run
from tests.support.image_files import arrays_of, rows

TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


class Shortened:
    """A TFDS builder of which only the first records of every split are read."""

    def __init__(self, builder: Any, lengths: dict[str, int], asked: list[str]) -> None:
        self.builder, self.lengths, self.asked = builder, lengths, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self.builder, name)

    def as_data_source(self, split: str) -> Any:
        self.asked.append(split)
        source, length = self.builder.as_data_source(split), self.lengths[split]

        class Source:
            def __len__(self) -> int:
                return min(length, len(source))

            def __getitems__(self, indices: list[int]) -> list[Any]:
                assert max(indices) < length
                found: list[Any] = source.__getitems__(indices)
                return found

        return Source()


@pytest.fixture
def shortened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Makes data sets short; holds the splits that were decoded."""
    asked: list[str] = []
    original = tfds_source._builder
    lengths = {"train": 1100, "test": 1100}
    monkeypatch.setattr(
        tfds_source, "_builder", lambda *args: Shortened(original(*args), lengths, asked)
    )
    return asked


def test_mnist_is_decoded_once(
    tfds_dir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test, as decoding takes most of its time: all test images, and the cache."""
    original, lengths = tfds_source._builder, {"train": 6000, "test": 10_000}
    monkeypatch.setattr(
        tfds_source, "_builder", lambda *args: Shortened(original(*args), lengths, [])
    )
    first = sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    assert (first.name, first.classes, first.shape) == ("mnist", 10, (28, 28, 1))
    assert first.teacher_images.shape == (6000, 28, 28, 1)
    assert first.test_images.shape == (10000, 28, 28, 1)
    assert first.pool_images is first.teacher_images
    assert (first.teacher_labels.dtype, first.test_labels.dtype) == (np.int32, np.int32)
    # The original's own figures, whatever the order: classes, and the mean pixel.
    assert np.bincount(first.test_labels).tolist() == TEST_COUNTS
    assert abs(first.test_images.mean() / 255 - 0.1325) < 5e-5
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
        second = sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
        assert (second.name, second.classes) == (first.name, first.classes)
        for a, b in zip(arrays_of(first), arrays_of(second), strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
        patched.setenv("TFDS_DATA_DIR", tfds_dir)
        # The directory by its variable.
        few = sources.load("mnist", cache_dir=tmp_path, test_images=100)
        assert np.array_equal(few.test_images, first.test_images[:100])


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
    builder = tfds_source._builder(name, tfds_dir)
    assert [builder.info.splits[split].num_examples for split in ("train", "test")] == list(sizes)
    data = sources.load(name, cache_dir=tmp_path, directory=tfds_dir)
    assert shortened == ["train", "test"]
    assert (data.name, data.classes, data.shape) == (name, 10, shape)
    for images, labels in (
        (data.teacher_images, data.teacher_labels),
        (data.test_images, data.test_labels),
    ):
        assert (images.shape, images.dtype) == ((1100, *shape), np.uint8)
        assert (labels.shape, labels.dtype) == ((1100,), np.int32)
        assert set(labels.tolist()) == set(range(10))
        assert len(set(rows(images))) > 1090
        assert images.max() == 255
    # In the order of the records, through all the threads.
    source = builder.as_data_source("test")
    for place in (0, 499, 500, 1099):
        record = source.__getitems__([place])[0]
        assert np.array_equal(data.test_images[place], record["image"])
        assert data.test_labels[place] == record["label"]
    again = sources.load(name, cache_dir=tmp_path, directory=tfds_dir)
    assert shortened == ["train", "test", "test"]  # the last one is this test's
    assert np.array_equal(again.teacher_images, data.teacher_images)


def test_another_size_is_another_cache(tfds_dir: str, tmp_path: Path, shortened: list[str]) -> None:
    data = sources.load("cifar10", cache_dir=tmp_path, directory=tfds_dir)
    small = sources.load("cifar10", cache_dir=tmp_path, directory=tfds_dir, size=16)
    assert small.shape == (16, 16, 3)
    assert np.array_equal(small.test_images[5], resize.square(data.test_images[5], 16))
    assert len(list((tmp_path / "arrays").iterdir())) == 2
    assert sources.load("cifar10", cache_dir=tmp_path, directory=tfds_dir).shape == (32, 32, 3)
    assert len(shortened) == 4


def test_names_may_carry_a_version(tfds_dir: str, tmp_path: Path, shortened: list[str]) -> None:
    data = sources.load("cifar10:3.0.2", cache_dir=tmp_path, directory=tfds_dir)
    assert (data.name, data.shape) == ("cifar10:3.0.2", (32, 32, 3))
    sources.load("cifar10", cache_dir=tmp_path, directory=tfds_dir)
    assert shortened == ["train", "test"]  # the same data, decoded once


def test_an_interrupted_decoding_leaves_no_cache(
    tfds_dir: str, tmp_path: Path, shortened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    again = sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    assert len(again.test_images) == 1100
    assert shortened == ["train", "test"] * 2


@pytest.mark.parametrize("harm", ["truncate", "empty", "remove", "flip"])
def test_a_damaged_cache_is_told_of(
    tfds_dir: str, tmp_path: Path, shortened: list[str], harm: str
) -> None:
    """With the folder to delete, after which it is decoded again."""
    sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    (folder,) = (tmp_path / "arrays").iterdir()
    path = folder / "test_images.npy"
    if harm == "remove":
        path.unlink()
    elif harm == "flip":
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        path.write_bytes(path.read_bytes()[: 1000 if harm == "truncate" else 0])
    with pytest.raises(UserError) as caught:
        sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    assert str(folder) in str(caught.value)
    assert "elete" in str(caught.value)
    shutil.rmtree(folder)
    again = sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    assert len(again.test_images) == 1100


def test_a_cache_of_an_earlier_version_is_used(
    tfds_dir: str, tmp_path: Path, shortened: list[str]
) -> None:
    sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    (folder,) = (tmp_path / "arrays").iterdir()
    (folder / "seal.json").unlink()
    assert len(sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir).test_images) == 1100
    assert shortened == ["train", "test"]


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
        sources.load(name, cache_dir=tmp_path / "cache", directory=str(tmp_path))
    message = str(caught.value)
    assert f"config.dataset={name!r}" in message
    assert "tensorflow.org/datasets/catalog" in message and "'digits'" in message


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow would prepare them"
)
@pytest.mark.parametrize("name", ["mnist", "cifar10", "svhn_cropped"])
def test_unprepared_data_sets(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as caught:
        sources.load(name, cache_dir=tmp_path / "cache", directory=str(tmp_path / "nothing"))
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
        sources.load("mnist", cache_dir=tmp_path / "cache", directory=str(tmp_path / "data"))
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
        sources.load("mnist", cache_dir=tmp_path / "cache", directory=str(tmp_path / "data"))
    assert str(folder) in str(caught.value)
    assert not (tmp_path / "cache" / "arrays").exists() or not list(
        (tmp_path / "cache" / "arrays").iterdir()
    )


def test_a_prepared_folder(tfds_dir: str, tmp_path: Path, shortened: list[str]) -> None:
    """The folder of a version is enough, whatever it is called."""
    (folder,) = (Path(tfds_dir) / "mnist").iterdir()
    found = sources.load(f"tfds:{folder}", cache_dir=tmp_path)
    named = sources.load("mnist", cache_dir=tmp_path, directory=tfds_dir)
    assert np.array_equal(found.test_images, named.test_images)
    assert (found.classes, found.class_names) == (10, named.class_names)
    with pytest.raises(UserError, match=f"no dataset_info.json.*did you mean {folder}"):
        sources.load(f"tfds:{folder.parent}", cache_dir=tmp_path)


@pytest.mark.parametrize(
    ("splits", "expected"),
    [(("train", "test"), "test"), (("train", "validation"), "validation"), (("train",), "test")],
)
def test_the_evaluation_split(splits: tuple[str, ...], expected: str) -> None:
    class Builder:
        class info:
            pass

    Builder.info.splits = dict.fromkeys(splits)
    assert tfds_source._evaluation_split(Builder) == expected


def test_a_run_on_mnist(tmp_path: Path, tfds_dir: str, shortened: list[str]) -> None:
    """Decoded, drawn and learnt from by name."""
    fields: dict[str, Any] = {
        "n_real": 60, "budget": 120, "rounds": 1, "data.test_images": 500,
        "teacher.images": 1000, "teacher.validation": 100,
        "teacher.train.epochs": 3, "data.dir": tfds_dir,
        "cache_dir": tmp_path / "cache", "search.max_pairs": 500, "report.progress": False,
        "train.min_steps": 60, "train.epochs": 5, "train.batch_size": 32,
        "report.tensorboard": False, "report.plots": False,
    }  # fmt: skip
    summary = whole_run.run(tmp_path, "mnist", "smoke", **fields)
    assert (
        summary["queries"] == 120
        and summary["teacher_accuracy"] > 0.7
        and summary["student_accuracy"] > 0.6
    )


def test_a_run_on_images_of_another_data_set(
    tmp_path: Path, tfds_dir: str, shortened: list[str]
) -> None:
    """Fashion-MNIST's images for a teacher of 8x8 digits."""
    fields = {
        **command.TINY,
        "rounds": 1,
        "train.epochs": 1,
        "data.real": "fashion_mnist",
        "data.dir": tfds_dir,
    }
    assert whole_run.run(tmp_path, **fields)["queries"] == 90
