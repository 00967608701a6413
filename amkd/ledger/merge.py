"""Merges several ledgers into one: answers, runs, uses and batches, each once."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from amkd.core.errors import UserError
from amkd.ledger import checksums, disk_path, reader, schema, verify, waiting
from amkd.ledger.store import Ledger

UNNAMED = "unknown teacher "  # rescue creates such identities; they are valid in one ledger only


class Merged(NamedTuple):
    """What one source added to the target.

    Attributes:
      source: path of the source.
      answers: answers that were new to the target.
      conflicts: answers that differ between the two; the target keeps its own.
      uses: uses that were new.
      batches: batches that were new, or whose end was new.
      runs: runs that were new.
    """

    source: Path
    answers: int
    conflicts: int
    uses: int
    batches: int
    runs: int


def merge(target: Path, sources: Sequence[Path]) -> list[Merged]:
    """Copies all contents of the sources into the target, in one transaction.

    Merging the same source twice adds nothing. Two teachers are the same if they have the same
    identity; two answers, if they have the same teacher and image; two batches, if they have the
    same run, purpose, teacher, round, time of sending and number of images. Images in flight are
    not copied: they matter only in the ledger with which their run continues.

    Args:
      target: a ledger; created if it does not exist.
      sources: ledgers; they are only read.

    Raises:
      UserError: a source is the target, is damaged, or has a teacher without a name. The target
        is not changed.
    """
    disk_path.on_disk(target, "TARGET")
    for source in sources:
        _check_source(target, source)
    Ledger(target).close()  # creates it, upgrades it, or raises an error
    # SQLite's default for a new connection is synchronous=FULL.
    db = sqlite3.connect(
        disk_path.on_disk(target, "TARGET"), timeout=waiting.TOLD_AFTER, isolation_level=None
    )
    checksums.register(db)
    with contextlib.closing(db), schema.transaction(db):
        return [_merge_one(db, source, target) for source in sources]


def _check_source(target: Path, source: Path) -> None:
    if target.exists() and source.exists() and target.samefile(source):
        raise UserError(f"{source} is the target itself; name other ledgers to merge into it")
    with reader.open_read_only(source) as db:
        unnamed = [
            teacher
            for (teacher,) in db.execute("SELECT identity FROM teacher")
            if teacher.startswith(UNNAMED)
        ]
        if unnamed:
            raise UserError(
                f"{source} has a teacher without a name, {unnamed[0]!r}, which may be a different"
                " teacher in another ledger; nothing was merged. Rescue the damaged ledger again"
                f" with --identity {unnamed[0].removeprefix(UNNAMED)}=NAME"
            )
        for check in (verify.file, verify.answers, verify.teachers, verify.owners, verify.money):
            if faults := check(db).faults:
                raise UserError(
                    f"{source} is damaged ({faults[0]}); nothing was merged. Save what can be read"
                    f" with `python -m amkd.ledger rescue {source} rescued.sqlite`, and merge the"
                    " rescued ledger"
                )


def _merge_one(db: sqlite3.Connection, path: Path, target: Path) -> Merged:
    with reader.open_read_only(path) as source:
        try:
            source.execute("BEGIN")  # all reads see one moment: a run may be writing to the source
            teachers = _merge_teachers(db, source)
            answers, conflicts = _merge_answers(db, source, teachers)
            uses = _merge_uses(db, source, teachers)
            batches = _merge_batches(db, source, teachers)
            return Merged(path, answers, conflicts, uses, batches, _merge_runs(db, source))
        except sqlite3.Error as error:
            raise UserError(
                f"{path} cannot be merged into {target} ({error}); check that the disk is not full"
                " and that the target's folder is writable. Nothing was merged"
            ) from error


def _merge_teachers(db: sqlite3.Connection, source: sqlite3.Connection) -> dict[int, int]:
    """Maps the source's numbers of teachers to the target's."""
    numbers = {}
    for number, identity in source.execute("SELECT id, identity FROM teacher"):
        db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (identity,))
        numbers[number] = db.execute(
            "SELECT id FROM teacher WHERE identity = ?", (identity,)
        ).fetchone()[0]
    return numbers


def _merge_answers(
    db: sqlite3.Connection, source: sqlite3.Connection, teachers: dict[int, int]
) -> tuple[int, int]:
    added = conflicts = 0
    for teacher, image, scores, *rest in source.execute(
        "SELECT teacher, image, scores, checksum, answered FROM answer"
    ):
        row = (teachers[teacher], image, scores, *rest)
        if db.execute("INSERT OR IGNORE INTO answer VALUES (?, ?, ?, ?, ?)", row).rowcount:
            added += 1
            continue
        (kept,) = db.execute(
            "SELECT scores FROM answer WHERE teacher = ? AND image = ?", row[:2]
        ).fetchone()
        conflicts += kept != scores
        if kept == scores:  # the same answer: keep its earliest time
            db.execute(
                "UPDATE answer SET answered = ?1 WHERE teacher = ?2 AND image = ?3 AND answered >"
                " ?1",
                (row[4], *row[:2]),
            )
    return added, conflicts


def _merge_uses(
    db: sqlite3.Connection, source: sqlite3.Connection, teachers: dict[int, int]
) -> int:
    """Copies uses; an answer counts as paid for if it does in either of the two ledgers."""
    before = _count(db, "use")
    rows = source.execute("SELECT run, purpose, teacher, image, round, paid, checksum FROM use")
    db.executemany(
        "INSERT INTO use VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET round ="
        " excluded.round, paid = excluded.paid, checksum = excluded.checksum"
        " WHERE excluded.paid > paid",
        ((run, purpose, teachers[teacher], *rest) for run, purpose, teacher, *rest in rows),
    )
    return _count(db, "use") - before


def _merge_batches(
    db: sqlite3.Connection, source: sqlite3.Connection, teachers: dict[int, int]
) -> int:
    """Copies batches, and the end of a batch if only one of the two ledgers has recorded it."""
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS held (run, purpose, teacher, round, sent, images, id,"
        " state, PRIMARY KEY (run, purpose, teacher, round, sent, images))"
    )
    db.execute("DELETE FROM held")
    db.execute(
        "INSERT OR IGNORE INTO held SELECT run, purpose, teacher, round, sent, images, id, state"
        " FROM batch"
    )
    changed = 0
    for run, purpose, teacher, *rest in source.execute(f"SELECT {_BATCH} FROM batch ORDER BY id"):
        row = (run, purpose, teachers[teacher], *rest)
        changed += _merge_batch(db, dict(zip(_BATCH.split(", "), row, strict=True)))
    return changed


_BATCH = (
    "run, purpose, teacher, round, images, price, currency, sent, expires, ended, state, answered,"
    " checksum"
)


def _merge_batch(db: sqlite3.Connection, batch: dict[str, object]) -> bool:
    held = db.execute(
        "SELECT id, state FROM held WHERE run = :run AND purpose = :purpose AND teacher = :teacher"
        " AND round = :round AND sent = :sent AND images = :images",
        batch,
    ).fetchone()
    if held is None:
        names = ", ".join(f":{name}" for name in batch)
        db.execute(f"INSERT INTO batch ({_BATCH}) VALUES ({names})", batch)
        return True
    number, state = held
    if state != "sent" or batch["state"] == "sent":
        return False
    db.execute("DELETE FROM pending WHERE batch = ?", (number,))
    db.execute(
        "UPDATE batch SET state = :state, answered = :answered, ended = :ended, expires = :expires,"
        " price = :price, currency = :currency, checksum = :checksum WHERE id = :id",
        {**batch, "id": number},
    )
    return True


def _merge_runs(db: sqlite3.Connection, source: sqlite3.Connection) -> int:
    before = _count(db, "run")
    db.executemany(
        "INSERT INTO run VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET begun = min(begun,"
        " excluded.begun)",
        source.execute("SELECT run, about, place, begun FROM run"),
    )
    return _count(db, "run") - before


def _count(db: sqlite3.Connection, table: str) -> int:
    return db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
