"""The durable record of every answer ever paid for: content-addressed, shared between runs.

SQLite in WAL mode; each answered batch is one transaction. Answers are keyed by the SHA-256
of the image's exact bytes and shape, and by the teacher's identity.
"""

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amkd.errors import UserError

_VERSION = 1
_SCHEMA = """
CREATE TABLE teacher (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE answer (
  teacher INTEGER NOT NULL REFERENCES teacher, image BLOB NOT NULL,
  probabilities BLOB NOT NULL, answered REAL NOT NULL,
  PRIMARY KEY (teacher, image)) WITHOUT ROWID;
CREATE TABLE use (
  run TEXT NOT NULL, purpose TEXT NOT NULL, teacher INTEGER NOT NULL REFERENCES teacher,
  image BLOB NOT NULL, round INTEGER NOT NULL, paid INTEGER NOT NULL,
  PRIMARY KEY (run, purpose, teacher, image)) WITHOUT ROWID;
"""


def digest(image: np.ndarray) -> bytes:
    """Address of one image, from its shape and exact bytes: ``uint8[H, W, C]`` to 32 bytes."""
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()


class Ledger:
    """Answers on disk, and which run used which of them for what."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the ledger.

        Raises:
          UserError: the file is no ledger, is damaged, or cannot be opened.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            with self._transaction():
                if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                    self._create()
            problem = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise self._damaged(str(error)) from error
        if problem != "ok":
            raise self._damaged(problem)
        if version != _VERSION:
            raise UserError(f"ledger {path} has version {version}, and this amkd reads version {_VERSION}")

    def _create(self) -> None:
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA user_version={_VERSION}")

    def _damaged(self, problem: str) -> UserError:
        return UserError(
            f"ledger {self.path} is damaged or is no ledger ({problem}). Nothing was sent. Restore it from a"
            f" copy, save what can be read with `sqlite3 {self.path} .recover | sqlite3 rescued.sqlite`,"
            " or name another with --config.ledger.path"
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def teacher(self, identity: str) -> int:
        """Number of a teacher in this ledger; given one at first sight."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (identity,))
            return self._db.execute("SELECT id FROM teacher WHERE identity = ?", (identity,)).fetchone()[0]

    def find(self, teacher: int, images: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The answers already there, by image address: ``float32[Y]`` each."""
        found = {}
        for start in range(0, len(images), 500):
            part = images[start : start + 500]
            marks = ",".join("?" * len(part))
            rows = self._db.execute(
                f"SELECT image, probabilities FROM answer WHERE teacher = ? AND image IN ({marks})",
                (teacher, *part),
            )
            found.update({image: np.frombuffer(row, np.float32) for image, row in rows})
        return found

    def add(self, teacher: int, images: Sequence[bytes], answers: np.ndarray) -> None:
        """Keeps answers ``float32[B, Y]``; part of the caller's transaction if it has one."""
        now = time.time()
        rows = [(teacher, image, row.tobytes(), now) for image, row in zip(images, answers, strict=True)]
        self._db.executemany("INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?)", rows)

    def note(self, run: str, purpose: str, teacher: int, images: Sequence[bytes], round_: int, paid: bool) -> None:
        """Notes that a run uses the answers of these images, and whether it paid for them."""
        rows = [(run, purpose, teacher, image, round_, int(paid)) for image in images]
        self._db.executemany("INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_paid(
        self,
        run: str,
        purpose: str,
        teacher: int,
        images: Sequence[bytes],
        answers: np.ndarray,
        round_: int,
    ) -> None:
        """One answered batch: the answers and their use, in one transaction."""
        with self._transaction():
            self.add(teacher, images, answers)
            self.note(run, purpose, teacher, images, round_, paid=True)

    def note_found(self, run: str, purpose: str, teacher: int, images: Sequence[bytes], round_: int) -> None:
        """Answers that were there already and that a run now uses, in one transaction."""
        with self._transaction():
            self.note(run, purpose, teacher, images, round_, paid=False)

    def used(self, run: str, purpose: str, teacher: int) -> set[bytes]:
        """Images whose answers a run uses for a purpose."""
        rows = self._db.execute(
            "SELECT image FROM use WHERE run = ? AND purpose = ? AND teacher = ?", (run, purpose, teacher)
        )
        return {row[0] for row in rows}

    def count(self, run: str, purpose: str, paid_only: bool = False) -> int:
        """Images whose answers a run uses for a purpose, or those that it paid for itself."""
        query = "SELECT count(*) FROM use WHERE run = ? AND purpose = ? AND paid >= ?"
        return self._db.execute(query, (run, purpose, int(paid_only))).fetchone()[0]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
