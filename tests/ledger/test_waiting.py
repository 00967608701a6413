"""A ledger that another program holds: a person is told what is waited for, and how long."""

import contextlib
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core import console
from amkd.core.errors import UserError
from amkd.ledger import lease, reader, waiting
from tests.support.books import charge, pay, some_answers, some_images

HELD = r"ledger {} is locked by another program; waiting for up to \d+ more seconds"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "TOLD_AFTER", 0.1)
    monkeypatch.setattr(waiting, "LONGEST", 10.0)


@contextlib.contextmanager
def holder(path: Path, seconds: float = 1.5) -> Iterator[None]:
    """Another program that holds the whole file, for a while."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    db.execute("CREATE TABLE IF NOT EXISTS theirs (x)")
    db.execute("DROP TABLE theirs")
    timer = threading.Timer(seconds, db.close)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        db.close()


def read(path: Path) -> None:
    with reader.open_read_only(path) as db:
        db.execute("SELECT count(*) FROM answer").fetchall()


@pytest.mark.parametrize("use", [lambda path: ledger.Ledger(path).close(), read])
def test_opening_says_that_it_waits(
    use: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger.Ledger(path).close()
    with holder(path):
        use(path)
    told = capsys.readouterr().out.splitlines()
    assert re.fullmatch(HELD.format(path), told[0])
    assert told[1].startswith(f"ledger {path} is free after ") and len(told) == 2


def test_writing_says_that_it_waits_and_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(path)
    who, other = charge(book.teacher("x")), sqlite3.connect(path, check_same_thread=False)
    other.isolation_level = None
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(1.5, other.close)
    timer.start()
    pay(book, who, some_images(2), some_answers(2))
    timer.join()
    assert "is locked by another program" in capsys.readouterr().out
    assert len(book.find(who.teacher, some_images(2))) == 2
    book.close()


def test_the_wait_has_an_end_that_names_file_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LONGEST", 0.3)
    path = tmp_path / "ledger.sqlite"
    ledger.Ledger(path).close()
    with (
        holder(path, 60.0),
        pytest.raises(UserError, match="another program has locked it") as caught,
    ):
        ledger.Ledger(path)
    assert str(path) in str(caught.value)


def test_a_short_wait_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger.Ledger(path).close()
    assert capsys.readouterr().out == ""


class Unwritable:
    """An output whose reader has gone, or that lies on a full disk."""

    encoding = "utf-8"

    def __init__(self, error: BaseException, after: int) -> None:
        self.error, self.after = error, after

    def write(self, text: str) -> int:
        if "ledger" in text:
            self.after -= 1
            if self.after < 0:
                raise self.error
        return len(text)

    def flush(self) -> None:
        pass


UNWRITABLE = [console.ReaderGone(), OSError(28, "No space left on device")]


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("error", UNWRITABLE, ids=["reader gone", "disk full"])
def test_no_answer_is_lost_to_a_message(
    error: BaseException, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, images = tmp_path / "ledger.sqlite", some_images(2)
    book = ledger.Ledger(path)
    book._db.execute("PRAGMA busy_timeout=20")
    book.begin_run("run", "", "")
    who = charge(book.teacher("x"))
    sent = book.begin_batch(who, images)
    monkeypatch.setattr(console._Guarded, "main_must_know", False)
    monkeypatch.setattr("sys.stdout", Unwritable(error, after))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, other.close)
    timer.start()
    book.record_answers(who, sent.number, images=images, answers=some_answers(2))
    timer.join()
    assert book.find(who.teacher, images).keys() == set(images) and not book._db.in_transaction
    book.close()


def test_a_heart_goes_on_after_a_message_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    monkeypatch.setattr(lease, "BEAT", 0.05)
    book = ledger.Ledger(path)
    book._db.execute("PRAGMA busy_timeout=20")
    book.begin_run("run", "", "")
    monkeypatch.setattr("sys.stdout", Unwritable(OSError(28, "No space left on device"), 0))

    def beats() -> int:
        return book.rows("SELECT beats FROM lease")[0][0]

    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(0.5)  # many beats, each of which waits long enough to say so
    before = beats()
    end = time.monotonic() + 60
    while beats() == before:
        assert time.monotonic() < end
        time.sleep(0.01)
    book.close()


def test_an_error_after_begin_leaves_no_transaction_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an interrupt that comes while SQLite waits inside BEGIN, and is raised just after it."""
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    book.begin_run("run", "", "")
    execute = waiting.execute

    def interrupted(db: sqlite3.Connection, statement: str, *given: Sequence[object]) -> None:
        execute(db, statement, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(waiting, "execute", interrupted)
        with pytest.raises(KeyboardInterrupt):
            book.teacher("x")
    assert not book._db.in_transaction
    assert book.teacher("x") == 1
    book.close()
    again = ledger.Ledger(tmp_path / "ledger.sqlite")
    again.begin_run("run", "", "")  # the lease was given back
    again.close()
