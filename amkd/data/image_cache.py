"""Decoded images on disk: one memory-mapped array for each set of files and options.

A cache folder in ``cache_dir/pictures`` contains ``images.npy``, ``meta.json`` (the file of each
image), the checksum of both and, if files were broken, ``broken.csv`` (which, and why). Its name
depends on every byte of the files and on the options. A folder that an earlier version of the
decoder wrote is written again.
"""

import csv
import dataclasses
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from numpy.lib.format import open_memmap

from amkd.core import csv_text, files
from amkd.core.errors import UserError
from amkd.data import decoding, seal, threads
from amkd.data.decoding import DecodeOptions
from amkd.data.image_files import ImageFile, file_stamp, first_names

BROKEN_LIST = "broken.csv"
_SEALED = ("images.npy", "meta.json")
_ABANDONED = 86_400  # seconds after which an unfinished folder must be from a run that was killed
_COPIED = 256  # images copied at a time
# Bytes written before an array is mapped again: written pages of a mapping count as memory in use.
_MAPPED = 2**26


@dataclasses.dataclass(frozen=True, eq=False)
class CachedImages:
    """The content of a cache folder.

    Attributes:
      images: ``uint8[M, H, W, C]``, memory-mapped and read-only.
      paths: the file of each image, relative to the folder it was found in.
      broken: files that could not be decoded, and why.
      duplicates: how many files were left out because an earlier file has the same bytes.
      one_colour: files of ``paths`` in which nearly all pixels have the same colour.
      key: identity of the images.
      folder: the cache folder.
    """

    images: np.ndarray
    paths: list[str]
    broken: list[tuple[str, str]]
    duplicates: int
    one_colour: list[str]
    key: str
    folder: Path


def _key(
    found: Sequence[ImageFile], options: DecodeOptions, drop_duplicates: bool, *, version: int
) -> str:
    """Returns the identity of images from files: SHA-256 in hex of everything they depend on."""
    wide = [options.width] if options.width not in (0, options.size) else []  # squares as before
    recipe = [version, options.size, options.resize, options.mode, drop_duplicates, *wide]
    hasher = hashlib.sha256(json.dumps(recipe).encode())
    for file in found:
        hasher.update(os.fsencode(file.path) + b"\0" + file.digest.encode() + b"\0")
    return hasher.hexdigest()


def load(
    root: Path,
    found: Sequence[ImageFile],
    options: DecodeOptions,
    *,
    drop_duplicates: bool,
    cache_dir: Path,
) -> CachedImages:
    """Decodes files into the cache, unless they are already there, and maps them.

    Args:
      root: the folder of the files.
      found: the files, sorted by path.
      options: how they become images.
      drop_duplicates: leave out files with the same bytes as an earlier one.
      cache_dir: the folder of the cache.

    Raises:
      UserError: no file can be decoded, a file changes during reading, the disk is full, or the
        cache is damaged.
    """
    key = partial(_key, found, options, drop_duplicates)
    folder = cache_dir / "pictures" / key(version=1)
    if not folder.exists() or _is_outdated(folder):
        _fill(folder, root, found, options=options, drop_duplicates=drop_duplicates)
    try:
        return _read(folder, options, key)
    except Exception as error:  # NumPy and JSON raise many kinds of errors for a broken file
        raise UserError(
            f"the cached images in {folder} are damaged ({error}); delete that folder"
        ) from error


def _read(folder: Path, options: DecodeOptions, key: Callable[..., str]) -> CachedImages:
    """Maps the images of a folder; ``key`` returns their identity for a version of the decoder."""
    images = np.load(folder / "images.npy", mmap_mode="r")
    meta = json.loads((folder / "meta.json").read_text())
    if images.dtype != np.uint8 or images.shape != (len(meta["paths"]), *options.shape):
        raise ValueError(f"images.npy contains {images.dtype}{list(images.shape)}")
    seal.verify(folder, _SEALED)
    return CachedImages(
        images,
        meta["paths"],
        [(path, reason) for path, reason in meta["broken"]],
        meta["duplicates"],
        meta["plain"],
        key(version=meta["version"]),
        folder,
    )


