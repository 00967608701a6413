"""Saves what can still be read from a damaged ledger to a new one."""

import contextlib
import mmap
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from amkd.core import files
from amkd.core.errors import UserError
from amkd.ledger import checksums, disk_path, schema
from amkd.ledger.accounts import IMPORTED, INCOMPLETE
from amkd.ledger.credible_rows import CredibleRows
from amkd.ledger.merge import UNNAMED
from amkd.ledger.recovered_rows import RecoveredRow, identify
from amkd.ledger.sqlite_pages import PageRow, Pages, UnreadablePage


class Table(NamedTuple):
    """Counts of the rows of one table: in the new ledger, and found but not credible."""

    name: str
    recovered: int
    rejected: int


class Rescued(NamedTuple):
    """What was saved, and what is known about the rest.

    Attributes:
      tables: counts of rows, by table.
      pages: number of pages of the file, after its ``-wal`` was applied.
      unreadable: numbers of the pages that cannot be read.
      missing: number of pages that the file should have but does not have.
      broken: number of rows that cannot be read; their table is not known.
      unanswered: uses left out because their answers are lost, by run and purpose.
      unnamed: numbers of teachers whose names are lost.
      notes: what else the user should know.
    """

    tables: list[Table]
    pages: int
    unreadable: list[int]
    missing: int
    broken: int
    unanswered: dict[tuple[str, str], int]
    unnamed: list[int]
    notes: list[str]


def rescue(damaged: Path, new: Path, identities: Mapping[int, str] | None = None) -> Rescued:
    """Saves every credible row, and every answer with a correct checksum, to a new ledger.

    The pages of a copy are read one by one, so neither the header of the file nor the tree of its
    pages needs to be intact. A use whose answer is lost is left out; otherwise the run would count
    on that answer. Images in flight are left out. Their batches stay marked as sent, so that their
    runs mark them as lost when they resume.

    Args:
      damaged: the damaged file; it and the files next to it are only read.
      new: path of the new ledger.
      identities: names of teachers by number, if the user knows them.

    Raises:
      UserError: the file does not exist, the new file already exists or cannot be written, or the
        damaged file contains nothing of a ledger.
    """
    if not damaged.is_file():
        raise UserError(
            f"{damaged} does not exist or is not a file: give the path of the damaged ledger"
        )
    new = disk_path.on_disk(new, "NEW")
    if new.exists():
        raise UserError(f"{new} already exists; choose a new file")
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f"{new.name}.", suffix=".part", dir=new.parent
        ) as scratch:
            rescued = _rescue(damaged, Path(scratch), identities or {})
            files.flush(Path(scratch, "new"))
            Path(scratch, "new").rename(new)
            files.flush(new.parent)
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f"{new} cannot be written ({error}); check that the disk is not full"
        ) from error
    return rescued


def _rescue(damaged: Path, scratch: Path, identities: Mapping[int, str]) -> Rescued:
    with contextlib.closing(sqlite3.connect(scratch / "new", isolation_level=None)) as db:
        checksums.register(db)
        db.execute("PRAGMA synchronous=OFF")  # a scratch file until it is complete
        schema.prepare(db, scratch / "new")
        db.execute("PRAGMA journal_mode=DELETE")
    notes = _copy(damaged, scratch)
    if not (scratch / "copy").stat().st_size:
        raise UserError(
            f"{damaged} is empty; nothing was written. Give the path of the damaged ledger"
        )
    with contextlib.ExitStack() as stack:
        db = stack.enter_context(
            contextlib.closing(sqlite3.connect(scratch / "new", isolation_level=None))
        )
        checksums.register(db)
        db.execute("PRAGMA journal_mode=OFF")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("PRAGMA cache_size=-64000")
        file = stack.enter_context((scratch / "copy").open("rb"))
        data = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        rescued = _Rescue(db, Pages(data), identities=identities, notes=notes).run()
        if not any(table.recovered for table in rescued.tables):
            raise UserError(
                f"{damaged} contains no readable part of a ledger; nothing was written. Check that"
                " it is the right file"
            )
        db.execute("PRAGMA journal_mode=WAL")
    return rescued


def _copy(damaged: Path, scratch: Path) -> list[str]:
    """Copies the file and applies its ``-wal`` to the copy; returns notes for the user.

    SQLite applies it. If the first page is too damaged for that, the copy gets a sound one first.
    """
    copy, wal = scratch / "copy", damaged.with_name(f"{damaged.name}-wal")
    if not wal.is_file() or not wal.stat().st_size:
        shutil.copyfile(damaged, copy)
        return []
    for fresh in (False, True):
        shutil.copyfile(damaged, copy)
        shutil.copyfile(wal, scratch / "copy-wal")
        if fresh:
            _replace_first_page(copy, scratch / "new")
        with (
            contextlib.suppress(sqlite3.DatabaseError),
            contextlib.closing(sqlite3.connect(copy)) as db,
        ):
            _, pages, _ = db.execute("PRAGMA wal_checkpoint").fetchone()
            return [f"{wal.name}: {max(pages, 0):,} pages applied"]
    shutil.copyfile(damaged, copy)
    return [f"{wal.name} cannot be read: its contents are lost"]


def _replace_first_page(copy: Path, sound: Path) -> None:
    """Replaces the first page of a copy by that of a sound ledger."""
    with sound.open("rb") as source, copy.open("r+b") as target:
        head = bytearray(source.read(_PAGE))
        head[18:20] = b"\2\2"  # of a file that may have a -wal
        target.write(head)


_PAGE = 4096  # SQLite's, of every ledger


