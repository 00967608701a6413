"""Opens a ledger for reading only: nothing is created, changed or left next to the file."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from amkd.core.errors import UserError
from amkd.ledger import checksums, schema, waiting

_PATIENCE = 60  # seconds that a reader waits for another program


class DamagedLedger(UserError):
    """Raised for a file that is damaged or is not a ledger."""


@contextlib.contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Opens a connection that shows the tables of the current version, whatever the file's version.

    SQL on it may call the functions of :mod:`amkd.ledger.checksums`.

    Args:
      path: the ledger's file.

    Raises:
      DamagedLedger: it is not a database, or it cannot be read.
      UserError: it does not exist, belongs to another program or to a newer version, cannot be
        opened, or was written while it was read.
    """
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(
            f"{path} {kind}: give the path of a ledger's file, such as ledger.sqlite in a workdir"
        )
    # A reader creates a -wal and a -shm file that it cannot remove. If no writer has created them,
    # the file is opened as one that does not change; afterwards, this is checked.
    still = not _wal(path).exists()
    before = _state(path)
    with contextlib.closing(_connection(path, still)) as db:
        try:
            with _user_errors(path):
                waiting.patiently(db, lambda: schema.check(db, path), _PATIENCE)
                db.execute(f"PRAGMA busy_timeout={1000 * _PATIENCE}")
                schema.view(db)
                yield db
        finally:
            if still and _state(path) != before:
                raise UserError(
                    f"another program wrote to ledger {path} while it was read; run the same"
                    " command again"
                ) from None


def _connection(path: Path, still: bool) -> sqlite3.Connection:
    with _user_errors(path):
        mode = "immutable=1" if still else "mode=ro"
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}",
            uri=True,
            timeout=waiting.TOLD_AFTER,
            isolation_level=None,
        )
        checksums.register(db)
        return db


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _state(path: Path) -> tuple[int, int, bool]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns, _wal(path).exists()


@contextlib.contextmanager
def _user_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        damaged = not isinstance(error, sqlite3.OperationalError) or "decode" in str(error)
        if not damaged:
            raise UserError(
                f"ledger {path} cannot be read ({error}): check that this user may read it and its"
                " folder"
            ) from error
        raise DamagedLedger(
            f"ledger {path} is damaged or is not a ledger ({error}). Save what can be read with"
            f" `python -m amkd.ledger rescue {path} rescued.sqlite`, or restore it from a copy"
        ) from error
