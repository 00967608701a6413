"""Decoded pictures on disk: one memory-mapped array for each set of files and policy.

A cache folder ``cache_dir/pictures/<key>`` holds ``images.npy``, ``meta.json`` (which file each
image came from) and, if files were broken, ``broken.csv`` (which, and why). The key says which
files there were, byte by byte, and what was made of them; so nothing in it ever goes stale.
"""

import csv
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from numpy.lib.format import open_memmap

from amkd.core import files
from amkd.core.errors import UserError
from amkd.data import pictures, threads
from amkd.data.picture_files import File, some, stamp
from amkd.data.pictures import Policy

BROKEN_LIST = "broken.csv"
_ABANDONED = 86_400  # seconds after which an unfinished folder is taken to be left by a kill
_COPIED = 256  # images copied at a time
_MAPPED = (
    2**26
)  # bytes written before an array is mapped anew: the pages of an old mapping count as memory in use


class Cached(NamedTuple):
    """A cache folder's content.

    Attributes:
      images: ``uint8[M, H, W, C]``, memory-mapped and read-only.
      paths: the file of each image, relative to the folder it was found in.
      broken: files that could not be decoded, and why.
      duplicates: how many files were left out for having the bytes of an earlier one.
    """

    images: np.ndarray
    paths: list[str]
    broken: list[tuple[str, str]]
    duplicates: int


def key(found: Sequence[File], policy: Policy, drop_duplicates: bool) -> str:
    """Identity of the images that come of files: SHA-256 in hex of all that they depend on."""
    hasher = hashlib.sha256()
    made = [pictures.VERSION, policy.size, policy.resize, policy.mode, drop_duplicates]
    hasher.update(json.dumps(made).encode())
    for file in found:
        hasher.update(os.fsencode(file.path) + b"\0" + file.digest.encode() + b"\0")
    return hasher.hexdigest()


def load(
    root: Path, found: Sequence[File], policy: Policy, drop_duplicates: bool, cache_dir: Path
) -> Cached:
    """Decodes files into the cache, unless they are there, and maps them.

    Args:
      root: the folder of the files.
      found: the files, sorted by path.
      policy: what to make of them.
      drop_duplicates: leave out files whose bytes are those of an earlier one.
      cache_dir: below which the cache is.

    Raises:
      UserError: no file can be decoded, one changes meanwhile, the disk is full, or the cache is
        damaged.
    """
    folder = place(cache_dir, key(found, policy, drop_duplicates))
    if not folder.exists():
        _fill(folder, root, found, policy, drop_duplicates)
    try:
        return _read(folder, policy)
    except Exception as error:  # NumPy and JSON raise many kinds for a broken file
        raise UserError(
            f"the cached pictures in {folder} are damaged ({error}); delete that folder"
        ) from error


def place(cache_dir: Path, key: str) -> Path:
    """Folder of one cache."""
    return cache_dir / "pictures" / key


def _read(folder: Path, policy: Policy) -> Cached:
    images = np.load(folder / "images.npy", mmap_mode="r")
    meta = json.loads((folder / "meta.json").read_text())
    if images.dtype != np.uint8 or images.shape != (len(meta["paths"]), *policy.shape):
        raise ValueError(f"images.npy holds {images.dtype}{list(images.shape)}")
    return Cached(
        images,
        meta["paths"],
        [(path, reason) for path, reason in meta["broken"]],
        meta["duplicates"],
    )