class _Rescue:
    """Reads all pages twice: first to find the possible checksums, then to fill the new ledger."""

    def __init__(
        self,
        db: sqlite3.Connection,
        pages: Pages,
        *,
        identities: Mapping[int, str],
        notes: list[str],
    ) -> None:
        self._db, self._pages, self._notes = db, pages, notes
        self._credible = CredibleRows(identities)
        self._rejected: Counter[str] = Counter()
        self._unreadable: list[int] = []
        self._broken = 0

    def run(self) -> Rescued:
        with schema.transaction(self._db):
            for row in self._rows():
                if found := self._identified(row):
                    self._credible.note(found)
            for number in self._readable():
                for row in filter(None, self._pages.rows(number)):
                    self._take(row)
            unanswered = self._leave_out_unanswered()
            unnamed = self._name_teachers()
            schema.seal(self._db)
        return Rescued(
            [
                Table(name, self._count(name), self._rejected[name])
                for name in ("teacher", *_INSERTS)
            ],
            self._pages.count,
            self._unreadable,
            max(self._pages.expected - self._pages.count, 0),
            self._broken,
            unanswered,
            unnamed,
            self._notes,
        )

    def _rows(self) -> Iterator[PageRow]:
        for number in range(2, self._pages.count + 1):  # the first contains only the schema
            try:
                for row in self._pages.rows(number):
                    if row is not None:
                        yield row
                    else:
                        self._broken += 1
            except UnreadablePage:
                self._unreadable.append(number)

    def _readable(self) -> Iterator[int]:
        unreadable = set(self._unreadable)
        yield from (page for page in range(2, self._pages.count + 1) if page not in unreadable)

    def _identified(self, row: PageRow) -> RecoveredRow | None:
        """Returns a row that makes sense; counts one that does not."""
        found = identify(row)
        if found is None:
            self._broken += 1
        elif not found.sound:
            self._rejected[found.table] += 1
        return found if found and found.sound else None

    def _take(self, row: PageRow) -> None:
        found = identify(row)
        if found is None or not found.sound or found.table not in _INSERTS:
            return
        if not self._credible.credible(found):
            self._rejected[found.table] += 1
        else:
            # A page that is no longer in use may contain the batch as it was before it ended.
            conflict = (
                "REPLACE" if found.table == "batch" and found.values[11] != "sent" else "IGNORE"
            )
            statement, columns = _INSERTS[found.table]
            self._db.execute(statement.format(conflict), found.values[:columns])

    def _leave_out_unanswered(self) -> dict[tuple[str, str], int]:
        lacking = (
            "NOT EXISTS (SELECT 1 FROM answer"
            " WHERE answer.teacher = use.teacher AND answer.image = use.image)"
        )
        query = f"SELECT run, purpose, count(*) FROM use WHERE {lacking} GROUP BY run, purpose"
        counts = {
            (run, purpose): count for run, purpose, count in self._db.execute(query).fetchall()
        }
        self._db.execute(f"DELETE FROM use WHERE {lacking}")
        self._mark_imports(run for run, purpose in counts if purpose == IMPORTED)
        return counts

    def _mark_imports(self, lacking: Iterable[str]) -> None:
        """Marks the imports that lack answers, so that a run imports its manifest again: these
        ones, or all if rows are lost of which it is not known what they were.
        """
        missing = self._pages.expected > self._pages.count
        lost = missing or self._broken or self._unreadable or self._rejected or self._notes
        query = "SELECT DISTINCT run FROM use WHERE purpose = ?"
        every = [run for (run,) in self._db.execute(query, (IMPORTED,)).fetchall()] if lost else []
        marked = [(INCOMPLETE, run) for run in {*lacking, *every}]
        self._db.executemany("UPDATE run SET begun = ? WHERE run = ?", marked)

    def _name_teachers(self) -> list[int]:
        """Gives every teacher a name; returns the numbers of those whose own name is lost."""
        mentioned = (
            "SELECT teacher FROM answer UNION SELECT teacher FROM use"
            " UNION SELECT teacher FROM batch"
        )
        numbers = {number for (number,) in self._db.execute(mentioned)} | self._credible.numbers()
        unnamed = []
        for number in sorted(numbers):
            name = self._credible.name(number)
            unnamed += [] if name else [number]
            self._insert_teacher(number, name or f"{UNNAMED}{number}")
            for names in (self._credible.named, self._credible.indexed):
                if number not in self._credible.given and names.get(number, name) != name:
                    self._notes.append(
                        f"teacher {number} also has the name {names[number]!r}: if that name is"
                        f" right, rescue again with --identity {number}=NAME"
                    )
        return unnamed

    def _insert_teacher(self, number: int, name: str) -> None:
        try:
            self._db.execute("INSERT INTO teacher VALUES (?, ?)", (number, name))
        except sqlite3.IntegrityError as error:
            raise UserError(
                f"--identity {number}={name}: another teacher of this ledger has that name; choose"
                " a different name for each teacher"
            ) from error

    def _count(self, table: str) -> int:
        return self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


# Statements, with the number of columns to copy; uses and batches get new checksums at the end.
_INSERTS = {
    "answer": ("INSERT OR {} INTO answer VALUES (?, ?, ?, ?, ?)", 5),
    "use": ("INSERT OR {} INTO use VALUES (?, ?, ?, ?, ?, ?, 0)", 6),
    "batch": ("INSERT OR {} INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", 13),
    "run": ("INSERT OR {} INTO run VALUES (?, ?, ?, ?)", 4),
}
