"""The tables of a ledger: how they are created, and how an earlier version is upgraded."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from amkd.core.errors import UserError
from amkd.ledger import checksums, waiting

VERSION = 3
_APPLICATION = 0x616D6B64  # "amkd": marks the file as ours

# SQLite stores the text of these statements in every ledger's file: do not change even a space.
# A batch's state: sent, answered, refused (certainly not billed) or lost (possibly billed).
_SINCE_2 = """
CREATE TABLE run (run TEXT PRIMARY KEY, about TEXT NOT NULL, place TEXT NOT NULL, \
begun REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE batch (
  id INTEGER PRIMARY KEY, run TEXT NOT NULL, purpose TEXT NOT NULL, \
teacher INTEGER NOT NULL REFERENCES teacher,
  round INTEGER NOT NULL, images INTEGER NOT NULL, price REAL NOT NULL, currency TEXT NOT NULL,
  sent REAL NOT NULL, expires REAL NOT NULL, ended REAL, state TEXT NOT NULL, \
answered INTEGER NOT NULL);
CREATE TABLE pending (
  teacher INTEGER NOT NULL REFERENCES teacher, image BLOB NOT NULL, \
batch INTEGER NOT NULL REFERENCES batch,
  PRIMARY KEY (teacher, image)) WITHOUT ROWID
"""
_INDEXES = """
CREATE INDEX batch_run ON batch (run, state);
CREATE INDEX pending_batch ON pending (batch)
"""
# Leases: which process holds a run, and its heartbeats. Checksums of batches and uses.
_COLUMN = "ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0"
_SINCE_3 = f"""
CREATE TABLE lease (run TEXT PRIMARY KEY, holder TEXT NOT NULL, beats INTEGER NOT NULL) \
WITHOUT ROWID;
CREATE INDEX batch_in_vain ON batch (run, images, answered) \
WHERE answered < images AND state != 'refused';
ALTER TABLE batch {_COLUMN};
ALTER TABLE use {_COLUMN}
"""
_SEAL = f"""
UPDATE batch SET checksum = {checksums.BATCH_SQL};
UPDATE use SET checksum = {checksums.USE_SQL}
"""
_OWNED = "owned(checksum, (SELECT identity FROM teacher WHERE teacher.id = answer.teacher))"
_FROM_2 = f"{_SINCE_3}; {_SEAL}; UPDATE answer SET checksum = {_OWNED}"
_TABLES = f"""
CREATE TABLE teacher (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
CREATE TABLE answer (
  teacher INTEGER NOT NULL REFERENCES teacher, image BLOB NOT NULL,
  scores BLOB NOT NULL, checksum INTEGER NOT NULL, answered REAL NOT NULL,
  PRIMARY KEY (teacher, image)) WITHOUT ROWID;
CREATE TABLE use (
  run TEXT NOT NULL, purpose TEXT NOT NULL, teacher INTEGER NOT NULL REFERENCES teacher,
  image BLOB NOT NULL, round INTEGER NOT NULL, paid INTEGER NOT NULL,
  PRIMARY KEY (run, purpose, teacher, image)) WITHOUT ROWID;
{_SINCE_2}; {_INDEXES}
; {_SINCE_3}
"""
_FROM_1 = f"""
ALTER TABLE answer RENAME COLUMN probabilities TO scores; {_SINCE_2}; {_INDEXES}; {_FROM_2}
"""
# SQLite looks up a temporary view or table before one of the file with the same name.
_VIEW_OF_2 = f"""
CREATE TEMP VIEW use AS SELECT *, {checksums.USE_SQL} AS checksum FROM main.use;
CREATE TEMP VIEW batch AS SELECT *, {checksums.BATCH_SQL} AS checksum FROM main.batch;
CREATE TEMP VIEW answer AS
  SELECT teacher, image, scores, {_OWNED} AS checksum, answered FROM main.answer
"""
_VIEW_OF_1 = f"""
CREATE TEMP VIEW use AS SELECT *, {checksums.USE_SQL} AS checksum FROM main.use;
{_SINCE_2.replace("CREATE TABLE", "CREATE TEMP TABLE")};
ALTER TABLE batch {_COLUMN};
CREATE TEMP VIEW answer AS
  SELECT teacher, image, probabilities AS scores, {_OWNED} AS checksum, answered FROM main.answer
"""
_UPGRADES = {1: _FROM_1, 2: _FROM_2}
_VIEWS = {1: _VIEW_OF_1, 2: _VIEW_OF_2}


def prepare(db: sqlite3.Connection, path: Path) -> str:
    """Creates the tables of a new ledger; checks and upgrades those of an existing one.

    Args:
      db: an open connection on which the checksum functions are registered.
      path: path of its file, for messages.

    Returns:
      SQLite's description of what is wrong with the file; empty if nothing is wrong.

    Raises:
      UserError: the file belongs to another program, or to a newer version.
    """
    if not _pragma(db, "application_id") and not _count(db):
        db.execute("PRAGMA journal_mode=WAL")
        with transaction(db):
            if not _count(db):  # another process may have been first
                _run(db, _TABLES)
                db.execute(f"PRAGMA application_id={_APPLICATION}")
    problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        return problem
    check(db, path)
    db.execute("PRAGMA synchronous=FULL")
    if _pragma(db, "user_version") in _UPGRADES:
        with transaction(db):
            if steps := _UPGRADES.get(_pragma(db, "user_version")):  # another may have been first
                _run(db, steps)
    return ""


def check(db: sqlite3.Connection, path: Path) -> None:
    """Refuses a file that is not a ledger of this version or an earlier one.

    Args:
      db: an open connection.
      path: path of its file, for messages.

    Raises:
      UserError: the file belongs to another program, or to a newer version.
    """
    if _pragma(db, "application_id") != _APPLICATION:
        raise UserError(
            f"{path} is a database of another program; choose another file (--config.ledger.path)"
        )
    version = _pragma(db, "user_version")
    if version not in (*_UPGRADES, VERSION):
        raise UserError(
            f"ledger {path} has version {version}, but this amkd reads version {VERSION}: use the"
            " version of amkd that wrote it, or use another ledger (--config.ledger.path)"
        )


def seal(db: sqlite3.Connection) -> None:
    """Computes the checksums of all rows again; all teachers must have names already."""
    answers = f"UPDATE answer SET checksum = {checksums.ANSWER_SQL}"
    for statement in (*_SEAL.split(";"), answers):
        db.execute(statement)


def view(db: sqlite3.Connection) -> None:
    """Makes a read-only connection see an earlier ledger with the tables of this version."""
    for statement in _VIEWS.get(_pragma(db, "user_version"), "").split(";"):
        db.execute(statement)


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Runs a block as one transaction: all of it is written, or nothing."""
    try:
        waiting.execute(db, "BEGIN IMMEDIATE")
        yield
        waiting.execute(db, "COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _run(db: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version={VERSION}")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _count(db: sqlite3.Connection) -> int:
    return db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
