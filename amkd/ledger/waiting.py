"""Waits for a ledger that another program locks; informs the user, and gives up at a time limit."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from amkd.core import console

TOLD_AFTER = 5.0  # seconds that SQLite waits by itself, before a message is shown
LONGEST = 600.0  # seconds that a write waits: answers in memory must not be lost
_PAUSE = 0.1  # seconds between two attempts, if SQLite does not wait by itself

_Found = TypeVar("_Found")


def patiently(
    db: sqlite3.Connection, do: Callable[[], _Found], longest: float | None = None
) -> _Found:
    """Calls a function until no other program locks the file; reports what it waits for.

    Args:
      db: the connection that the function uses.
      do: what to do; it may be called several times.
      longest: longest wait in seconds; by default ``LONGEST``.

    Raises:
      sqlite3.OperationalError: the file is still locked after the longest wait, or another error.
    """
    start, told = time.monotonic(), False
    longest = LONGEST if longest is None else longest
    while True:
        try:
            found = do()
        except sqlite3.OperationalError as error:
            waited = time.monotonic() - start
            if not is_held(error) or waited >= longest:
                raise
            if not told and waited >= TOLD_AFTER:
                told = True
                console.mention(
                    f"ledger {_file(db)} is locked by another program; waiting for up to"
                    f" {longest - waited:.0f} more seconds",
                )
            time.sleep(_PAUSE)
        else:
            if told:
                console.mention(
                    f"ledger {_file(db)} is free after {time.monotonic() - start:.0f} seconds"
                )
            return found


def execute(
    db: sqlite3.Connection, statement: str, parameters: Sequence[object] = ()
) -> sqlite3.Cursor:
    """Runs a statement that may have to wait for another program."""
    return patiently(db, lambda: db.execute(statement, parameters))


def is_held(error: sqlite3.Error) -> bool:
    """Returns whether an error means that another program locks the file."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF == sqlite3.SQLITE_BUSY


def _file(db: sqlite3.Connection) -> str:
    return str(db.execute("PRAGMA database_list").fetchone()[2])
