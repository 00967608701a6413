"""Small files that a power cut cannot tear: written aside, flushed, then put in place."""

import hashlib
import io
import os
from pathlib import Path

import numpy as np

from amkd.core.errors import UserError


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    scratch.write_text(text)
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes an array as ``.npy`` whole or not at all, with its checksum after it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    with scratch.open("w+b") as file:
        np.save(file, array)
        file.seek(0)
        checksum = hashlib.file_digest(file, "sha256").digest()
        file.write(checksum)
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def read_array(path: Path) -> np.ndarray:
    """Reads what :func:`write_array` wrote; a file of an earlier version has no checksum.

    Raises:
      UserError: its bytes are not those that were written.
    """
    data = path.read_bytes()
    try:
        file = io.BytesIO(data)
        array: np.ndarray = np.load(file)
        end = file.tell()
        if data[end:] not in (b"", hashlib.sha256(data[:end]).digest()):
            raise ValueError("its bytes are not those that were written")
    except Exception as error:  # NumPy raises many kinds for a broken file
        raise UserError(
            f"{path} is damaged ({error}); delete it, and the same command makes it again"
        ) from error
    return array


def flush(path: Path) -> None:
    """Makes the system write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
