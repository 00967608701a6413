"""A labelled set as files for other programs: Parquet, or a folder of PNG files with a table.

Rows are in the order of the run's queries. ``images/CLASS/DIGEST.png`` has the class that the
teacher predicted; ``answers.csv`` contains all scores, and the two images from which each image was
mixed. ``train.parquet`` contains the same facts in its own columns, with the PNG file in ``image``;
the library ``datasets`` of Hugging Face reads it as images.
"""

import contextlib
import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from amkd.core import csv_text, folders
from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.export.labelled_set import Example, LabelledSet

_NO_CLASS = "_no_class"  # the folder of images for which the teacher named no class
_COLUMNS = ("class", "round", "first", "second", "lam", "image")


def write(labelled: LabelledSet, output: Path, form: str = "all") -> None:
    """Writes a labelled set to a new folder, whole or not at all.

    Args:
      labelled: the set.
      output: the folder.
      form: ``parquet``, ``folder`` or ``all``.

    Raises:
      UserError: the folder exists already or cannot be written, or an answer is missing.
    """
    if output.exists():
        raise UserError(f"{output} already exists; choose a new folder")
    kinds: list[type[_Parquet] | type[_Folder]] = []
    if form in ("all", "parquet"):
        _arrow()  # fails at once if it is missing
        kinds.append(_Parquet)
    if form in ("all", "folder"):
        kinds.append(_Folder)
    try:
        with folders.replacing(output) as new, contextlib.ExitStack() as stack:
            writers: list[_Writer] = [kind(new, labelled.classes) for kind in kinds]
            for writer in writers:
                stack.callback(writer.close)
            written = set[str]()
            for example in labelled.examples():
                for writer in writers:
                    writer.add(example, example.digest not in written)
                written.add(example.digest)
            (new / "README.md").write_text(_about(labelled), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written ({error}); choose another folder") from error


class _Writer(Protocol):
    """Writes examples in one form."""

    def add(self, example: Example, new: bool) -> None:
        """Writes one example; ``new`` says whether its image occurs for the first time."""

    def close(self) -> None:
        """Ends the files."""


class _Folder:
    """PNG files by class, and a table of their answers."""

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        self._root, self._classes = root, classes
        self._folders = _folder_names(classes)
        self._file = (root / "answers.csv").open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        scores = [csv_text.protect(f"score:{name}") for name in classes]
        self._rows.writerow(["path", *_COLUMNS, *scores])

    def add(self, example: Example, new: bool) -> None:
        place = example.place
        folder = _NO_CLASS if place is None else self._folders[place]
        path = f"images/{folder}/{example.digest}.png"
        if new:
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
            (self._root / path).write_bytes(_png(example.image))
        # Nine digits are enough to distinguish any two float32 numbers.
        scores = [f"{score:.9g}" for score in example.answer.tolist()]
        name = "" if place is None else csv_text.protect(self._classes[place])
        self._rows.writerow([path, name, *_facts(example), *scores])

    def close(self) -> None:
        self._file.close()


def _folder_names(classes: Sequence[str]) -> list[str]:
    """Returns the name of a folder for each class: not a path, not hidden, and unique."""
    plain = [re.sub(r"[^\w .()&+-]", "_", name).strip(". ") for name in classes]
    unique = len({name.lower() for name in plain}) == len(plain) and all(plain)
    return plain if unique else [f"{number:04d}" for number in range(len(classes))]


def _facts(example: Example) -> tuple[int, str, str, float, str]:
    return example.round, example.first, example.second, example.lam, example.digest


class _Parquet:
    """One file, a group of rows at a time."""

    _GROUP = 1000  # rows in memory

    def __init__(self, root: Path, classes: Sequence[str]) -> None:
        arrow, parquet = _arrow()
        self._arrow, self._rows = arrow, list[dict[str, Any]]()
        image_type = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
        columns = [
            ("image", image_type),
            ("label", arrow.int64()),
            ("scores", arrow.list_(arrow.float32())),
            ("round", arrow.int64()),
            ("first", arrow.string()),
            ("second", arrow.string()),
            ("lam", arrow.float32()),
            ("digest", arrow.string()),
        ]
        self._schema = arrow.schema(columns, {"huggingface": json.dumps(_features(classes))})
        self._writer = parquet.ParquetWriter(root / "train.parquet", self._schema)

    def add(self, example: Example, new: bool) -> None:
        names = ("round", "first", "second", "lam", "digest")
        self._rows.append(
            {
                "image": {"bytes": _png(example.image), "path": f"{example.digest}.png"},
                "label": example.place,
                "scores": example.answer,
                **dict(zip(names, _facts(example), strict=True)),
            }
        )
        if len(self._rows) >= self._GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
            self._rows = []

    def close(self) -> None:
        self._flush()
        self._writer.close()


def _features(classes: Sequence[str]) -> dict[str, Any]:
    """Returns how Hugging Face's ``datasets`` reads the columns."""

    def value(kind: str) -> dict[str, str]:
        return {"dtype": kind, "_type": "Value"}

    return {
        "info": {
            "features": {
                "image": {"_type": "Image"},
                "label": {"names": list(classes), "_type": "ClassLabel"},
                "scores": {"feature": value("float32"), "_type": "Sequence"},
                "round": value("int64"),
                "first": value("string"),
                "second": value("string"),
                "lam": value("float32"),
                "digest": value("string"),
            }
        }
    }


def _png(image: np.ndarray) -> bytes:
    """Returns an image ``uint8[H, W, C]`` as a PNG file, which keeps every bit."""
    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "PNG")
    return file.getvalue()


def _arrow() -> tuple[Any, Any]:
    found = [
        require(name, extra="parquet", field="train.parquet", instead="choose --format=folder")
        for name in ("pyarrow", "pyarrow.parquet")
    ]
    return found[0], found[1]


def _about(labelled: LabelledSet) -> str:
    return f"""# Images and answers of a teacher

{len(labelled):,} images that a run of amkd queried, in the order of the queries.

Teacher: {csv_text.protect(labelled.record["teacher"])}

Classes, in the order of the scores: {", ".join(map(csv_text.protect, labelled.classes))}

Columns: `class` or `label` is the class that the teacher predicted, empty if it named none (its
image is then in `images/{_NO_CLASS}`); `scores`, or `score:NAME`, are
its probabilities; `round` is the round of the run; `first`, `second` and `lam` describe the mix:
`lam * first + (1 - lam) * second`. For a real image both are the image itself. `image` (in
train.parquet `digest`) is the key of the image in the ledger, a SHA-256 of shape and pixels.

The owners of the images keep their rights. Check whether the service that gave the answers allows
their use for the training of a model.
"""
