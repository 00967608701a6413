"""Small files that a power cut cannot tear: written aside, flushed, then put in place."""

import os
from pathlib import Path

import numpy as np


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    # A name of the user's may be no UTF-8; the locale may have no letters.
    scratch.write_text(text, encoding="utf-8", errors="backslashreplace")
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def write_array(path: Path, array: np.ndarray) -> None:
    """Writes an array as ``.npy`` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    with scratch.open("wb") as file:
        np.save(file, array)
    flush(scratch)
    scratch.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Makes the system write a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
