"""Loads a folder of image files, with or without a subfolder for each class.

Files count as image files by their suffix and are decoded by their content (see
:mod:`amkd.data.decoding`). Other files are ignored but counted, hidden files and folders and
those of ``__MACOSX`` are skipped, and of files with the same bytes only the first is used.
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
from amkd.data import class_names, image_cache, image_files
from amkd.data.decoding import SUFFIXES, DecodeOptions, check
from amkd.data.image_files import ImageFile, Listing, first_names


@dataclasses.dataclass(frozen=True, eq=False)
class FolderImages:
    """The decoded images of a folder.

    Attributes:
      images: ``uint8[M, H, W, C]``, memory-mapped and read-only.
      paths: the file of each image, relative to the folder.
      labels: ``int32[M]``, indices into ``classes``; None if not labelled.
      classes: names of the classes; empty if not labelled.
      duplicates: how many files were dropped because an earlier one has the same bytes.
      broken: files skipped, as (relative path, reason).
      ignored: how many files are not image files, according to their names.
      key: identity of exactly these image files and of how they were decoded, in hex.
      unread: photographs in formats that are not read, by suffix.
    """

    images: np.ndarray
    paths: list[str]
    labels: np.ndarray | None
    classes: tuple[str, ...]
    duplicates: int
    broken: list[tuple[str, str]]
    ignored: int
    key: str
    unread: dict[str, int] = dataclasses.field(default_factory=dict)


def load(
    root: Path,
    options: DecodeOptions,
    cache_dir: Path,
    *,
    labelled: bool = False,
    classes: tuple[str, ...] = (),
    drop_duplicates: bool = True,
    field: str = "config.data.folder",
) -> FolderImages:
    """Loads a folder; decodes it unless exactly these files were already decoded in this way.

    Args:
      root: the folder.
      options: how its files become images.
      cache_dir: where decoded images and the files' hashes are kept.
      labelled: every folder directly in ``root`` is a class; image files may be in its subfolders.
      classes: the classes' names in order, if labelled; empty for the subfolders' names, sorted: by
        value if all are numbers, otherwise as text.
      drop_duplicates: use only the first, by path, of files with the same bytes.
      field: the configuration field that names ``root``, for messages.

    Raises:
      UserError: an option is impossible; there is no such folder, or no image file in it; an image
        file is broken and ``options`` refuse that. In a labelled folder: an image file is in no
        subfolder, there is only one subfolder, a subfolder is not a class, or the same bytes are in
        two classes.
    """
    check(options)
    where = f"{field}={str(root)!r}"
    listing = list_images(root, field)
    names = _classes(listing, classes, where) if labelled else ()
    found = image_files.identify(root, listing.paths, cache_dir)
    cached = decoded(root, found, options, cache_dir, drop_duplicates=drop_duplicates)
    if labelled:
        _refuse_ambiguous(found, {path for path, _ in cached.broken}, where)
    return FolderImages(
        images=cached.images,
        paths=cached.paths,
        labels=_labels(cached.paths, names) if labelled else None,
        classes=names,
        duplicates=cached.duplicates,
        broken=cached.broken,
        ignored=listing.ignored,
        key=cached.key,
        unread=listing.unread,
    )


def decoded(
    root: Path,
    found: Sequence[ImageFile],
    options: DecodeOptions,
    cache_dir: Path,
    *,
    drop_duplicates: bool,
) -> image_cache.CachedImages:
    """Decodes files, or finds them in the cache; reports broken files, and images of one colour.

    Args:
      root: the folder of the files.
      found: the files, sorted by path.
      options: how they become images.
      cache_dir: where decoded images are kept.
      drop_duplicates: use only the first, by path, of files with the same bytes.

    Raises:
      UserError: a file is broken and ``options`` refuse that, or none can be decoded.
    """
    cached = image_cache.load(
        root, found, options, drop_duplicates=drop_duplicates, cache_dir=cache_dir
    )
    if cached.broken:
        story = (
            f"{len(cached.broken):,} of the {len(found):,} image files in {root} cannot be decoded:"
            f" {image_cache.list_broken(cached.broken)}; all are listed in"
            f" {cached.folder / image_cache.BROKEN_LIST}"
        )
        _refuse_or_warn(story, options)
    warn_of_one_colour(cached.one_colour, len(cached.paths), root)
    return cached


def warn_of_one_colour(one_colour: Sequence[str], count: int, root: Path) -> None:
    """Warns of images of nearly one colour.

    Args:
      one_colour: their files.
      count: number of all images.
      root: the folder of the files.
    """
    if one_colour:
        warn(
            f"{len(one_colour):,} of the {count:,} images in {root} have nearly one colour after"
            f" decoding: {first_names([repr(path) for path in one_colour])}. If this is wrong,"
            " their values are not in a supported range: see 'Images' in docs/own_teacher.md, and"
            " save the files with 8 bits"
        )


def list_images(root: Path, field: str = "config.data.folder") -> Listing:
    """Lists the files of a folder that may be image files, without opening them.

    Args:
      root: the folder.
      field: the configuration field that names it, for messages.

    Raises:
      UserError: there is no such folder, or no image file in it.
    """
    where = f"{field}={str(root)!r}"
    if not root.is_dir():
        kind = "is a file" if root.exists() else "there is no such folder"
        raise UserError(f"{where}: {kind}; name a folder with image files")
    try:
        listing = image_files.list_folder(root)
    except OSError as error:
        raise UserError(f"{where}: {error.filename} cannot be listed ({error.strerror})") from error
    if not listing.paths:
        held = f"only {listing.ignored:,} other files" if listing.ignored else "and no other file"
        unread = image_files.unread_photographs(listing.unread)
        more = f". {unread}" if unread else ""
        raise UserError(f"{where}: contains no image file ({', '.join(SUFFIXES)}), {held}{more}")
    return listing


def _classes(listing: Listing, classes: tuple[str, ...], where: str) -> tuple[str, ...]:
    """Returns the class names of a labelled folder; refuses any other folder."""
    loose = [path for path in listing.paths if "/" not in path]
    if loose:
        raise UserError(
            f"{where}: must contain one subfolder per class, so these image files have no label:"
            f" {first_names([repr(path) for path in loose])}; move them into subfolders"
        )
    if not classes and len(listing.subfolders) < 2:
        raise _only_one_class(listing, where)
    names = classes or class_names.in_order(listing.subfolders)
    alike = [comparable(name) for name in names]
    twice = [repr(name) for name, count in Counter(alike).items() if count > 1]
    if twice:
        given = "class names are given" if classes else f"{where}: subfolder names occur"
        raise UserError(
            f"{given} more than once: {first_names(twice)}; every class needs its own name"
        )
    unknown = sorted({*map(comparable, listing.subfolders)}.difference(alike))
    if unknown:
        raise UserError(
            f"{where}: these subfolders are not among the {len(classes)} classes:"
            f" {first_names([_with_near(name, classes) for name in unknown])}; rename or remove"
            " them"
        )
    return names


def _only_one_class(listing: Listing, where: str) -> UserError:
    """Returns the error about a labelled folder with one subfolder."""
    (only,) = listing.subfolders
    deeper = all(path.count("/") > 1 for path in listing.paths)
    likely = f", such as {where.split('=', 1)[0]}=.../{only}" if deeper else ""
    return UserError(
        f"{where}: contains only one subfolder, {only!r}, but every subfolder is a class and at"
        " least two are needed; perhaps this folder is one level too high: name the folder whose"
        f" subfolders are the classes{likely}"
    )


def _with_near(name: str, classes: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, classes, 1)
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


def _refuse_ambiguous(found: Sequence[ImageFile], broken: set[str], where: str) -> None:
    """Refuses the same bytes in two classes: one of the labels is wrong."""
    first: dict[str, str] = {}
    ambiguous = []
    for file in found:
        earlier = first.setdefault(file.digest, file.path)
        if file.path not in broken and _label(earlier) != _label(file.path):
            ambiguous.append(f"{earlier!r} = {file.path!r}")
    if ambiguous:
        raise UserError(
            f"{where}: the same image file is in two classes: {first_names(ambiguous)};"
            " keep each file only in the right class and delete the other copy"
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
            f"config.data.broken='refuse': {story}. Repair or delete them, or leave them out with"
            " --config.data.broken=skip"
        )
    warn(f"{story}. They are skipped")


def warn(story: str) -> None:
    """Prints a warning."""
    console.say(f"warning: {story}", error=True)


def describe(found: FolderImages, root: Path) -> str:
    """Describes in one or two lines what was found and what was left out."""
    parts = [f"{root}: {_count(len(found.paths), 'image')}"]
    if found.duplicates:
        parts.append(f"{_count(found.duplicates, 'duplicate')} dropped")
    if found.broken:
        array = getattr(found.images, "filename", None)
        where = f" (list: {Path(array).parent / image_cache.BROKEN_LIST})" if array else ""
        parts.append(f"{len(found.broken):,} broken skipped{where}")
    if found.ignored:
        parts.append(f"{_count(found.ignored, 'other file')} ignored")
    lines = [", ".join(parts)]
    if unread := image_files.unread_photographs(found.unread):
        lines.append(f"warning: {unread}")
    if found.labels is not None:
        counts = np.bincount(found.labels, minlength=len(found.classes))
        absent = [
            repr(name) for name, count in zip(found.classes, counts, strict=True) if not count
        ]
        missing = f", no image of {first_names(absent)}" if absent else ""
        lines.append(f"{_count(len(found.classes), 'class', 'classes')}{missing}")
    return "\n".join(lines)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
