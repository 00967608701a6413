"""Loads a folder of picture files, with or without a subfolder for each class.

Files count as pictures by their suffix and are decoded by their content (:mod:`amkd.data.pictures`
says how). Other files are ignored but counted, hidden files and folders are skipped, and of files
with the same bytes only the first is used.
"""

import dataclasses
import difflib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from amkd.core import console
from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data import class_names, picture_cache, picture_files
from amkd.data.picture_files import Listing, PictureFile, first_names
from amkd.data.pictures import SUFFIXES, DecodeOptions, check


@dataclasses.dataclass(frozen=True, eq=False)
class Pictures:
    """The decoded pictures of a folder.

    Attributes:
      images: ``uint8[M, H, W, C]``, memory-mapped and read-only.
      paths: the file of each image, relative to the folder.
      labels: ``int32[M]``, indices into ``classes``; None if not labelled.
      classes: names; empty if not labelled.
      duplicates: how many files were dropped because an earlier one has the same bytes.
      broken: files skipped, as (relative path, reason).
      ignored: how many files are not pictures by name.
      key: identity of exactly these pictures and how they were decoded, in hex.
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
    options: DecodeOptions,
    cache_dir: Path,
    *,
    labelled: bool = False,
    classes: tuple[str, ...] = (),
    drop_duplicates: bool = True,
    field: str = "config.data.folder",
) -> Pictures:
    """Loads a folder; decodes it unless exactly these files were decoded in this way before.

    Args:
      root: the folder.
      options: how its files become images.
      cache_dir: where decoded pictures and the files' hashes are kept.
      labelled: every folder directly in ``root`` is a class; pictures may lie deeper below it.
      classes: the classes' names in order, if labelled; empty for the subfolders' names, sorted: by
        value where all are numbers, else as text.
      drop_duplicates: use only the first, by path, of files with the same bytes.
      field: the configuration field that names ``root``, for messages.

    Raises:
      UserError: an option is impossible; there is no such folder, or no picture in it; a picture is
        broken and ``options`` refuse that. In a labelled folder: a picture is in no subfolder, a
        subfolder is not a class, or the same bytes are in two classes.
    """
    check(options)
    where = f"{field}={str(root)!r}"
    listing = list_pictures(root, field)
    names = _classes(listing, classes, where) if labelled else ()
    found = picture_files.identify(root, listing.paths, cache_dir)
    cached = decoded(root, found, options, cache_dir, drop_duplicates=drop_duplicates)
    if labelled:
        _refuse_ambiguous(found, {path for path, _ in cached.broken}, where)
    return Pictures(
        images=cached.images,
        paths=cached.paths,
        labels=_labels(cached.paths, names) if labelled else None,
        classes=names,
        duplicates=cached.duplicates,
        broken=cached.broken,
        ignored=listing.ignored,
        key=cached.key,
    )


def decoded(
    root: Path,
    found: Sequence[PictureFile],
    options: DecodeOptions,
    cache_dir: Path,
    *,
    drop_duplicates: bool,
) -> picture_cache.CachedPictures:
    """Decodes files, or finds them in the cache; tells of broken and of plain pictures.

    Args:
      root: the folder of the files.
      found: the files, sorted by path.
      options: how they become images.
      cache_dir: where decoded pictures are kept.
      drop_duplicates: use only the first, by path, of files with the same bytes.

    Raises:
      UserError: a picture is broken and ``options`` refuse that, or none can be decoded.
    """
    cached = picture_cache.load(
        root, found, options, drop_duplicates=drop_duplicates, cache_dir=cache_dir
    )
    if cached.broken:
        story = (
            f"{len(cached.broken):,} of the {len(found):,} pictures in {root} cannot be decoded:"
            f" {picture_cache.list_broken(cached.broken)}; all are listed in"
            f" {cached.folder / picture_cache.BROKEN_LIST}"
        )
        _refuse_or_warn(story, options)
    if cached.plain:
        _warn(
            f"{len(cached.plain):,} of the {len(cached.paths):,} pictures in {root} come out nearly"
            f" of one colour: {first_names([repr(path) for path in cached.plain])}. If they should"
            " not, their values are not in a range that is understood: see 'Pictures' in"
            " docs/own_teacher.md, and save them with 8 bits"
        )
    return cached


def list_pictures(root: Path, field: str = "config.data.folder") -> Listing:
    """Lists the files of a folder that may be pictures, without opening them.

    Args:
      root: the folder.
      field: the configuration field that names it, for messages.

    Raises:
      UserError: there is no such folder, or no picture in it.
    """
    where = f"{field}={str(root)!r}"
    if not root.is_dir():
        kind = "is a file" if root.exists() else "there is no such folder"
        raise UserError(f"{where}: {kind}; name a folder that holds pictures")
    try:
        listing = picture_files.list_folder(root)
    except OSError as error:
        raise UserError(f"{where}: {error.filename} cannot be listed ({error.strerror})") from error
    if not listing.paths:
        held = f"only {listing.ignored:,} other files" if listing.ignored else "and no other file"
        raise UserError(f"{where}: holds no picture ({', '.join(SUFFIXES)}), {held}")
    return listing


def _classes(listing: Listing, classes: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Returns the class names of a labelled folder, and refuses a folder that is not one."""
    loose = [path for path in listing.paths if "/" not in path]
    if loose:
        raise UserError(
            f"{where}: must hold one subfolder for each class, so these pictures have no label:"
            f" {first_names([repr(path) for path in loose])}; move them into subfolders"
        )
    names = classes or class_names.in_order(listing.subfolders)
    alike = [comparable(name) for name in names]
    twice = [repr(name) for name, count in Counter(alike).items() if count > 1]
    if twice:
        given = "class names given" if classes else f"{where}: subfolders named alike"
        raise UserError(
            f"{given} more than once: {first_names(twice)}; every class needs a name of its own"
        )
    unknown = sorted({*map(comparable, listing.subfolders)}.difference(alike))
    if unknown:
        raise UserError(
            f"{where}: subfolders that are none of the {len(classes)} classes:"
            f" {first_names([_with_near(name, classes) for name in unknown])}; rename or remove"
            " them"
        )
    return names


