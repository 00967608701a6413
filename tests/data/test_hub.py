"""Data sets of Hugging Face: with its library where that is installed, else with one like it."""

import importlib.util
import io
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from amkd.config.data import DataSettings
from amkd.core.errors import UserError
from amkd.data import file_sources
from amkd.data.dataset import DataSet
from tests.support.image_files import SIDE, colours


def png(seed: int) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(colours(seed)).save(file, "PNG")
    return file.getvalue()


class Image:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    def __init__(self, names: list[str]) -> None:
        self.names = names


class Value:
    pass


class Table:
    """As much of ``datasets.Dataset`` as is used."""

    def __init__(self, features: dict[str, Any], rows: list[dict[str, Any]], name: str) -> None:
        self.features, self.rows, self._fingerprint = features, rows, name

    def cast_column(self, column: str, kind: Image) -> "Table":
        assert isinstance(kind, Image) and not kind.decode
        return self

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.rows[place]


def table(first: int, count: int, **more: Any) -> Table:
    features = {"image": Image(), "label": ClassLabel(["cat", "dog"]), "id": Value(), **more}
    rows = [
        {"image": {"bytes": png(seed), "path": None}, "label": seed % 2, "id": seed}
        for seed in range(first, first + count)
    ]
    return Table(features, rows, f"{first}-{count}")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the hub holds, by name; a module in the place of ``datasets`` looks there."""
    held: dict[str, Any] = {}

    def load_dataset(name: str, revision: str | None = None) -> Any:
        if name not in held:
            raise FileNotFoundError(f"{name} doesn't exist on the Hub")
        held["revision"] = revision
        return held[name]

    module = types.SimpleNamespace(load_dataset=load_dataset, load_from_disk=load_dataset)
    monkeypatch.setitem(sys.modules, "datasets", module)
    return held


def load(name: str, cache: Path, **fields: Any) -> DataSet:
    settings = DataSettings(**{"size": SIDE, "held_out": 2, "resize": "stretch", **fields})
    return file_sources.load(f"hf:{name}", settings, seed=0, cache_dir=cache)


def test_splits_and_classes(hub: dict[str, Any], cache: Path) -> None:
    hub["me/animals"] = {"train": table(0, 6), "test": table(6, 3), "other": table(9, 3)}
    data = load("me/animals@abc", cache)
    assert hub["revision"] == "abc" and data.class_names == ("cat", "dog")
    assert np.array_equal(data.pool_images, np.stack([colours(seed) for seed in range(6)]))
    assert data.pool_labels is not None and data.test_labels is not None
    assert data.pool_labels.tolist() == data.teacher_labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert data.test_labels.tolist() == [0, 1, 0]
    hub["me/animals"]["train"].rows.clear()  # the cache holds all
    hub["me/animals"]["test"].rows.clear()
    assert load("me/animals", cache).key == data.key


def test_a_single_table_is_split_by_seed(hub: dict[str, Any], cache: Path) -> None:
    hub["me/animals"] = table(0, 6)
    data = load("me/animals", cache)
    assert (len(data.test_images), data.drawable_count) == (2, 4)


def test_images_in_files_and_missing_labels(
    hub: dict[str, Any], cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.png").write_bytes(png(50))
    found = table(0, 3)
    found.rows.append({"image": {"bytes": None, "path": str(tmp_path / "x.png")}, "label": None})
    hub["me/animals"] = found
    data = load("me/animals", cache, held_out=0)
    assert np.array_equal(data.pool_images[3], colours(50)) and data.pool_labels is None


def test_the_same_image_with_two_labels_is_told(
    hub: dict[str, Any], cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = table(0, 4)
    found.rows.append({"image": {"bytes": png(0), "path": None}, "label": 1})
    hub["me/animals"] = found
    data = load("me/animals", cache, held_out=0)
    assert "1 images have a different label" in capsys.readouterr().err
    assert data.pool_labels is not None and data.pool_labels.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("held", "fields", "message"),
    [
        ({}, {}, r"config.dataset='hf:me/x': cannot be loaded .*doesn't exist"),
        ({"test": table(0, 2)}, {}, "has no split 'train', only 'test'"),
        ({"train": table(0, 2, two=Image())}, {}, "has 2 columns of the kind Image.*image_column"),
        ({"train": table(0, 2)}, {"image_column": "id"}, "no column 'id' of images"),
        ({"train": table(0, 2)}, {"label_column": "id"}, "'id' contains no classes"),
        ({"train": table(0, 2)}, {"classes": "a,b"}, "has its own classes, the first .*'cat'"),
    ],
)
def test_what_cannot_be_used(
    hub: dict[str, Any], cache: Path, held: Any, fields: dict[str, Any], message: str
) -> None:
    if held:
        hub["me/x"] = held
    with pytest.raises(UserError, match=message):
        load("me/x", cache, **fields)


def test_the_library_is_missing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"needs datasets .*pip install 'amkd\[hf\]'"):
        load("me/animals", cache)


@pytest.mark.skipif(not importlib.util.find_spec("datasets"), reason="datasets is an extra")
@pytest.mark.filterwarnings("ignore")
def test_a_folder_of_save_to_disk(tmp_path: Path, cache: Path) -> None:
    """The library itself."""
    import datasets

    def rows(first: int, count: int) -> Any:
        seeds = range(first, first + count)
        kinds = {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"])}
        held = {
            "picture": [{"bytes": png(seed), "path": None} for seed in seeds],
            "kind": [seed % 2 for seed in seeds],
        }
        return datasets.Dataset.from_dict(held, features=datasets.Features(kinds))

    saved = datasets.DatasetDict({"train": rows(0, 6), "test": rows(6, 3)})
    saved.save_to_disk(str(tmp_path / "saved"))
    data = load(str(tmp_path / "saved"), cache)
    assert np.array_equal(data.pool_images, np.stack([colours(seed) for seed in range(6)]))
    assert data.test_labels is not None and data.test_labels.tolist() == [0, 1, 0]
    assert load(str(tmp_path / "saved"), cache).key == data.key
