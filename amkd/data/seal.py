"""The checksum of a cache folder: written with its files, and verified whenever it is opened."""

import hashlib
import json
import mmap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

NAME = "seal.json"
_SPAN = 2**24  # bytes hashed by one thread at a time


def write(folder: Path, names: Sequence[str]) -> None:
    """Writes the checksums of these files of a folder into the same folder."""
    (folder / NAME).write_text(json.dumps(_checksums(folder, names)))


def verify(folder: Path, names: Sequence[str]) -> None:
    """Reads all bytes of the files again, and compares the checksums.

    Raises:
      ValueError: a byte has changed since it was written.
      OSError: a file is missing.
    """
    held = json.loads((folder / NAME).read_text())
    changed = [name for name, sums in _checksums(folder, names).items() if held.get(name) != sums]
    if changed:
        raise ValueError(f"the bytes of {', '.join(changed)} have changed since they were written")


def _checksums(folder: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """Returns the SHA-256 of every span of each file, in hex."""
    with ThreadPoolExecutor() as pool:
        return {name: _of_file(folder / name, pool) for name in names}


def _of_file(path: Path, pool: ThreadPoolExecutor) -> list[str]:
    with path.open("rb") as file:
        # Mapped, not read: a cache may be larger than the memory.
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:

            def checksum(start: int) -> str:
                with view[start : start + _SPAN] as span:
                    return hashlib.sha256(span).hexdigest()

            return list(pool.map(checksum, range(0, len(view), _SPAN)))
