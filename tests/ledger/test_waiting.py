"""A ledger that another program holds: a person is told what is waited for, and how long."""

import contextlib
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import reader, waiting
from tests.support.books import charge, pay, some_answers, some_images

HELD = r"ledger {} is held by another program; waiting for it, for up to \d+ more seconds"


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
    assert "is held by another program" in capsys.readouterr().out
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
        pytest.raises(UserError, match="another program has held it") as caught,
    ):
        ledger.Ledger(path)
    assert str(path) in str(caught.value)


def test_a_short_wait_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger.Ledger(path).close()
    assert capsys.readouterr().out == ""
