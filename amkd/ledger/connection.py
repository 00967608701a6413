"""A ledger's file, open for writing: one connection that all threads of a process share."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from amkd.core import console
from amkd.core.errors import UserError
from amkd.ledger import checksums, disk_file, disk_path, schema, waiting


class Connection:
    """An open file. SQLite's errors become errors for the user.

    Attributes:
      path: the file, as it was named.
      file: its absolute path.
      db: SQLite's connection; use it inside :meth:`transaction` or :meth:`user_errors` only.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates a ledger's file.

        Raises:
          UserError: the file is not a ledger, is damaged, or cannot be opened.
        """
        self.path, self.file = path, disk_path.on_disk(path)
        self._lock = threading.RLock()  # one connection for all threads
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"config.ledger.path={path}: its folder cannot be created ({error}); choose"
                " another path"
            ) from error
        with self.user_errors():
            self.db = sqlite3.connect(
                self.file, timeout=waiting.TOLD_AFTER, isolation_level=None, check_same_thread=False
            )
        checksums.register(self.db)
        try:
            with self.user_errors():
                problem = waiting.patiently(self.db, lambda: schema.prepare(self.db, path))
            if problem:
                raise self.damage(problem)
            self._on_disk = disk_file.DiskFile(self.file)
        except BaseException:
            self.db.close()
            raise

    def damage(self, problem: str) -> UserError:
        """Returns the error about a damaged file."""
        return UserError(
            f"ledger {self.path} is damaged or is not a ledger ({problem}). Nothing more is sent."
            " Restore it from a copy, save what can be read with `python -m amkd.ledger rescue"
            f" {self.path} rescued.sqlite`, or use another ledger (--config.ledger.path)"
        )

    @contextlib.contextmanager
    def user_errors(self) -> Iterator[None]:
        """Lets one thread in at a time, and turns SQLite's errors into errors for the user."""
        try:
            with self._lock:
                yield
        except sqlite3.OperationalError as error:
            why = str(error)
            if waiting.is_held(error):
                why = f"another program has locked it for {waiting.LONGEST:.0f} seconds: {error}"
            raise UserError(
                f"ledger {self.path} cannot be used ({why}): check that the disk is not full,"
                " that its folder is writable and that no other program locks the file, or use"
                " another ledger (--config.ledger.path). All earlier answers are kept"
            ) from error
        except sqlite3.DatabaseError as error:
            raise self.damage(str(error)) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Runs a block as one transaction: all of it is written, or nothing."""
        with self.user_errors(), schema.transaction(self.db):
            yield

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """Returns all rows of a query that only reads."""
        with self.user_errors():
            return waiting.execute(self.db, query, parameters).fetchall()

    def check_on_disk(self, query: str, parameters: tuple[object, ...]) -> None:
        """Raises an error unless a row that was just written can be read back from the path.

        Raises:
          UserError: the file on disk is not the file that this connection writes to, or cannot be
            read.
        """
        try:
            found = self._on_disk.holds(query, parameters)
        except sqlite3.Error as error:
            raise UserError(
                f"ledger {self.path} cannot be read back from its disk ({error}). Nothing more is"
                " sent. Check the disk and the number of files that this process may open (ulimit"
                " -n), and run the same command again"
            ) from error
        if not found:
            raise UserError(
                f"ledger {self.path} on disk is not the file that this run writes to: it was"
                " deleted, moved or replaced during the run. Nothing more is sent. When the run"
                " ends, all answers are saved to a new file next to it; move that file to this path"
                " and run the same command again"
            )

    def close(self) -> None:
        """Closes the file; if it is no longer on disk, saves its contents to a new file."""
        with self._lock:
            try:
                if not self._on_disk.is_there():
                    copy = disk_file.save_copy(self.db, self.file)
                    console.say(
                        f"ledger {self.path} was deleted, moved or replaced during the run; its"
                        f" whole contents are saved in {copy}: move that file to {self.path} and"
                        " run the same command again",
                    )
            except (OSError, sqlite3.Error) as error:
                console.say(f"ledger {self.path} no longer exists and cannot be saved: {error}")
            finally:
                self.db.close()
