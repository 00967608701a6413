"""The ledger's file: every answer ever paid for, every batch sent, and which run used what.

SQLite in WAL mode. Answers are keyed by the SHA-256 of the image's exact bytes and shape, and by
the teacher's identity. A batch is noted as sent before it leaves, and its end in one transaction
with its answers. Threads share one ledger; processes share one file.
"""

import contextlib
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.ledger import accounts, schema

_PATIENCE = (
    600  # seconds that a write waits for another program's: answers in hand must not be lost
)


def checksum(image: bytes, scores: bytes) -> int:
    """CRC-32 of an address and its answer: SQLite itself does not notice a changed byte in a
    row.
    """
    return zlib.crc32(image + scores)


class Purse(NamedTuple):
    """What answers cost, and for whom and what they are bought.

    Attributes:
      run: identity of the run.
      purpose: what it needs the answers for.
      teacher: number of the teacher in this ledger.
      round: round the answers are for.
      price: of one image.
      currency: what the price is counted in.
      limit: most that the run may spend in all; 0 for any amount.
      patience: seconds after which a batch in flight is taken for lost by other runs.
    """

    run: str
    purpose: str
    teacher: int
    round: int
    price: float = 0.0
    currency: str = ""
    limit: float = 0.0
    patience: float = 600.0


class Sent(NamedTuple):
    """What became of images that were to be sent.

    Attributes:
      batch: number of the batch in the ledger; 0 if there is nothing to send.
      images: those to send now, by address.
      busy: those that another run has in flight at this moment.
    """

    batch: int
    images: list[bytes]
    busy: list[bytes]


