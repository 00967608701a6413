"""The durable record of every answer ever paid for: content-addressed, shared between runs.

SQLite in WAL mode; each answered batch is one transaction. Answers are keyed by the SHA-256
of the image's exact bytes and shape, and by the teacher's identity.
"""

import contextlib
import hashlib
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amkd.errors import UserError

_VERSION = 1
_APPLICATION = 0x616D6B64  # "amkd": marks the file as ours
_SCHEMA = """
CREATE TABLE teacher (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE answer (
  teacher INTEGER NOT NULL REFERENCES teacher, image BLOB NOT NULL,
  probabilities BLOB NOT NULL, checksum INTEGER NOT NULL, answered REAL NOT NULL,
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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"config.ledger.path={path}: its folder cannot be made ({error}); name another") from error
        with self._explained():
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        with self._explained():
            if not self._pragma("application_id") and not self._tables():
                self._db.execute("PRAGMA journal_mode=WAL")
                with self._transaction():
                    if not self._tables():  # another process may have been first
                        self._create()
            application, version = self._pragma("application_id"), self._pragma("user_version")
            problem = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
            self._db.execute("PRAGMA synchronous=FULL")
        if problem != "ok":
            raise self._damaged(problem)
        if application != _APPLICATION:
            raise UserError(f"{self.path} is a database of another program; name another with --config.ledger.path")
        if version != _VERSION:
            raise UserError(
                f"ledger {self.path} has version {version}, and this amkd reads version {_VERSION}: use the amkd that"
                " wrote it, or name another with --config.ledger.path"
            )

    def _pragma(self, name: str) -> int:
        return self._db.execute(f"PRAGMA {name}").fetchone()[0]

    def _tables(self) -> int:
        return self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]

    def _create(self) -> None:
        for statement in _SCHEMA.split(";"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id={_APPLICATION}")
        self._db.execute(f"PRAGMA user_version={_VERSION}")

    def _damaged(self, problem: str) -> UserError:
        return UserError(
            f"ledger {self.path} is damaged or is no ledger ({problem}). Nothing was sent. Restore it from a"
            f" copy, save what can be read with `sqlite3 {self.path} .recover | sqlite3 rescued.sqlite`,"
            " or name another with --config.ledger.path"
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what SQLite raises into what a user can act on."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise UserError(
                f"ledger {self.path} cannot be used ({error}): check that the disk is not full, that its folder can be"
                " written and that no other program holds the file, or name another with --config.ledger.path."
                " What was answered before is kept"
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

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
            query = "SELECT image, probabilities, checksum FROM answer WHERE teacher = ? AND image IN"
            with self._explained():
                rows = self._db.execute(f"{query} ({marks})", (teacher, *part)).fetchall()
            for image, probabilities, checksum in rows:
                if zlib.crc32(image + probabilities) != checksum:
                    raise self._damaged(f"the answer to image {image.hex()[:16]} has changed")
                found[image] = np.frombuffer(probabilities, np.float32)
        return found

    def add_paid(
        self,
        run: str,
        purpose: str,
        teacher: int,
        images: Sequence[bytes],
        answers: np.ndarray,
        round_: int,
    ) -> None:
        """Keeps one answered batch, ``float32[B, Y]``, and who paid for it, in one transaction.

        An answer that is there already (another run was first) stays as it is.
        """
        now = time.time()
        rows = []
        for image, answer in zip(images, answers, strict=True):
            probabilities = answer.tobytes()
            rows.append((teacher, image, probabilities, zlib.crc32(image + probabilities), now))
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)", rows)
            self._note(run, purpose, teacher, images, round_, paid=True)

    def note_found(self, run: str, purpose: str, teacher: int, images: Sequence[bytes], round_: int) -> None:
        """Notes that a run uses answers that were there already, in one transaction."""
        with self._transaction():
            self._note(run, purpose, teacher, images, round_, paid=False)

    def _note(self, run: str, purpose: str, teacher: int, images: Sequence[bytes], round_: int, paid: bool) -> None:
        rows = [(run, purpose, teacher, image, round_, int(paid)) for image in images]
        self._db.executemany("INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, ?, ?)", rows)

    def used(self, run: str, purpose: str, teacher: int) -> set[bytes]:
        """Images whose answers a run uses for a purpose."""
        query = "SELECT image FROM use WHERE run = ? AND purpose = ? AND teacher = ?"
        with self._explained():
            return {row[0] for row in self._db.execute(query, (run, purpose, teacher))}

    def count(self, run: str, purpose: str, paid_only: bool = False) -> int:
        """Images whose answers a run uses for a purpose, or those that it paid for itself."""
        query = "SELECT count(*) FROM use WHERE run = ? AND purpose = ? AND paid >= ?"
        with self._explained():
            return self._db.execute(query, (run, purpose, int(paid_only))).fetchone()[0]

    def close(self) -> None:
        """Closes the file."""
        self._db.close()