def _fill(
    folder: Path,
    root: Path,
    found: Sequence[ImageFile],
    *,
    options: DecodeOptions,
    drop_duplicates: bool,
) -> None:
    """Writes a whole cache folder or nothing, even with several runs at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(scratch, root, found, options=options, drop_duplicates=drop_duplicates)
        for path in (*scratch.iterdir(), scratch):
            files.flush(path)
        try:
            if folder.exists() and _is_outdated(folder):
                shutil.rmtree(folder)
            scratch.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            shutil.rmtree(scratch)  # another run was first
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    files.flush(folder.parent)


def _is_outdated(folder: Path) -> bool:
    """Returns whether a cache folder is of an earlier version, with other rules or no checksum."""
    try:
        return json.loads((folder / "meta.json").read_text()).get("rules") != decoding.VERSION
    except (OSError, ValueError, AttributeError):  # damaged: reading the folder will report it
        return False


def _clear(folder: Path) -> None:
    """Removes unfinished folders that killed runs left behind for this folder."""
    for scratch in folder.parent.glob(f".{folder.name}-*"):
        parts = [path.stat().st_mtime for path in (scratch, *scratch.glob("*")) if path.exists()]
        if max(parts, default=0) < time.time() - _ABANDONED:
            shutil.rmtree(scratch, ignore_errors=True)


def _write(
    scratch: Path,
    root: Path,
    found: Sequence[ImageFile],
    *,
    options: DecodeOptions,
    drop_duplicates: bool,
) -> None:
    """Decodes files into a folder: the array, its description and the list of broken files."""
    first: dict[str, str] = {}
    for file in found:
        first.setdefault(file.digest, file.path)
    chosen = [
        file
        for file in found
        if file.digest and (not drop_duplicates or first[file.digest] == file.path)
    ]
    decoded = _decode_all(scratch / "images.npy", root, chosen, options=options) if chosen else []
    bad = {file.digest: one.broken for file, one in zip(chosen, decoded, strict=True) if one.broken}
    reasons = [(file.path, file.unreadable or bad.get(file.digest, "")) for file in found]
    broken = [(path, reason) for path, reason in reasons if reason]
    kept = [index for index, one in enumerate(decoded) if not one.broken]
    if not kept:
        raise UserError(
            f"none of the {len(found)} image files in {root} can be decoded: {list_broken(broken)}"
        )
    if bad:
        _keep_only(scratch / "images.npy", kept)
    meta = {
        "paths": [chosen[index].path for index in kept],
        "broken": broken,
        "duplicates": len(found) - len(broken) - len(kept),
        "plain": [chosen[index].path for index in kept if decoded[index].one_colour],
        "rules": decoding.VERSION,
        "version": max(one.version for one in decoded),
        "pillow": PIL.__version__,  # for information: versions may differ in the last bit
    }
    (scratch / "meta.json").write_text(json.dumps(meta))
    seal.write(scratch, _SEALED)
    if broken:
        with (scratch / BROKEN_LIST).open(
            "w", newline="", encoding="utf-8", errors="surrogateescape"
        ) as lines:
            table = csv.writer(lines)
            table.writerows(map(csv_text.protect, row) for row in [("path", "reason"), *broken])


class _Outcome(NamedTuple):
    """The result for a file: why it is broken, or empty; else see :class:`decoding.Decoded`."""

    broken: str
    one_colour: bool = False
    version: int = 1


def list_broken(broken: Sequence[tuple[str, str]]) -> str:
    """Lists the first broken files with their reasons, for messages."""
    return first_names([f"{path!r} ({reason})" for path, reason in broken])


def _decode_all(
    path: Path, root: Path, chosen: Sequence[ImageFile], *, options: DecodeOptions
) -> list[_Outcome]:
    """Decodes files into an array on disk; the image of a broken file stays black.

    Args:
      path: the array, ``uint8[len(chosen), H, W, C]``.
      root: the folder of the files.
      chosen: the files.
      options: how they become images.
    """
    _create(path, (len(chosen), *options.shape))
    images = np.load(path, mmap_mode="r+")
    span = max(1, _MAPPED // math.prod(options.shape))

    def decode(index: int) -> _Outcome:
        file = chosen[index]
        try:
            try:
                images[index], one_colour, version = decoding.read(root / file.path, options)
                outcome = _Outcome("", one_colour, version)
            except decoding.BrokenImageError as error:
                outcome = _Outcome(str(error))
            unchanged = file_stamp(root / file.path)[:2] == file.stamp[:2]
        except OSError:
            unchanged = False
        if not unchanged:
            raise UserError(
                f"{root / file.path} was changed or removed while it was read; run the same"
                " command again"
            )
        return outcome

    outcomes: list[_Outcome] = []
    with warnings.catch_warnings():  # here, since it applies to all threads
        # Pillow warns about unusual metadata, and about large images that are not too large.
        warnings.simplefilter("ignore")
        for outcome in threads.map_in_order(decode, range(len(chosen)), "decode images"):
            outcomes.append(outcome)
            if len(outcomes) % span == 0:
                images = np.load(path, mmap_mode="r+")
    return outcomes


def _create(path: Path, shape: tuple[int, ...]) -> None:
    """Creates an array on disk, all zero, and reserves its space.

    Writing to a mapped array on a full disk would kill the process.
    """
    try:
        open_memmap(path, "w+", np.uint8, shape)
        _reserve(path, math.prod(shape))
    except OSError as error:
        raise UserError(
            f"no space for {math.prod(shape) / 2**20:,.0f} MiB of decoded images in"
            f" {path.parent.parent} ({error.strerror}): free some space, choose another"
            " --config.cache_dir, or a smaller --config.data.size"
        ) from error


def _reserve(path: Path, data: int) -> None:
    """Makes the file system set aside the space of an array file, whose data has so many bytes."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        file.seek(size - data)  # macOS has no such call: zeros are written, after the header
        for start in range(0, data, _MAPPED):
            file.write(bytes(min(_MAPPED, data - start)))


def _keep_only(path: Path, kept: Sequence[int]) -> None:
    """Replaces an array on disk by the images at the indices ``kept``."""
    part = path.with_suffix(".part")
    _create(part, (len(kept), *np.load(path, mmap_mode="r").shape[1:]))
    for start in range(0, len(kept), _COPIED):
        own = kept[start : start + _COPIED]
        np.load(part, mmap_mode="r+")[start : start + len(own)] = np.load(path, mmap_mode="r")[own]
    part.replace(path)
