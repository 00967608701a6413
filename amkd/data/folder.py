"""A folder of picture files as a source of images, with or without a subfolder for each class.

Files count as pictures by their suffix and are decoded by their content (:mod:`amkd.data.pictures`
says how); other files are ignored but counted, hidden files and folders are not looked at, and of
files with the same bytes only the first is used.
"""

import difflib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.data import picture_cache, picture_files
from amkd.data.picture_files import File, Listing, some
from amkd.data.pictures import SUFFIXES, Policy, check, decode

__all__ = ["Pictures", "Policy", "decode", "describe", "load"]


class Pictures(NamedTuple):
    """Decoded pictures of a folder.

    Attributes:
      images: ``uint8[M, H, W, C]``, memory-mapped and read-only.
      paths: the file of each image, relative to the folder.
      labels: ``int32[M]`` if labelled: places in ``classes``.
      classes: names; empty if not labelled.
      duplicates: files dropped for having the bytes of an earlier one.
      broken: files skipped, as (relative path, reason).
      ignored: files that are no pictures by name.
      key: identity of exactly these pictures under this policy, in hex.
    """

    images: np.ndarray
    paths: list[str]
    labels: np.ndarray | None
    classes: tuple[str, ...]
    duplicates: int
    broken: list[tuple[str, str]]
    ignored: int
    key: str


def load(
    root: Path,
    policy: Policy,
    cache_dir: Path,
    labelled: bool = False,
    classes: tuple[str, ...] = (),
    drop_duplicates: bool = True,
    field: str = "config.data.folder",
) -> Pictures:
    """Loads a folder, decoding it unless exactly these files have been decoded like this before.

    Args:
      root: the folder.
      policy: what to make of its files.
      cache_dir: where decoded pictures and the files' hashes are kept.
      labelled: every folder directly in ``root`` is a class; pictures may lie deeper below it.
      classes: the classes' names in order, if labelled; empty for the subfolders' names, sorted.
      drop_duplicates: use only the first, by path, of files with the same bytes.
      field: the setting that ``root`` comes from, for messages.

    Raises:
      UserError: an impossible policy; no folder, or no picture in it; broken pictures if the policy
        refuses them; in a labelled one a picture beside the subfolders, a subfolder that is no
        class, or the same bytes in two classes.
    """
    check(policy)
    listing = _list(root, field)
    names = _classes(root, listing, classes, field) if labelled else ()
    found = picture_files.identify(root, listing.paths, cache_dir)
    cached = picture_cache.load(root, found, policy, drop_duplicates, cache_dir)
    key = picture_cache.key(found, policy, drop_duplicates)
    if labelled:
        _refuse_ambiguous(found, {path for path, _ in cached.broken}, root, field)
    if cached.broken:
        _report_broken(cached.broken, len(found), root, policy, picture_cache.place(cache_dir, key))
    labels = _labels(cached.paths, names) if labelled else None
    return Pictures(
        cached.images,
        cached.paths,
        labels,
        names,
        cached.duplicates,
        cached.broken,
        listing.ignored,
        key,
    )


def _list(root: Path, field: str) -> Listing:
    if not root.is_dir():
        raise UserError(
            f"{field}={str(root)!r}: there is no such folder; name one that holds pictures"
        )
    try:
        listing = picture_files.find(root)
    except OSError as error:
        raise UserError(
            f"{field}={str(root)!r}: {error.filename} cannot be listed ({error.strerror})"
        ) from error
    if not listing.paths:
        raise UserError(
            f"{field}={str(root)!r}: holds no picture ({', '.join(SUFFIXES)}), only"
            f" {listing.ignored:,} other files"
        )
    return listing


def _classes(root: Path, listing: Listing, classes: tuple[str, ...], field: str) -> tuple[str, ...]:
    """The classes of a labelled folder, if it is a proper one."""
    loose = [path for path in listing.paths if "/" not in path]
    if loose:
        raise UserError(
            f"{field}={str(root)!r}: is to hold one subfolder for each class, so these pictures"
            " have no label:"
            f" {some([repr(path) for path in loose])}; move them into subfolders"
        )
    twice = sorted({repr(name) for name in classes if classes.count(name) > 1})
    if twice:
        raise UserError(
            f"class names given more than once: {some(twice)}; every class needs a name of its own"
        )
    unknown = [name for name in listing.subfolders if name not in classes] if classes else []
    if unknown:
        raise UserError(
            f"{field}={str(root)!r}: subfolders that are none of the {len(classes)} classes:"
            f" {some([_with_near(name, classes) for name in unknown])}; rename or remove them"
        )
    return classes or tuple(listing.subfolders)


def _with_near(name: str, classes: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, classes, 1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def _refuse_ambiguous(found: Sequence[File], broken: set[str], root: Path, field: str) -> None:
    """Refuses the same bytes in two classes: one of the labels is wrong."""
    first: dict[str, str] = {}
    ambiguous = []
    for file in found:
        earlier = first.setdefault(file.digest, file.path)
        if file.path not in broken and _label(earlier) != _label(file.path):
            ambiguous.append(f"{earlier!r} = {file.path!r}")
    if ambiguous:
        raise UserError(
            f"{field}={str(root)!r}: the same picture lies in two classes: {some(ambiguous)};"
            " keep each where it belongs and delete the other"
        )


def _label(path: str) -> str:
    return path.split("/", 1)[0]


def _labels(paths: Sequence[str], names: tuple[str, ...]) -> np.ndarray:
    """The class of each path: ``int32[M]``."""
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[_label(path)] for path in paths], np.int32)


def _report_broken(
    broken: list[tuple[str, str]], count: int, root: Path, policy: Policy, cache: Path
) -> None:
    story = (
        f"{len(broken):,} of the {count:,} pictures in {root} cannot be decoded:"
        f" {picture_cache.listed(broken)};"
        f" all are listed in {cache / picture_cache.BROKEN_LIST}"
    )
    if policy.broken == "refuse":
        raise UserError(
            f"config.data.broken='refuse': {story}. Mend or delete them, or leave them out with"
            " --config.data.broken=skip"
        )
    print(f"warning: skipped {story}", file=sys.stderr, flush=True)


def describe(pictures: Pictures, root: Path) -> str:
    """What was found and what was left out, in a line or two for people."""
    parts = [f"{root}: {_count(len(pictures.paths), 'picture')}"]
    if pictures.duplicates:
        parts.append(f"{_count(pictures.duplicates, 'duplicate')} dropped")
    if pictures.broken:
        place = getattr(pictures.images, "filename", None)
        where = f" (list: {Path(place).parent / picture_cache.BROKEN_LIST})" if place else ""
        parts.append(f"{len(pictures.broken):,} broken skipped{where}")
    if pictures.ignored:
        parts.append(f"{_count(pictures.ignored, 'other file')} ignored")
    lines = [", ".join(parts)]
    if pictures.labels is not None:
        absent = [
            repr(pictures.classes[place])
            for place in _absent(pictures.labels, len(pictures.classes))
        ]
        missing = f", no picture of {some(absent)}" if absent else ""
        lines.append(f"{_count(len(pictures.classes), 'class', 'classes')}{missing}")
    return "\n".join(lines)


def _absent(labels: np.ndarray, classes: int) -> np.ndarray:
    return np.flatnonzero(np.bincount(labels, minlength=classes) == 0)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
