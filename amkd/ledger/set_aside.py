"""Sets aside answers that may belong to other images; no paid answer is deleted."""

import sqlite3
from collections.abc import Iterable

from amkd.ledger import checksums
from amkd.ledger.accounts import SENTINEL, SET_ASIDE
from amkd.ledger.charge import Charge


def move(
    db: sqlite3.Connection,
    charge: Charge,
    teacher: int,
    *,
    images: Iterable[bytes],
    batches: Iterable[int],
) -> int:
    """Moves what a run has paid for to another teacher, which no run queries; in a transaction.

    Answers, uses and batches move together, so that all counts still agree.

    Args:
      db: the open ledger.
      charge: the account that the batches were charged to.
      teacher: number of the teacher that receives the answers.
      images: digests of the images in these batches.
      batches: numbers of these batches.

    Returns:
      The number of answers that were moved.
    """
    moved = sum(_move_answer(db, charge, teacher, image) for image in images)
    for batch in batches:
        db.execute(
            "UPDATE batch SET teacher = ?, purpose = ? WHERE id = ? AND run = ?",
            (teacher, SET_ASIDE, batch, charge.run),
        )
    sums = {
        "use": checksums.USE_SQL,
        "answer": checksums.ANSWER_SQL,
        "batch": checksums.BATCH_SQL,
    }
    for table, sum_ in sums.items():
        db.execute(f"UPDATE {table} SET checksum = {sum_} WHERE teacher = ?", (teacher,))
    return moved


def _move_answer(db: sqlite3.Connection, charge: Charge, teacher: int, image: bytes) -> bool:
    """Moves the answer to one image; returns whether it was moved. An answer that another run has
    paid for stays.
    """
    key = (charge.run, charge.purpose, charge.teacher)
    if not db.execute(
        "UPDATE use SET teacher = ?, purpose = ? WHERE run = ? AND purpose = ? AND teacher = ?"
        " AND image = ? AND paid",
        (teacher, SET_ASIDE, *key, image),
    ).rowcount:
        return False
    db.execute(
        "UPDATE answer SET teacher = ? WHERE teacher = ? AND image = ?",
        (teacher, charge.teacher, image),
    )
    checked = db.execute(
        "UPDATE use SET teacher = ? WHERE run = ? AND purpose = ? AND teacher = ? AND image = ?",
        (teacher, charge.run, SENTINEL, charge.teacher, image),
    ).rowcount
    if checked:  # by the latest check, which found the mismatch
        db.execute(
            "UPDATE batch SET teacher = ? WHERE id = (SELECT max(id) FROM batch WHERE run = ?"
            " AND purpose = ?)",
            (teacher, charge.run, SENTINEL),
        )
    return True
