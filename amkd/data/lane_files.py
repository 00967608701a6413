"""Reads the annotations of TuSimple and CULane.

TuSimple has one JSON object per line in ``label_data_*.json``, and for the test in
``test_label.json``: ``raw_file`` is the image file, ``h_samples`` are rows, and each of ``lanes``
has a column for every row, -2 where the lane is not visible.

CULane has a file ``NAME.lines.txt`` next to each image file ``NAME.jpg``, with a line for each
lane: column and row of its points, ``x y x y ...``. ``list/train.txt`` (or ``train_gt.txt``) and
``list/test.txt`` name the image files, one per line; in ``train_gt.txt``, it is the first word of a
line. Without lists, all images with such a file are used.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.data.decoding import SUFFIXES
from amkd.data.image_files import is_hidden

# The files that name the training images (of several names, the first that exists), and the file
# that names the test images.
_TRAIN = {
    "tusimple": ("label_data_*.json",),
    "culane": ("list/train.txt", "list/train_gt.txt"),
}
_TEST = {"tusimple": "test_label.json", "culane": "list/test.txt"}


class Annotated(NamedTuple):
    """An image file and its lanes.

    Attributes:
      path: the path of the image file, relative to the root.
      lanes: ``float64[P, 2]`` each: column and row of P points, 2 or more, in pixels.
    """

    path: str
    lanes: tuple[np.ndarray, ...]


def listed(dataset: str, root: Path) -> tuple[list[Annotated], list[Annotated]]:
    """Returns the training images, and the test images; empty if none are listed.

    Args:
      dataset: ``tusimple`` or ``culane``.
      root: the folder.

    Raises:
      UserError: there is no annotation, an annotation cannot be read, or none of the images exists.
    """
    if not root.is_dir():
        kind = "is a file" if root.exists() else "there is no such folder"
        raise UserError(f"config.data.folder={str(root)!r}: {kind}; name the folder of {dataset!r}")
    _check_level(root, _TRAIN[dataset])
    read: Callable[[Path, bool], Iterator[Annotated]]
    read = {"tusimple": _tusimple, "culane": _culane}[dataset]
    train, test = (_once(root, read(root, of_test)) for of_test in (False, True))
    if not train:
        wanted = {
            "tusimple": "label_data_*.json",
            "culane": "list/train.txt, or image files with a file NAME.lines.txt next to each",
        }[dataset]
        raise UserError(
            f"config.data.folder={str(root)!r}: contains no annotations of {dataset!r}; it must"
            f" contain {wanted}"
        )
    _check_images(root, train, " or ".join(_TRAIN[dataset]), "")
    to_hold_out = f", or move {_TEST[dataset]} to another folder, so that data.held_out of the"
    _check_images(root, test, _TEST[dataset], f"{to_hold_out} other images are the test images")
    return train, test


def _check_images(root: Path, part: list[Annotated], file: str, instead: str) -> None:
    """Refuses annotations none of whose images exists; the message ends with another remedy."""
    if part and not any((root / one.path).exists() for one in part):
        raise UserError(
            f"config.data.folder={str(root)!r}: none of the {len(part):,} images that {file}"
            f" names is there, such as {part[0].path!r}; add the images{instead}"
        )


def _check_level(root: Path, names: tuple[str, ...]) -> None:
    """Refuses a folder that lacks the annotations that one of its subfolders has."""
    if any(list(root.glob(name)) for name in names):
        return
    below = sorted({file for name in names for file in root.glob(f"*/{name}")})
    shown = [place for file in below if not is_hidden(place := file.relative_to(root).parts[0])]
    if shown:
        raise UserError(
            f"config.data.folder={str(root)!r}: contains no {' or '.join(names)}, but its subfolder"
            f" {shown[0]!r} does; set --config.data.folder={root / shown[0]}, or move that"
            " subfolder elsewhere"
        )


def _once(root: Path, found: Iterator[Annotated]) -> list[Annotated]:
    """Returns each image file once; refuses two different annotations of a file."""
    by_path: dict[str, Annotated] = {}
    for one in found:
        earlier = by_path.setdefault(one.path, one)
        if not _same(earlier.lanes, one.lanes):
            raise UserError(
                f"config.data.folder={str(root)!r}: {one.path!r} has two annotations with"
                " different lanes; keep the right one, and delete the other"
            )
    return list(by_path.values())


def _same(lanes: tuple[np.ndarray, ...], others: tuple[np.ndarray, ...]) -> bool:
    return len(lanes) == len(others) and all(map(np.array_equal, lanes, others))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(
            f"{file} cannot be read ({error.strerror}); restore it, or remove its image from the"
            " list"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not text in UTF-8 ({error}); save it in UTF-8") from error


def _tusimple(root: Path, of_test: bool) -> Iterator[Annotated]:
    for file in sorted(root.glob("test_label.json" if of_test else "label_data_*.json")):
        for number, line in enumerate(_text(file).splitlines(), 1):
            if line.strip():
                yield _entry(line, f"{file}, line {number}")


def _entry(line: str, where: str) -> Annotated:
    try:
        entry = json.loads(line)
        rows = np.array(entry["h_samples"], np.float64)
        lanes = []
        for columns in entry["lanes"]:
            points = np.stack([np.array(columns, np.float64), rows], 1)
            lanes.append(points[points[:, 0] >= 0])
        return Annotated(str(entry["raw_file"]), _lanes(lanes))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{where}: {type(error).__name__}: {error}; a line must be a JSON object with"
            " raw_file, h_samples and lanes; each lane must have as many columns as there are rows"
        ) from error


def _culane(root: Path, of_test: bool) -> Iterator[Annotated]:
    names = ("test.txt",) if of_test else ("train.txt", "train_gt.txt")
    lists = [file for name in names if (file := root / "list" / name).is_file()]
    if lists:
        for line in _text(lists[0]).splitlines():
            if name := line.strip():
                # Only this list has further words; a file's name may contain a space.
                first = name.split()[0] if lists[0].name == "train_gt.txt" else name
                yield _lines(root, first.lstrip("/"))
    elif not of_test and not (root / "list").is_dir():
        for file in sorted(root.rglob("*.lines.txt")):
            if any(map(is_hidden, file.relative_to(root).parts)):
                continue
            image = _image_of(file)
            if image is None:
                raise UserError(
                    f"{file}: there is no image file of this name next to it"
                    f" ({', '.join(SUFFIXES)}); restore the image file, or delete {file.name}"
                )
            yield _lines(root, image.relative_to(root).as_posix())


def _image_of(annotation: Path) -> Path | None:
    """Returns the image file next to an annotation; None if there is none."""
    name = annotation.name.removesuffix(".lines.txt")
    places = (annotation.with_name(f"{name}{suffix}") for suffix in SUFFIXES)
    return next((place for place in places if place.is_file()), None)


def _lines(root: Path, name: str) -> Annotated:
    file = (root / name).with_suffix(".lines.txt")
    text = _text(file)
    try:
        numbers = [np.array(line.split(), np.float64) for line in text.splitlines()]
        return Annotated(name, _lanes([one.reshape(-1, 2) for one in numbers]))
    except ValueError as error:
        raise UserError(
            f"{file}: {error}; each line must be the points of a lane, alternating column and row"
        ) from error


def _lanes(found: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Leaves out lanes with fewer than two points, which are not lines."""
    return tuple(points for points in found if len(points) > 1)