class Ledger:
    """Answers on disk, and which run used which of them for what."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the ledger.

        Raises:
          UserError: the file is no ledger, is damaged, or cannot be opened.
        """
        self.path = path
        self._lock = threading.RLock()  # one connection for all threads
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"config.ledger.path={path}: its folder cannot be made ({error}); name another"
            ) from error
        with self._explained():
            self._db = sqlite3.connect(
                path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                problem = schema.prepare(self._db, path)
            if problem:
                raise self._damaged(problem)
        except BaseException:
            self._db.close()
            raise

    def _damaged(self, problem: str) -> UserError:
        return UserError(
            f"ledger {self.path} is damaged or is no ledger ({problem}). Nothing more is sent."
            " Restore it from a"
            f" copy, save what can be read with `python -m amkd.ledger rescue {self.path}"
            " rescued.sqlite`,"
            " or name another with --config.ledger.path"
        )

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """One thread at a time; turns what SQLite raises into what a user can act on."""
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            raise UserError(
                f"ledger {self.path} cannot be used ({error}): check that the disk is not full,"
                " that its folder can be"
                " written and that no other program holds the file, or name another with"
                " --config.ledger.path."
                " What was answered before is kept"
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained(), schema.transaction(self._db):
            yield

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """All rows of a query that only reads."""
        with self._explained():
            return self._db.execute(query, parameters).fetchall()

    def teacher(self, identity: str) -> int:
        """Number of a teacher in this ledger; given one at first sight."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (identity,))
            return self._db.execute(
                "SELECT id FROM teacher WHERE identity = ?", (identity,)
            ).fetchone()[0]

    def begin(self, run: str, about: str, place: str) -> int:
        """Notes a run, and gives up what it had in flight when its process died.

        Args:
          run: its identity.
          about: what it does, in a few words.
          place: its workdir.

        Returns:
          Images that were in flight: they may have been billed without arriving.
        """
        with self._transaction():
            self._db.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET place ="
                " excluded.place",
                (run, about, place, time.time()),
            )
            lost = self._db.execute(
                "SELECT id, images FROM batch WHERE run = ? AND state = 'sent'", (run,)
            ).fetchall()
            for batch, _ in lost:
                self._end(batch, "lost", 0)
        return sum(images for _, images in lost)

    def find(self, teacher: int, images: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The answers already there, by image address: raw scores ``float32[Y]`` each."""
        found = {}
        for image, scores, check in self._select(
            "image, scores, checksum", "answer", teacher, images
        ):
            if checksum(image, scores) != check:
                raise self._damaged(f"the answer to image {image.hex()[:16]} has changed")
            found[image] = np.frombuffer(scores, np.float32)
        return found

    def _select(
        self, columns: str, table: str, teacher: int, images: Sequence[bytes]
    ) -> Iterator[tuple]:
        for start in range(0, len(images), 500):
            part = images[start : start + 500]
            marks = ",".join("?" * len(part))
            yield from self.rows(
                f"SELECT {columns} FROM {table} WHERE teacher = ? AND image IN ({marks})",
                (teacher, *part),
            )

    def send(self, purse: Purse, images: Sequence[bytes]) -> Sent:
        """Notes a batch as sent, in one transaction, before it leaves.

        Images that have been answered meanwhile are noted as used and are not sent; nor are those
        that another run has in flight.

        Args:
          purse: who pays, and how much at most.
          images: addresses of images that had no answer a moment ago.

        Raises:
          UserError: the batch would cost more than the run may spend. Nothing is noted.
        """
        with self._transaction():
            now = time.time()  # not before its turn has come: patience starts here
            found = {row[0] for row in self._select("image", "answer", purse.teacher, images)}
            busy = self._in_flight(purse, images, now)
            fresh = [image for image in images if image not in found and image not in busy]
            self._check_limit(purse, len(fresh))
            self._note(purse, [image for image in images if image in found], paid=False)
            batch = self._begin_batch(purse, fresh, now) if fresh else 0
        return Sent(batch, fresh, [image for image in images if image in busy])

    def _in_flight(self, purse: Purse, images: Sequence[bytes], now: float) -> set[bytes]:
        """Those of the images that another run has sent and may still get an answer to."""
        pending = list(self._select("image, batch", "pending", purse.teacher, images))
        alive = "SELECT 1 FROM batch WHERE id = ? AND run != ? AND state = 'sent' AND expires > ?"
        batches = {
            batch
            for batch in {batch for _, batch in pending}
            if self.rows(alive, (batch, purse.run, now))
        }
        return {image for image, batch in pending if batch in batches}

    def _check_limit(self, purse: Purse, images: int) -> None:
        cost = images * purse.price
        if (
            cost
            and purse.limit
            and (spent := self.spent(purse.run)) + cost > purse.limit * (1 + 1e-9)
        ):
            raise UserError(
                f"config.teacher.max_cost={purse.limit:g}: {f'{spent:g} {purse.currency}'.strip()}"
                " are spent, and the"
                f" next {images} images cost {cost:g} more; nothing was sent. Raise it and run the"
                " same command: what"
                f" was answered is kept in {self.path}"
            )

    def _begin_batch(self, purse: Purse, images: Sequence[bytes], now: float) -> int:
        batch = self._db.execute(
            "INSERT INTO batch (run, purpose, teacher, round, images, price, currency, sent,"
            " expires, state, answered)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent', 0)",
            (*purse[:4], len(images), purse.price, purse.currency, now, now + purse.patience),
        ).lastrowid
        assert batch is not None
        rows = [(purse.teacher, image, batch) for image in images]
        self._db.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?, ?)", rows)
        return batch

    def answered(
        self, purse: Purse, batch: int, images: Sequence[bytes], answers: np.ndarray
    ) -> None:
        """Keeps a batch's answers, raw scores ``float32[B, Y]``, and ends it, in one transaction.

        An answer that is there already (another run was first) stays as it is.
        """
        now, rows = time.time(), []
        for image, answer in zip(images, answers, strict=True):
            scores = answer.astype("<f4").tobytes()
            rows.append((purse.teacher, image, scores, checksum(image, scores), now))
        with self._transaction():
            self._db.executemany("INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)", rows)
            self._note(purse, images, paid=True)
            self._end(batch, "answered", len(images))

    def unanswered(self, batch: int, billed: bool) -> None:
        """Ends a batch that brought no answer: refused by the service, or lost and perhaps
        billed.
        """
        with self._transaction():
            self._end(batch, "lost" if billed else "refused", 0)

    def _end(self, batch: int, state: str, answered: int) -> None:
        self._db.execute("DELETE FROM pending WHERE batch = ?", (batch,))
        self._db.execute(
            "UPDATE batch SET state = ?, answered = ?, ended = ? WHERE id = ?",
            (state, answered, time.time(), batch),
        )

    def note_found(self, purse: Purse, images: Sequence[bytes]) -> None:
        """Notes that a run uses answers that were there already, in one transaction."""
        with self._transaction():
            self._note(purse, images, paid=False)

    def _note(self, purse: Purse, images: Sequence[bytes], paid: bool) -> None:
        rows = [
            (purse.run, purse.purpose, purse.teacher, image, purse.round, int(paid))
            for image in images
        ]
        self._db.executemany("INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, ?, ?)", rows)

    def used(self, run: str, purpose: str, teacher: int) -> set[bytes]:
        """Images whose answers a run uses for a purpose."""
        query = "SELECT image FROM use WHERE run = ? AND purpose = ? AND teacher = ?"
        return {row[0] for row in self.rows(query, (run, purpose, teacher))}

    def count(self, run: str, purpose: str, paid_only: bool = False) -> int:
        """Images whose answers a run uses for a purpose, or those that it paid for itself."""
        query = "SELECT count(*) FROM use WHERE run = ? AND purpose = ? AND paid >= ?"
        return self.rows(query, (run, purpose, int(paid_only)))[0][0]

    def spent(self, run: str) -> float:
        """What a run may have been billed: every batch but those that the service refused."""
        with self._explained():
            return accounts.spent(self._db, run)

    def adrift(self, run: str) -> int:
        """Images of a run that may have been billed without an answer: lost, or still in flight."""
        query = (
            "SELECT coalesce(sum(images), 0) FROM batch WHERE run = ? AND state IN ('lost', 'sent')"
        )
        return self.rows(query, (run,))[0][0]

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()
