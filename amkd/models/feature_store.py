"""Features of images on disk, so that a frozen network runs once for each image."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amkd.core import console
from amkd.core.errors import UserError

_AT_ONCE = 500  # keys in one statement


class FeatureStore:
    """Keeps one row ``float16[d]`` for each key, in one file that several processes may share.

    This is a cache: if the file is lost, features are computed again. A damaged file is removed.
    """

    def __init__(self, path: Path, width: int) -> None:
        """Takes the ``path`` of the file and the ``width`` d of a row."""
        self._path, self._width = path, width

    def read(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Returns the rows of those keys that the file contains."""
        found: dict[bytes, np.ndarray] = {}
        try:
            with self._open() as book:
                for start in range(0, len(keys), _AT_ONCE):
                    some = keys[start : start + _AT_ONCE]
                    marks = ",".join("?" * len(some))
                    asked = f"SELECT key, row FROM features WHERE key IN ({marks})"
                    found.update(
                        (key, np.frombuffer(row, np.float16))
                        for key, row in book.execute(asked, some)
                    )
        except sqlite3.DatabaseError as problem:
            self._begin_anew(problem)
            return {}
        return {key: row for key, row in found.items() if len(row) == self._width}

    def write(self, keys: Sequence[bytes], rows: np.ndarray) -> None:
        """Adds rows ``float16[M, d]`` under M keys; rows that exist already are not changed."""
        pairs = [(key, row.tobytes()) for key, row in zip(keys, rows, strict=True)]
        try:
            with self._open() as book, book:
                book.executemany("INSERT OR IGNORE INTO features VALUES (?, ?)", pairs)
        except sqlite3.DatabaseError as problem:
            self._begin_anew(problem)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(self._path, timeout=60)) as book:
            book.execute("PRAGMA synchronous = OFF")  # a power failure may destroy a cache
            book.execute("CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, row BLOB)")
            yield book

    def _begin_anew(self, problem: sqlite3.DatabaseError) -> None:
        """Removes a damaged file.

        Raises:
          UserError: the file is not damaged, but cannot be used for another reason.
        """
        if isinstance(problem, sqlite3.OperationalError):  # locked, full, or not writable
            raise UserError(
                f"{self._path}: cannot keep features ({problem}); free disk space there, or choose"
                " another folder with --config.cache_dir"
            ) from problem
        console.say(f"{self._path} is damaged ({problem}); the features are computed again")
        self._path.unlink(missing_ok=True)