def _with_near(name: str, classes: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, classes, 1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def _refuse_ambiguous(found: Sequence[PictureFile], broken: set[str], where: str) -> None:
    """Refuses the same bytes in two classes: one of the labels is wrong."""
    first: dict[str, str] = {}
    ambiguous = []
    for file in found:
        earlier = first.setdefault(file.digest, file.path)
        if file.path not in broken and _label(earlier) != _label(file.path):
            ambiguous.append(f"{earlier!r} = {file.path!r}")
    if ambiguous:
        raise UserError(
            f"{where}: the same picture lies in two classes: {first_names(ambiguous)};"
            " keep each where it belongs and delete the other"
        )


def _label(path: str) -> str:
    return comparable(path.split("/", 1)[0])


def _labels(paths: Sequence[str], names: tuple[str, ...]) -> np.ndarray:
    """Returns the class number of each path: ``int32[M]``."""
    numbers = {comparable(name): number for number, name in enumerate(names)}
    return np.array([numbers[_label(path)] for path in paths], np.int32)


def _refuse_or_warn(story: str, options: DecodeOptions) -> None:
    if options.broken == "refuse":
        raise UserError(
            f"config.data.broken='refuse': {story}. Mend or delete them, or leave them out with"
            " --config.data.broken=skip"
        )
    _warn(f"skipped {story}")


def _warn(story: str) -> None:
    console.say(f"warning: {story}", error=True)


def describe(pictures: Pictures, root: Path) -> str:
    """Says in a line or two, for people, what was found and what was left out."""
    parts = [f"{root}: {_count(len(pictures.paths), 'picture')}"]
    if pictures.duplicates:
        parts.append(f"{_count(pictures.duplicates, 'duplicate')} dropped")
    if pictures.broken:
        array = getattr(pictures.images, "filename", None)
        where = f" (list: {Path(array).parent / picture_cache.BROKEN_LIST})" if array else ""
        parts.append(f"{len(pictures.broken):,} broken skipped{where}")
    if pictures.ignored:
        parts.append(f"{_count(pictures.ignored, 'other file')} ignored")
    lines = [", ".join(parts)]
    if pictures.labels is not None:
        counts = np.bincount(pictures.labels, minlength=len(pictures.classes))
        absent = [
            repr(name) for name, count in zip(pictures.classes, counts, strict=True) if not count
        ]
        missing = f", no picture of {first_names(absent)}" if absent else ""
        lines.append(f"{_count(len(pictures.classes), 'class', 'classes')}{missing}")
    return "\n".join(lines)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
