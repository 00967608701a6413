"""The ledger's file: every answer ever paid for, every batch sent, and which run used what.

The file is SQLite in WAL mode. Answers are keyed by the teacher and by the image digest
(:func:`amkd.core.digest.image_digest`). A batch is recorded as sent before the request is made. Its
end and its answers are recorded in one transaction. Threads share one ``Ledger``; processes share
one file.
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amkd.core.errors import UserError
from amkd.ledger import accounts, connection, lease, limits, set_aside, unchecked
from amkd.ledger.charge import Charge
from amkd.ledger.checksums import BATCH_SQL, checksum, of_row


@dataclasses.dataclass(frozen=True)
class SentBatch:
    """The images of a batch that is about to be sent, after the ledger was checked.

    Attributes:
      number: number of the batch in the ledger; 0 if no image is left to send.
      images: digests of the images to send now.
      busy: digests of the images that another run has in flight at this moment.
    """

    number: int
    images: list[bytes]
    busy: list[bytes]


class Ledger:
    """An open ledger file. All methods may be called from several threads."""

    def __init__(self, path: Path) -> None:
        """Opens or creates the ledger.

        Raises:
          UserError: the file is not a ledger, is damaged, or cannot be opened.
        """
        self.path = path
        self._file = connection.Connection(path)
        self._db, self._transaction, self.rows = (
            self._file.db,
            self._file.transaction,
            self._file.rows,
        )
        self._leases = lease.Leases(self._file)
        self._identities: dict[int, str] = {}  # of teachers, by number
        self._threads, self._closing, self._working = 0, False, threading.Lock()

    def teacher(self, identity: str) -> int:
        """Returns the number of a teacher in this ledger; a new teacher gets one."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (identity,))
            return self._db.execute(
                "SELECT id FROM teacher WHERE identity = ?", (identity,)
            ).fetchone()[0]

    def _identity(self, teacher: int) -> str:
        if teacher not in self._identities:
            rows = self.rows("SELECT identity FROM teacher WHERE id = ?", (teacher,))
            self._identities[teacher] = rows[0][0]
        return self._identities[teacher]

    def begin_run(self, run: str, about: str, place: str) -> int:
        """Records a run, and marks as lost what was in flight when its process died.

        Args:
          run: identity of the run.
          about: what the run does, in a few words.
          place: workdir of the run.

        Returns:
          The number of images that were in flight. They may have been billed without an answer.

        Raises:
          UserError: another process is at work on the run.
        """
        with self._leases.taking(run):
            self._db.execute(
                "INSERT INTO run VALUES (?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET about ="
                " excluded.about, place = excluded.place",
                (run, about, place, time.time()),
            )
            lost = self._db.execute(
                "SELECT id, images FROM batch WHERE run = ? AND state = 'sent'", (run,)
            ).fetchall()
            for batch, _ in lost:
                self._end_batch(batch, "lost", 0)
        return sum(images for _, images in lost)

    def find(self, teacher: int, images: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Looks up answers by image digest: raw scores ``float32[Y]``, only for answered images.

        Raises:
          UserError: the checksum of an answer is wrong.
        """
        found, identity = {}, self._identity(teacher)
        for image, scores, check in self._select(
            "image, scores, checksum", "answer", teacher, images=images
        ):
            if checksum(identity, image, scores) != check:
                raise self._file.damage(f"the answer to image {image.hex()[:16]} has changed")
            found[image] = np.frombuffer(scores, np.float32)
        return found

    def _select(
        self, columns: str, table: str, teacher: int, *, images: Sequence[bytes]
    ) -> Iterator[tuple]:
        for start in range(0, len(images), 500):
            part = images[start : start + 500]
            marks = ",".join("?" * len(part))
            yield from self.rows(
                f"SELECT {columns} FROM {table} WHERE teacher = ? AND image IN ({marks})",
                (teacher, *part),
            )

    def begin_batch(
        self, charge: Charge, images: Sequence[bytes], again: bool = False
    ) -> SentBatch:
        """Records a batch as sent, in one transaction, before its request is made.

        Images that were answered in the meantime are recorded as used and are not sent. Images that
        another run has in flight are not sent either.

        Args:
          charge: the account that pays, with its limits.
          images: digests of images that had no answer a moment ago.
          again: send the images even if they have an answer.

        Raises:
          OutOfMoney: the batch would cost more than the run may spend. Nothing is recorded.
          UserError: too many images were sent without a usable answer, another process has taken
            the run, or the file is no longer on disk.
        """
        with self._transaction():
            self._leases.check(charge.run)
            others = [] if again else images
            found = {
                row[0] for row in self._select("image", "answer", charge.teacher, images=others)
            }
            busy = self._in_flight(charge, others)
            fresh = [image for image in images if image not in found and image not in busy]
            self._check_limit(charge, len(fresh))
            self._record_uses(charge, [image for image in images if image in found], paid=False)
            batch = self._insert_batch(charge, fresh) if fresh else 0
        if batch:
            try:
                self._check_on_disk(charge, batch)
            except UserError:
                with contextlib.suppress(UserError):  # the first error says more
                    self.record_failure(batch, billed=False)  # it is not sent
                raise
        return SentBatch(batch, fresh, [image for image in images if image in busy])

    def _check_on_disk(self, charge: Charge, batch: int) -> None:
        """Makes sure that the file on disk contains a batch, before the batch is sent."""
        query = "SELECT 1 FROM batch WHERE id = ? AND run = ? AND state = 'sent'"
        self._file.check_on_disk(query, (batch, charge.run))

    def _in_flight(self, charge: Charge, images: Sequence[bytes]) -> set[bytes]:
        """Returns the images that another run has sent and may still get an answer to."""
        pending = list(self._select("image, batch", "pending", charge.teacher, images=images))
        query = (
            "SELECT id, run, expires - sent FROM batch WHERE id = ? AND run != ? AND state = 'sent'"
        )
        batches = {
            batch
            for number in {batch for _, batch in pending}
            for batch, run, patience in self.rows(query, (number, charge.run))
            if self._leases.waits_for(run, batch, patience)
        }
        return {image for image, batch in pending if batch in batches}

    def _check_limit(self, charge: Charge, images: int) -> None:
        if self.affordable(charge, images) < images:
            raise self.out_of_money(charge, images)
        if images and charge.most_in_vain:
            rows = self.rows(
                "SELECT state = 'sent', sum(images - answered) FROM batch WHERE run = ? AND"
                " answered < images AND state != 'refused' GROUP BY 1",
                (charge.run,),
            )
            in_vain, in_flight = (dict(rows).get(sent, 0) for sent in (0, 1))
            limits.check_in_vain(
                charge, images, in_vain=in_vain, in_flight=in_flight, path=self.path
            )

    def affordable(self, charge: Charge, images: int) -> int:
        """Returns how many of these images the run can still pay for."""
        return limits.affordable(charge, images, self.spent(charge.run))

    def out_of_money(self, charge: Charge, images: int) -> limits.OutOfMoney:
        """Returns the error about images that the run cannot pay for."""
        spent = self.spent(charge.run)
        return limits.out_of_money(charge, images, spent=spent, path=self.path)

    def _insert_batch(self, charge: Charge, images: Sequence[bytes]) -> int:
        now = time.time()
        batch = self._db.execute(
            "INSERT INTO batch (run, purpose, teacher, round, images, price, currency, sent,"
            " expires, state, answered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'sent', 0)",
            (
                *(charge.run, charge.purpose, charge.teacher, charge.round),
                *(len(images), charge.price, charge.currency),
                *(now, now + charge.patience),
            ),
        ).lastrowid
        assert batch is not None
        self._seal_batch(batch)
        rows = [(charge.teacher, image, batch) for image in images]
        self._db.executemany("INSERT OR REPLACE INTO pending VALUES (?, ?, ?)", rows)
        return batch

    def record_answers(
        self, charge: Charge, batch: int, *, images: Sequence[bytes], answers: np.ndarray
    ) -> None:
        """Stores the answers of a batch and ends the batch, in one transaction.

        An answer that already exists (another run was first) is not changed.

        Args:
          charge: the account that pays.
          batch: number of the batch.
          images: digests of the B answered images.
          answers: raw scores ``float32[B, Y]``.
        """
        rows, identity = [], self._identity(charge.teacher)
        for image, answer in zip(images, answers, strict=True):
            scores = answer.astype("<f4").tobytes()
            rows.append((charge.teacher, image, scores, checksum(identity, image, scores)))
        with self._transaction():
            now = time.time()  # answers and their batch have one time; other batches have others
            self._db.executemany(
                "INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)",
                [(*row, now) for row in rows],
            )
            self._record_uses(charge, images, paid=True)
            self._end_batch(batch, "answered", len(images), ended=now)

    def set_aside(
        self, charge: Charge, identity: str, *, images: Sequence[bytes], batches: Sequence[int]
    ) -> int:
        """Moves paid answers to another identity, see :func:`set_aside.move`; returns how many."""
        teacher = self.teacher(identity)
        with self._transaction():
            return set_aside.move(self._db, charge, teacher, images=images, batches=batches)

    def record_failure(self, batch: int, billed: bool) -> None:
        """Ends a batch without answers: as lost if it may have been billed, else as refused."""
        with self._transaction():
            self._end_batch(batch, "lost" if billed else "refused", 0)

    def unchecked(self, charge: Charge) -> dict[int, list[bytes]]:
        """Returns the batches since the sentinel's last check, see :func:`unchecked.batches`."""
        with self._file.user_errors():
            return unchecked.batches(self._db, charge)

    def _end_batch(self, batch: int, state: str, answered: int, ended: float | None = None) -> None:
        self._db.execute("DELETE FROM pending WHERE batch = ?", (batch,))
        self._db.execute(
            "UPDATE batch SET state = ?, answered = ?, ended = ? WHERE id = ?",
            (state, answered, time.time() if ended is None else ended, batch),
        )
        self._seal_batch(batch)

    def _seal_batch(self, batch: int) -> None:
        self._db.execute(f"UPDATE batch SET checksum = {BATCH_SQL} WHERE id = ?", (batch,))

    def record_found(self, charge: Charge, images: Sequence[bytes]) -> None:
        """Records that a run uses answers that already existed, in one transaction."""
        with self._transaction():
            self._record_uses(charge, images, paid=False)

    def _record_uses(self, charge: Charge, images: Sequence[bytes], paid: bool) -> None:
        run, purpose, round_, identity = (
            *(charge.run, charge.purpose, charge.round),
            self._identity(charge.teacher),
        )
        rows = []
        for image in images:
            check = of_row(identity, run, purpose, image, round_, int(paid))
            rows.append((run, purpose, charge.teacher, image, round_, int(paid), check))
        self._db.executemany("INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def used(self, run: str, purpose: str, teacher: int, paid_only: bool = False) -> set[bytes]:
        """Returns the digests of images whose answers a run uses for a purpose, or has paid for."""
        query = "SELECT image FROM use WHERE run = ? AND purpose = ? AND teacher = ? AND paid >= ?"
        return {row[0] for row in self.rows(query, (run, purpose, teacher, int(paid_only)))}

    def count(self, run: str, purpose: str, paid_only: bool = False) -> int:
        """Counts the images whose answers a run uses for a purpose, or has paid for itself."""
        query = "SELECT count(*) FROM use WHERE run = ? AND purpose = ? AND paid >= ?"
        return self.rows(query, (run, purpose, int(paid_only)))[0][0]

    def count_imported(self, run: str, purpose: str) -> int:
        """Counts the images for which a run uses an imported answer."""
        query = (
            "SELECT count(DISTINCT own.image) FROM use AS own JOIN use AS other"
            " USING (teacher, image)"
            " WHERE own.run = ? AND own.purpose = ? AND NOT own.paid AND other.purpose = ?"
        )
        return self.rows(query, (run, purpose, accounts.IMPORTED))[0][0]

    def answered(self, run: str, purpose: str) -> int:
        """Counts the images that a run has sent for a purpose and that were answered."""
        with self._file.user_errors():
            return accounts.answered(self._db, run, purpose)

    def spent(self, run: str) -> float:
        """Returns what a run may have been billed: for all batches that were not refused."""
        with self._file.user_errors():
            return accounts.spent(self._db, run)

    def lost(self, run: str) -> int:
        """Counts the images that may have been billed without an answer: lost or in flight."""
        query = (
            "SELECT coalesce(sum(images), 0) FROM batch WHERE run = ? AND state IN ('lost', 'sent')"
        )
        return self.rows(query, (run,))[0][0]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Marks a thread that may bring answers: the file stays open for it, also after close()."""
        with self._working:
            self._threads += 1
        try:
            yield
        finally:
            with self._working:
                self._threads -= 1
                is_last = self._closing and not self._threads
            if is_last:
                self._close()

    def close(self) -> None:
        """Releases the runs, and closes the file, once no thread is at work for it."""
        with self._working:
            self._closing = True
            if self._threads:  # a second interrupt has ended the wait for them
                return
        self._close()

    def _close(self) -> None:
        self._leases.release()
        self._file.close()
