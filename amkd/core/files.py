"""Small files: written so that a power cut cannot leave half a file, and read with a check."""

import contextlib
import glob
import hashlib
import io
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from amkd.core import console
from amkd.core.errors import UserError

_PRIVATE = 0o077  # umask
_ABANDONED = 3600  # seconds after which the writer of a file must have been killed
NOTHING: Mapping[str, type] = {}


@contextlib.contextmanager
def private(wanted: bool = True) -> Iterator[None]:
    """Makes new files 0600 and new folders 0700 while it lasts, for the whole process.

    The files of a run reveal its user's images, and what was paid for.

    Args:
      wanted: False to leave the umask as it is.
    """
    before = os.umask(_PRIVATE) if wanted else None
    try:
        yield
    finally:
        if before is not None:
            os.umask(before)


def read_object(path: Path, remedy: str, fields: Mapping[str, type] = NOTHING) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
      path: the file.
      remedy: what to do about a damaged file; the message ends with it.
      fields: what it must contain: names, and the types of their values.

    Raises:
      UserError: the file cannot be read, is cut off, or contains something else.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): {remedy}") from error
    except (ValueError, RecursionError) as error:  # not text, or not JSON
        raise UserError(f"{path} is damaged ({error}): {remedy}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged (it does not contain a JSON object): {remedy}")
    for name, kind in fields.items():
        if not isinstance(found.get(name), kind):
            raise UserError(f"{path} is damaged (it has no {name!r}): {remedy}")
    return found


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    scratch = _scratch(path)
    # A user's name may not be UTF-8, and the locale may not support the text.
    scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def replace_text(path: Path, text: str) -> None:
    """Replaces a text file at once; a power cut may lose it, so it must be unimportant."""
    scratch = _scratch(path)
    scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
    scratch.replace(path)


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes an array as ``.npy`` whole or not at all, with its checksum after it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _scratch(path)
    with scratch.open("w+b") as file:
        np.save(file, array)
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").digest()
        file.write(checksum)
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def read_array(path: Path) -> np.ndarray | None:
    """Reads an array that was kept only to save work; returns None, and says so, if it is damaged.

    A file of an earlier version has no checksum.
    """
    data = path.read_bytes()
    try:
        file = io.BytesIO(data)
        found: np.ndarray = np.load(file)
        end = file.tell()
        if data[end:] not in (b"", hashlib.sha256(data[:end]).digest()):
            raise ValueError("its bytes are not those that were written")
    except Exception as error:  # NumPy raises many kinds for a broken file
        console.say(f"{path} is damaged ({error}): it is created again")
        return None
    return found


def _scratch(path: Path) -> Path:
    """Returns where to write a file first; removes what killed processes have left of it."""
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        with contextlib.suppress(OSError):  # just gone
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    # On a shared disk, processes of two hosts, or of two containers, may have the same number.
    return path.with_name(f"{path.name}.{platform.node()}-{os.getpid()}.part")


def flush(path: Path) -> None:
    """Makes the system write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
