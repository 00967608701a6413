"""Images that a table lists: labels, splits, and what is wrong with rows."""

import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amkd.config.data import DataSettings
from amkd.core.errors import UserError
from amkd.data import file_sources, manifest
from amkd.data.dataset import DataSet
from tests.support.image_files import SIDE, colours, write_png

NAMES = ("cat", "dog")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight images in two folders."""
    for number in range(8):
        path = tmp_path / "all" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_png(path, number)
    return tmp_path / "all"


def write(root: Path, rows: list[list[object]], head: str = "path,label,split") -> Path:
    path = root / "manifest.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head.split(","), *rows])
    return path


def load(path: Path, cache: Path, **fields: object) -> DataSet:
    settings = DataSettings(
        **{"manifest": str(path), "size": SIDE, "held_out": 2, "resize": "stretch", **fields}
    )
    return file_sources.load("manifest", settings, seed=0, cache_dir=cache)


def path_of(number: int) -> str:
    return f"{'ab'[number % 2]}/{number}.png"


def test_labels_and_splits(root: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [[path_of(number), NAMES[number % 2], ""] for number in (3, 1, 0, 2)]
    rows += [[path_of(4), "cat", "test"], [path_of(5), "dog", "Test"], [path_of(6), "", "val"]]
    data = load(write(root, rows), cache)
    assert capsys.readouterr().out.endswith(
        "4 images, 2 for evaluation, 1 of a validation split left out\n"
    )
    assert (data.class_names, data.classes, data.name) == (NAMES, 2, "manifest")
    order = [0, 2, 1, 3]  # by path
    assert np.array_equal(data.pool_images, np.stack([colours(number) for number in order]))
    assert data.pool_labels is not None and data.test_labels is not None
    assert data.pool_labels.tolist() == data.teacher_labels.tolist() == [0, 0, 1, 1]
    assert np.array_equal(data.test_images, np.stack([colours(4), colours(5)]))
    assert (data.test_labels.tolist(), data.drawable_count) == ([0, 1], 4)


def test_a_list_of_a_folder_is_the_folder(root: Path, cache: Path) -> None:
    """Without labels: the same images in the same order, so that a run draws the same ones."""
    listed = load(
        write(root, [[path_of(number)] for number in range(8)], "path"), cache, classes="2"
    )
    settings = DataSettings(folder=str(root), size=SIDE, held_out=2, resize="stretch", classes="2")
    found = file_sources.load("folder", settings, seed=0, cache_dir=cache)
    assert np.array_equal(listed.pool_images, found.pool_images)
    assert np.array_equal(listed.pool_indices, found.pool_indices)
    assert np.array_equal(listed.test_images, found.test_images)
    assert listed.key == found.key and listed.pool_labels is listed.test_labels is None


def test_held_out_images_keep_their_labels(root: Path, cache: Path) -> None:
    rows = [[path_of(number), NAMES[number % 2]] for number in range(8)]
    data = load(write(root, rows, "path,label"), cache)
    assert data.test_labels is not None and len(data.teacher_images) == 0
    shown = [
        next(n for n in range(8) if np.array_equal(image, colours(n))) for image in data.test_images
    ]
    assert data.test_labels.tolist() == [number % 2 for number in shown]


def test_labels_may_be_numbers_of_named_classes(root: Path, cache: Path) -> None:
    rows = [[path_of(number), number % 2] for number in range(8)]
    data = load(write(root, rows, "path,label"), cache, classes="eel,fox")
    assert data.class_names == ("eel", "fox") and data.pool_labels is not None
    assert data.pool_labels.tolist() == [0] * 4 + [1] * 4
    named = load(write(root, rows, "file,kind"), cache, image_column="file", label_column="kind")
    assert named.class_names == ("0", "1")


def test_another_label_is_another_data_set(root: Path, cache: Path) -> None:
    rows = [[path_of(number), NAMES[number % 2], ""] for number in range(8)]
    first = load(write(root, rows), cache)
    rows[0][1] = "dog"
    assert load(write(root, rows), cache).key != first.key


WRONG = {
    "missing file": (["a/9.png", "cat", ""], "row 5: there is no file 'a/9.png'"),
    "too long a name": (["a" * 256, "cat", ""], "row 5: there is no file 'aaa"),
    "no path": (["", "cat", ""], "row 5: names no image file"),
    "listed twice": (["b/1.png", "dog", ""], "row 5: 'b/1.png' is also listed in row 3"),
    "unknown class": (["a/6.png", "catt", ""], "row 5: the label 'catt' is not one of.*mean 'cat'"),
    "unknown split": (["a/6.png", "cat", "trian"], "row 5: the split 'trian' is not train"),
    "unlabeled evaluation image": (
        ["a/6.png", "", "test"],
        "row 5: has no label, but other images of",
    ),
    "two labels": (
        ["copy.png", "dog", ""],
        "row 5: .*same image as in row 2.*labels are 'dog' and 'cat'",
    ),
}


@pytest.mark.parametrize(("row", "message"), WRONG.values(), ids=WRONG)
def test_faulty_rows_are_named(root: Path, cache: Path, row: list[object], message: str) -> None:
    (root / "copy.png").write_bytes((root / "a" / "0.png").read_bytes())
    good = [["a/0.png", "cat", ""], ["b/1.png", "dog", ""], ["a/2.png", "cat", "test"]]
    with pytest.raises(UserError, match=f"manifest.csv': 1 row cannot be used\n  {message}"):
        load(write(root, [*good, row]), cache, classes="cat,dog")


def test_many_faults_are_counted(root: Path, cache: Path) -> None:
    rows = [[f"no {number}.png", "", ""] for number in range(25)]
    with pytest.raises(
        UserError, match=r"(?s)25 rows cannot be used\n  row 2: .*\n  and 15 more"
    ) as told:
        load(write(root, rows), cache)
    assert str(told.value).count("row ") == 10


@pytest.mark.parametrize(
    ("head", "fields", "message"),
    [
        ("file,label", {}, "has no column 'path'; it has 'file', 'label'"),
        ("paths,label", {}, "did you mean 'paths'"),
        ("path,kind", {"label_column": "type"}, "has no column 'type'"),
        ("path,label", {"size": 0}, "config.data.size=0"),
    ],
)
def test_wrong_columns(
    root: Path, cache: Path, head: str, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load(write(root, [["a/0.png", "cat"], ["b/1.png", "dog"]], head), cache, **fields)


def test_classes_must_be_known(root: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"labels name 0 classes.*config.data.classes"):
        load(write(root, [[path_of(number)] for number in range(8)], "path"), cache)
    with pytest.raises(UserError, match="lists no image file"):
        load(write(root, []), cache)
    with pytest.raises(UserError, match="all its images are of a validation split"):
        load(write(root, [["a/0.png", "cat", "val"]]), cache)


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.heavy)])
def test_many_rows_in_bounded_memory(tmp_path: Path, count: int) -> None:
    """Many names of one folder of images: a row costs some hundred bytes, whatever it shows."""
    (tmp_path / "real").mkdir()
    for number in range(1000):
        Image.new("L", (1, 1), number % 256).save(tmp_path / "real" / f"{number:04d}.bmp")
    for number in range(count // 1000):
        (tmp_path / f"{number:02d}").symlink_to("real")
    with (tmp_path / "manifest.csv").open("w") as file:
        file.write("path,label\n")
        for place in range(count):
            label = "cd"[place % 1000 % 256 > 99]
            file.write(f"{place // 1000:02d}/{place % 1000:04d}.bmp,{label}\n")
    tracemalloc.start()
    try:
        listed = manifest.read(tmp_path / "manifest.csv")
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(listed.paths) == len(listed.labels) == count
    assert peak < 500 * count + 2e6 and held < 300 * count + 1e6
    assert listed.classes == ("c", "d") and listed.numbers[-1] == count + 1


@pytest.mark.heavy
def test_a_hundred_thousand_images_become_a_data_set(tmp_path: Path, cache: Path) -> None:
    """All are read, hashed and decoded, in bounded memory: 4,000 images under 25 names each."""
    (tmp_path / "real").mkdir()
    for number in range(4000):
        pixels = np.frombuffer(number.to_bytes(4, "little") * 3, np.uint8).reshape(2, 2, 3)
        Image.fromarray(pixels).save(tmp_path / "real" / f"{number:04d}.bmp")
    for number in range(25):
        (tmp_path / f"{number:02d}").symlink_to("real")
    rows = [[f"{place // 4000:02d}/{place % 4000:04d}.bmp"] for place in range(100_000)]
    tracemalloc.start()
    try:
        data = load(write(tmp_path, rows, "path"), cache, classes="2", size=64)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert data.pool_images.shape == (4000, 64, 64, 3)
    assert peak < 200e6
