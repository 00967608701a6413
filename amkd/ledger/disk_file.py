"""Checks that the ledger's file on disk is the one that is written: it may be deleted meanwhile.

A process can continue to write to a deleted file, but all of it is lost when the process ends.
"""

import contextlib
import sqlite3
from pathlib import Path

_File = tuple[int, int]  # device and inode


class DiskFile:
    """The file that was at a path when the ledger was opened, with its ``-wal``."""

    def __init__(self, path: Path) -> None:
        self._path, self._wal = path, path.with_name(f"{path.name}-wal")
        self._opened = {path: _identity(path), self._wal: _identity(self._wal)}

    def is_there(self) -> bool:
        """Returns whether the file at the path is still the one that was opened."""
        if self._opened[self._wal] is None:  # SQLite creates it when it is first needed
            self._opened[self._wal] = _identity(self._wal)
        return all(
            opened is not None and _identity(path) == opened
            for path, opened in self._opened.items()
            if opened is not None or path == self._path
        )

    def holds(self, query: str, parameters: tuple[object, ...]) -> bool:
        """Returns whether a query finds a row, read back from the path by another connection.

        Raises:
          sqlite3.Error: the path cannot be read.
        """
        if not self.is_there():
            return False
        with contextlib.closing(
            sqlite3.connect(f"{self._path.as_uri()}?mode=ro", uri=True, timeout=60)
        ) as db:
            return db.execute(query, parameters).fetchone() is not None


def save_copy(db: sqlite3.Connection, path: Path) -> Path:
    """Writes all contents of a connection to a new file next to a path, and returns that file.

    Raises:
      OSError, sqlite3.Error: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while (copy := path.with_name(f"{path.stem}.saved-{number}{path.suffix}")).exists():
        number += 1
    with contextlib.closing(sqlite3.connect(copy)) as target:
        db.backup(target)
    return copy


def _identity(path: Path) -> _File | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
