"""Checks a ledger: its file, its answers, and whether runs, batches and answers agree."""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from amkd.ledger import accounts, checksums

_LISTED = 5  # at most this many faults of one kind are listed one by one


class Check(NamedTuple):
    """The result of one check.

    Attributes:
      subject: what was checked.
      found: what was found, in a few words.
      faults: what is wrong, the first few in detail; empty if nothing is wrong.
      remedy: what to do about the faults.
    """

    subject: str
    found: str
    faults: list[str]
    remedy: str


def checks(db: sqlite3.Connection) -> Iterator[Check]:
    """Runs all checks; only the first one if the file is damaged, since no row is reliable then.

    Args:
      db: the ledger, from ``reader.open_read_only``.
    """
    structure = file(db)
    yield structure
    if not structure.faults:
        for check in (answers, lengths, teachers, owners, money, uses, pending, batches):
            yield check(db)


def file(db: sqlite3.Connection) -> Check:
    """Runs SQLite's own check of the file."""
    try:
        problems = [text for (text,) in db.execute(f"PRAGMA integrity_check({_LISTED})")]
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # too damaged for the check itself
        problems = [str(error)]
    faults = [line for text in problems if text != "ok" for line in text.splitlines()]
    return Check("file", "SQLite finds no fault" if not faults else "damaged", faults, _RESCUE)


_RESCUE = (
    "`python -m amkd.ledger rescue` saves every unchanged answer to a new ledger; or restore the"
    " ledger from a copy"
)


def answers(db: sqlite3.Connection) -> Check:
    """Checks every answer against its checksum."""
    (count,) = db.execute("SELECT count(*) FROM answer").fetchone()
    return _rows(
        db,
        "answers",
        f"{count:,} answers; all match their checksums",
        query=_CHANGED,
        remedy=_RESCUE,
    )


_CHANGED = """
SELECT 'the answer of teacher ' || teacher || ' to image ' || substr(hex(image), 1, 16)
  || ' has changed, or is of another teacher'
FROM answer JOIN teacher ON id = teacher WHERE crc(identity, image, scores) != checksum
"""


def lengths(db: sqlite3.Connection) -> Check:
    """Checks that all answers of a teacher have the same number of classes."""
    faults = [
        f"the answers of teacher {teacher.number} ({teacher.identity}) have several numbers of"
        f" classes: {', '.join(map(str, teacher.classes))}"
        for teacher in accounts.teachers(db)
        if len(teacher.classes) > 1
    ]
    remedy = (
        "two services had the same identity (config.teacher.identity): give each service its own"
        " ledger"
    )
    return Check("classes", "one number of classes for each teacher", faults, remedy)


def teachers(db: sqlite3.Connection) -> Check:
    """Checks that every teacher has a name."""
    return _rows(
        db,
        "teachers",
        "all are named",
        query=_NAMELESS,
        remedy="`python -m amkd.ledger rescue --identity NUMBER=NAME` adds it, in a new ledger",
    )


_NAMELESS = """
SELECT 'teacher ' || teacher || ' has no name'
FROM (SELECT teacher FROM answer UNION SELECT teacher FROM use UNION SELECT teacher FROM batch)
WHERE teacher NOT IN (SELECT id FROM teacher)
"""


def owners(db: sqlite3.Connection) -> Check:
    """Checks that every use is unchanged: whose it is, and whether it was paid for."""
    return _rows(db, "owners", "each use as recorded", query=_USE_CHANGED, remedy=_MONEY)


_MONEY = (
    "records of uses or batches were changed after they were written; answers are checked"
    " separately. Restore an earlier copy of the ledger, or run `python -m amkd.ledger rescue`,"
    " which leaves these rows out"
)
_USE_CHANGED = f"""
SELECT 'run ' || run || ', ' || purpose || ': the recorded use of image '
  || substr(hex(image), 1, 16)
  || ' of teacher ' || teacher || ' has changed'
FROM use JOIN teacher ON id = teacher WHERE {checksums.USE_SQL} != checksum
"""


def money(db: sqlite3.Connection) -> Check:
    """Checks that every batch is unchanged: images, price, state and whose it is."""
    return _rows(db, "money", "each batch as recorded", query=_BATCH_CHANGED, remedy=_MONEY)


_BATCH_CHANGED = f"""
SELECT 'batch ' || batch.id || ' of run ' || run || ', ' || images || ' images at ' || price
  || ' ' || currency || ', ' || state || ', has changed'
FROM batch JOIN teacher ON teacher.id = teacher WHERE {checksums.BATCH_SQL} != checksum
"""


def uses(db: sqlite3.Connection) -> Check:
    """Checks that every answer that a run uses exists."""
    (count,) = db.execute("SELECT count(*) FROM use").fetchone()
    return _rows(
        db,
        "uses",
        f"{count:,} uses, each with its answer",
        query=_UNANSWERED,
        remedy="merge a copy that has the answers: `python -m amkd.ledger merge`; a run that"
        " continues without them queries these images again",
    )


_UNANSWERED = """
SELECT 'run ' || run || ' uses, to ' || purpose || ', image '
  || substr(hex(image), 1, 16) || ' of teacher ' || teacher || ', which has no answer'
FROM use WHERE NOT EXISTS (
  SELECT 1 FROM answer WHERE answer.teacher = use.teacher AND answer.image = use.image)
"""


def pending(db: sqlite3.Connection) -> Check:
    """Checks that only unfinished batches have images in flight."""
    (count,) = db.execute("SELECT count(*) FROM pending").fetchone()
    return _rows(
        db,
        "in flight",
        f"{count:,} images, each in an unfinished batch",
        query=_LEFT_OVER,
        remedy="this does no harm: other runs wait at most until the batch expires; rescue leaves"
        " the entry out",
    )


_LEFT_OVER = """
SELECT 'image ' || substr(hex(pending.image), 1, 16) || ' is in flight in batch '
  || pending.batch || coalesce(', which is ' || state, ', which does not exist')
FROM pending LEFT JOIN batch ON batch.id = pending.batch WHERE state IS NOT 'sent'
"""


def batches(db: sqlite3.Connection) -> Check:
    """Checks that batches and uses count the same answers, for every run that has batches."""
    (count,) = db.execute("SELECT count(*) FROM batch").fetchone()
    known = {run for (run,) in db.execute("SELECT run FROM run UNION SELECT run FROM batch")}
    mismatches = accounts.mismatches(db)
    before = sum(one.paid for one in mismatches if one.run not in known)
    faults = [
        f"run {one.run}, {one.purpose}, round {one.round}: {one.answered:,} images were answered in"
        f" batches, but {one.paid:,} are recorded as paid"
        for one in mismatches
        if one.run in known
    ]
    found = f"{count:,} batches, with as many answers as were paid for"
    if before:
        found += f"; {before:,} answers are from before batches were recorded"
    remedy = (
        "the answers themselves are reliable, but the costs of these runs are not, so check"
        " config.teacher.max_cost. A copy of the ledger may have the missing records: merge it with"
        " `python -m amkd.ledger merge`"
    )
    return Check("batches", found, _short(faults, len(faults)), remedy)


def _rows(db: sqlite3.Connection, subject: str, found: str, *, query: str, remedy: str) -> Check:
    """Returns a check whose faults are the rows of a query with one column of text."""
    named, count = [], 0
    for (text,) in db.execute(query):
        count += 1
        if count <= _LISTED:
            named.append(text)
    return Check(subject, found, _short(named, count), remedy)


def _short(faults: list[str], count: int) -> list[str]:
    more = count - _LISTED
    return [*faults[:_LISTED], f"and {more:,} more"] if more > 0 else faults