def _fill(
    folder: Path, root: Path, found: Sequence[File], policy: Policy, drop_duplicates: bool
) -> None:
    """Writes a cache folder whole or not at all, even with several runs at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(scratch, root, found, policy, drop_duplicates)
        for path in (*scratch.iterdir(), scratch):
            files.flush(path)
        try:
            scratch.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            shutil.rmtree(scratch)  # another run was first
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    files.flush(folder.parent)


def _clear(folder: Path) -> None:
    """Removes what runs that were killed left of this folder."""
    for scratch in folder.parent.glob(f".{folder.name}-*"):
        parts = [path.stat().st_mtime for path in (scratch, *scratch.glob("*")) if path.exists()]
        if max(parts, default=0) < time.time() - _ABANDONED:
            shutil.rmtree(scratch, ignore_errors=True)


def _write(
    scratch: Path, root: Path, found: Sequence[File], policy: Policy, drop_duplicates: bool
) -> None:
    first: dict[str, str] = {}
    for file in found:
        first.setdefault(file.digest, file.path)
    chosen = [
        file
        for file in found
        if file.digest and (not drop_duplicates or first[file.digest] == file.path)
    ]
    bad = _decode(scratch / "images.npy", root, chosen, policy) if chosen else {}
    reasons = [(file.path, file.unreadable or bad.get(file.digest, "")) for file in found]
    broken = [(path, reason) for path, reason in reasons if reason]
    kept = [place for place, file in enumerate(chosen) if file.digest not in bad]
    if not kept:
        raise UserError(
            f"none of the {len(found)} pictures in {root} can be decoded: {listed(broken)}"
        )
    if bad:
        _keep(scratch / "images.npy", kept)
    meta = {
        "paths": [chosen[place].path for place in kept],
        "broken": broken,
        "duplicates": len(found) - len(broken) - len(kept),
        "pillow": PIL.__version__,  # for people: another version's decoders may differ in a last bit
    }
    (scratch / "meta.json").write_text(json.dumps(meta))
    if broken:
        with (scratch / BROKEN_LIST).open(
            "w", newline="", encoding="utf-8", errors="surrogateescape"
        ) as lines:
            csv.writer(lines).writerows([("path", "reason"), *broken])


def listed(broken: Sequence[tuple[str, str]]) -> str:
    """The first broken files, for people."""
    return some([f"{path!r} ({reason})" for path, reason in broken])


def _decode(path: Path, root: Path, chosen: Sequence[File], policy: Policy) -> dict[str, str]:
    """Decodes files into an array on disk.

    Args:
      path: the array, ``uint8[len(chosen), H, W, C]``.
      root: the folder of the files.
      chosen: the files.
      policy: what to make of them.

    Returns:
      Why a file could not be decoded, by its digest; its image is left black.
    """
    _create(path, (len(chosen), *policy.shape))
    images = np.load(path, mmap_mode="r+")
    span = max(1, _MAPPED // math.prod(policy.shape))

    def decode(place: int) -> str:
        file = chosen[place]
        reason = ""
        try:
            try:
                images[place] = pictures.decode(root / file.path, policy)
            except pictures.BrokenPictureError as error:
                reason = str(error)
            unchanged = stamp(root / file.path)[:2] == file.stamp[:2]
        except OSError:
            unchanged = False
        if not unchanged:
            raise UserError(
                f"{root / file.path} was changed or removed while it was read; run again"
            )
        return reason

    bad = {}
    with warnings.catch_warnings():  # for all threads, so not in them
        warnings.simplefilter(
            "ignore"
        )  # Pillow's: odd metadata, and pictures that are large but not too large
        for place, reason in enumerate(
            threads.in_order(decode, range(len(chosen)), "decode pictures"), 1
        ):
            if reason:
                bad[chosen[place - 1].digest] = reason
            if place % span == 0:
                images = np.load(path, mmap_mode="r+")
    return bad


def _create(path: Path, shape: tuple[int, ...]) -> None:
    """A new array on disk, black, with its space reserved: writing to a full disk would kill the
    process.
    """
    try:
        open_memmap(path, "w+", np.uint8, shape)
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        raise UserError(
            f"no room for {math.prod(shape) / 2**20:,.0f} MiB of decoded pictures in"
            f" {path.parent.parent}"
            f" ({error.strerror}): free some, choose another --config.cache_dir, or a smaller"
            " --config.data.size"
        ) from error


def _keep(path: Path, kept: Sequence[int]) -> None:
    """Replaces an array on disk by some of its images."""
    part = path.with_suffix(".part")
    _create(part, (len(kept), *np.load(path, mmap_mode="r").shape[1:]))
    for start in range(0, len(kept), _COPIED):
        places = kept[start : start + _COPIED]
        np.load(part, mmap_mode="r+")[start : start + len(places)] = np.load(path, mmap_mode="r")[
            places
        ]
    part.replace(path)
