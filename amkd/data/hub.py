"""Data sets of Hugging Face: from the hub, or from a folder that ``save_to_disk`` wrote.

Image files are written to the cache as they are in the data set, one at a time, and are then
decoded like any other image file.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd.config.data import HUB
from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.data.manifest import Listed

_TRAIN, _TEST = ("train",), ("test", "validation", "valid")
_UNLABELED = -1
_ROWS = "rows.json"


class _Columns(NamedTuple):
    """The columns of images and labels (empty for none), and the names of the classes."""

    image: str
    label: str
    classes: tuple[str, ...]


def read(name: str, cache_dir: Path, *, image_column: str = "", label_column: str = "") -> Listed:
    """Writes the image files of a data set to the cache, unless they are there, and lists them.

    Args:
      name: ``hf:OWNER/NAME``, with an optional ``@REVISION``; or ``hf:FOLDER``.
      cache_dir: the folder of the cache.
      image_column: the column of images; empty for the only one.
      label_column: the column of classes; empty for the only one, if there is one.

    Raises:
      UserError: the data set cannot be loaded, or has no such columns.
    """
    field = f"config.dataset={name!r}"
    splits = _splits(name.removeprefix(HUB), field)
    columns = _columns(splits, field, image_column, label_column)
    paths, labels, is_test = list[str](), list[int](), list[bool]()
    root = cache_dir / "hf"
    for split, table in splits.items():
        folder = root / _key(table, columns)
        if not (folder / _ROWS).exists():
            _write(folder, table, columns, f"{field}, split {split}")
        found = json.loads((folder / _ROWS).read_text(encoding="utf-8"))
        paths += [f"{folder.name}/{place:08d}" for place in range(len(found))]
        labels += found
        is_test += [split in _TEST] * len(found)
    return Listed(
        root=root,
        paths=paths,
        numbers=np.arange(len(paths), dtype=np.int64),
        labels=np.array(labels, np.int32),
        is_test=np.array(is_test, bool),
        classes=columns.classes,
    )


def _splits(name: str, field: str) -> dict[str, Any]:
    """Returns the split to draw from, and the split for evaluation if there is one."""
    datasets = require("datasets", extra="hf", field=field)
    folder = Path(name).expanduser()
    try:
        if folder.is_dir():
            found = datasets.load_from_disk(str(folder))
        else:
            repository, _, revision = name.partition("@")
            found = datasets.load_dataset(repository, revision=revision or None)
    except Exception as error:  # the library raises its own errors, and those of the network
        raise UserError(
            f"{field}: cannot be loaded ({type(error).__name__}: {error}). Write hf:OWNER/NAME as"
            " on the hub, or hf: and a folder that save_to_disk wrote"
        ) from error
    splits = dict(found) if isinstance(found, dict) else {_TRAIN[0]: found}
    train = next((split for split in _TRAIN if split in splits), None)
    if train is None:
        raise UserError(
            f"{field}: has no split 'train', only {', '.join(map(repr, splits))}; choose a data"
            " set with that split"
        )
    test = next((split for split in _TEST if split in splits), None)
    return {split: splits[split] for split in (train, test) if split is not None}


def _columns(splits: dict[str, Any], field: str, image: str, label: str) -> _Columns:
    features = splits[_TRAIN[0]].features
    kinds = {column: type(kind).__name__ for column, kind in features.items()}
    image = image or _only(kinds, "Image", field, "image_column")
    if kinds.get(image) != "Image":
        raise UserError(
            f"{field}: has no column {image!r} of images; its columns are"
            f" {', '.join(f'{column!r} ({kind})' for column, kind in kinds.items())}. Name one"
            " with --config.data.image_column"
        )
    if not label and "ClassLabel" in kinds.values():
        label = _only(kinds, "ClassLabel", field, "label_column")
    if label and kinds.get(label) != "ClassLabel":
        raise UserError(
            f"{field}: the column {label!r} contains no classes (ClassLabel); name another with"
            " --config.data.label_column, or cast it with class_encode_column"
        )
    return _Columns(image, label, tuple(features[label].names) if label else ())


def _only(kinds: dict[str, str], wanted: str, field: str, remedy: str) -> str:
    found = [column for column, kind in kinds.items() if kind == wanted]
    if len(found) != 1:
        shown = ", ".join(f"{column!r} ({kind})" for column, kind in kinds.items())
        raise UserError(
            f"{field}: has {len(found)} columns of the kind {wanted}, but one is needed: name it"
            f" with --config.data.{remedy}; its columns are {shown}"
        )
    return found[0]


def _key(table: Any, columns: _Columns) -> str:
    """Returns the name of the folder of a split: the library gives each table a fingerprint."""
    told = [table._fingerprint, columns.image, columns.label]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _write(folder: Path, table: Any, columns: _Columns, field: str) -> None:
    """Writes all image files of a split or none, even with several runs at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".hf-", dir=folder.parent))
    try:
        labels = []
        for place, (image, label) in enumerate(_records(table, columns, field)):
            (scratch / f"{place:08d}").write_bytes(image)
            labels.append(label)
        (scratch / _ROWS).write_text(json.dumps(labels), encoding="utf-8")
        os.replace(scratch, folder)
    except OSError as error:
        if not (folder / _ROWS).exists():  # otherwise another run was first
            raise UserError(
                f"{field}: cannot be stored in {folder.parent} ({error}); choose another"
                " --config.cache_dir"
            ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _records(table: Any, columns: _Columns, field: str) -> Iterator[tuple[bytes, int]]:
    """Yields the bytes of each image file, and its label."""
    kind = type(table.features[columns.image])
    plain = table.cast_column(columns.image, kind(decode=False))
    for place in range(len(plain)):
        row = plain[place]
        cell = row[columns.image] or {}
        found = cell.get("bytes")
        if found is None and cell.get("path"):
            try:
                found = Path(cell["path"]).read_bytes()
            except OSError as error:
                raise UserError(
                    f"{field}: the image of row {place} cannot be read ({error})"
                ) from error
        label = row[columns.label] if columns.label else None
        yield found or b"", _UNLABELED if label is None else int(label)
