"""A manifest: a table that lists image files, with a label and a split for each.

Columns: ``path`` (relative to the manifest), ``label`` and ``split``; the last two may be missing.
Splits are ``train`` (also for an empty cell) and ``test``; images of a validation split are left
out. All other columns are ignored here.
"""

import dataclasses
import difflib
import operator
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data import class_names, remote, rows
from amkd.data.row_faults import RowFaults

PATH, LABEL, SPLIT = "path", "label", "split"
_TEST, _LEFT_OUT = "test", ("val", "valid", "validation", "dev")
_SPLITS = ("", "train", "training", _TEST, *_LEFT_OUT)
_UNLABELED = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Listed:
    """The image files that a manifest lists, without those that are left out.

    Attributes:
      root: the folder that the paths are relative to.
      paths: the paths of the files.
      numbers: ``int64[M]``, the row of each.
      labels: ``int32[M]``, indices into ``classes``; -1 for none.
      is_test: ``bool[M]``, whether it is an evaluation image.
      classes: names of the classes; empty if there is no label, and no class was given.
      left_out: number of images of other splits.
    """

    root: Path
    paths: list[str]
    numbers: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray
    classes: tuple[str, ...]
    left_out: int = 0


def read(
    path: Path,
    *,
    classes: tuple[str, ...] = (),
    path_column: str = "",
    label_column: str = "",
    base: str = "",
) -> Listed:
    """Reads a manifest, row by row.

    Args:
      path: the file.
      classes: names of the classes in order; empty for those of the labels.
      path_column: the column of the paths; empty for ``path``.
      label_column: the column of the labels; empty for ``label``.
      base: the address of the manifest, if ``path`` is a copy of one in a bucket.

    Raises:
      UserError: rows are wrong, and the message names them: a file is missing or listed twice, a
        label is not a class, or a split is unknown. Or the manifest itself cannot be read.
    """
    field = f"config.data.manifest={str(path)!r}"
    faults = RowFaults(field)
    columns = (path_column or PATH, label_column or LABEL)
    found = _Found(base.rpartition("/")[0])
    for row in rows.read(path, field):
        if not found.seen:
            _check_columns(row.cells, columns, field, label_column)
        _take(row, columns, found, faults, path.parent)
    if not found.seen:
        raise UserError(f"{field}: lists no image file")
    numbers = np.array(found.numbers, np.int64)
    names = classes or _names(found.labels)
    labels = np.fromiter(_label_numbers(found, names, bool(classes), faults), np.int32)
    faults.refuse("Nothing was read. Correct these rows, or remove them")
    if not found.paths:
        raise UserError(
            f"{field}: all its images are of a validation split, which is not used; mark some"
            " as train or test"
        )
    return Listed(
        root=path.parent,
        paths=found.paths,
        numbers=numbers,
        labels=labels,
        is_test=np.array(found.is_test, bool),
        classes=names,
        left_out=found.left_out,
    )


@dataclasses.dataclass
class _Found:
    """The rows that were read so far, and the address that paths are relative to, or empty."""

    base: str
    paths: list[str] = dataclasses.field(default_factory=list)
    numbers: list[int] = dataclasses.field(default_factory=list)
    labels: list[str] = dataclasses.field(default_factory=list)
    is_test: list[bool] = dataclasses.field(default_factory=list)
    first: dict[str, int] = dataclasses.field(default_factory=dict)
    left_out: int = 0
    seen: int = 0


def _check_columns(
    cells: dict[str, object], columns: tuple[str, str], field: str, label_column: str
) -> None:
    wanted = [columns[0], *([columns[1]] if label_column else [])]
    for name in wanted:
        if name not in cells:
            near = difflib.get_close_matches(name, list(cells), 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise UserError(
                f"{field}: has no column {name!r}; {hint}it has {', '.join(map(repr, cells))}. Name"
                " the right one with --config.data.image_column or --config.data.label_column"
            )


def is_left_out(cells: Mapping[str, Any]) -> bool:
    """Returns whether a row is of the validation split, whose images are left out."""
    return rows.text_of(cells.get(SPLIT)).lower() in _LEFT_OUT


def _take(
    row: rows.Row, columns: tuple[str, str], found: _Found, faults: RowFaults, root: Path
) -> None:
    """Adds a row to the rows that were found, or to the faults."""
    found.seen += 1
    path = rows.text_of(row.cells.get(columns[0]))
    split = rows.text_of(row.cells.get(SPLIT)).lower()
    if path and found.base and not remote.is_remote(path):
        path = f"{found.base}/{path}"
    if not path:
        return faults.add(row.number, "names no image file")
    if split not in _SPLITS:
        return faults.add(row.number, f"the split {split!r} is not train, test or validation")
    earlier = found.first.setdefault(path, row.number)
    if earlier != row.number:
        return faults.add(row.number, f"{path!r} is also listed in row {earlier}; keep one of them")
    if split in _LEFT_OUT:
        found.left_out += 1
        return None
    # Not Path.is_file, which raises an error for a name that is too long.
    if not remote.is_remote(path) and not os.path.isfile(root / path):
        return faults.add(row.number, f"there is no file {path!r}")
    found.paths.append(path)
    found.numbers.append(row.number)
    found.labels.append(sys.intern(rows.text_of(row.cells.get(columns[1]))))
    found.is_test.append(split == _TEST)
    return None


def _names(labels: Sequence[str]) -> tuple[str, ...]:
    """Returns the classes that the labels name; spellings that look the same are one class."""
    names = {comparable(label): label for label in reversed(labels) if label}
    return class_names.in_order(list(names.values()))


def _label_numbers(
    found: _Found, names: Sequence[str], given: bool, faults: RowFaults
) -> Iterator[int]:
    """Yields the class number of each label; -1 for no label."""
    numbers = {comparable(name): number for number, name in enumerate(names)}
    if given and not any(name.isdecimal() for name in names):  # then a number is a position
        numbers |= {str(number): number for number in range(len(names))}
    test_has_labels = any(map(operator.and_, found.is_test, map(bool, found.labels)))
    for number, label, is_test in zip(found.numbers, found.labels, found.is_test, strict=True):
        if label and comparable(label) not in numbers:
            near = difflib.get_close_matches(label, names, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            faults.add(number, f"the label {label!r} is not one of the {len(names)} classes{hint}")
        elif is_test and test_has_labels and not label:
            faults.add(number, "has no label, but other images of the split 'test' have one")
        yield numbers.get(comparable(label), _UNLABELED) if label else _UNLABELED
