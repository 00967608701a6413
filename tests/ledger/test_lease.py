"""One process at a time works on a run, whatever its clock says and however the last one ended."""

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import lease, process
from tests.support.books import charge, execute, some_images

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600.0

HOLDER = """
import sys
from pathlib import Path
from amkd import ledger
from tests.support.books import charge, some_images
book = ledger.Ledger(Path(sys.argv[1]))
book.begin_run("run", "", "")
book.begin_batch(charge(book.teacher("x"), patience=3600.0), some_images(4))
print("at work", flush=True)
input()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process at work on the run "run", with four images on their way for an hour."""
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as found:
        assert found.stdout and found.stdout.readline() == "at work\n"
        yield found
        found.kill()


# Processes.

OWN = process.own()


@pytest.mark.parametrize(
    ("other", "alive"),
    [
        (OWN, True),
        (OWN._replace(started="1"), False),  # its number was given to another
        (OWN._replace(number=2**22 + 1), False),  # there is none of that number
        (OWN._replace(boot="before"), False),  # the machine was started again
        (OWN._replace(boot="theirs", host="another"), None),
        (OWN._replace(boot=""), None),
        (OWN._replace(started=""), None),
        (OWN._replace(space="pid:[1]"), None),  # in another container
    ],
)
def test_a_process_is_known_by_its_identity(other: process.Process, alive: bool | None) -> None:
    assert process.from_text(other.text()) == other
    assert process.alive(other) is alive


def test_what_is_left_of_a_dead_process_is_dead() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = OWN._replace(number=child.pid, started=process._started(child.pid))
        assert process.alive(seen) is True
        child.kill()
        end = time.monotonic() + 30
        while process.alive(seen) and time.monotonic() < end:
            time.sleep(0.01)  # a zombie until it is waited for
        assert process.alive(seen) is False


# One holder.


def test_a_second_holder_is_refused_and_nothing_is_sent(
    path: Path, holder: subprocess.Popen[str]
) -> None:
    """As a copied workdir on a shared ledger would be."""
    book = ledger.Ledger(path)
    with pytest.raises(UserError, match=f"process {holder.pid} on .*If this workdir is a copy"):
        book.begin_run("run", "", "")
    assert book.rows("SELECT state FROM batch") == [("sent",)]
    assert book.begin_run("another", "", "") == 0
    book.close()


def test_a_killed_holder_is_followed_at_once(path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    book, started = ledger.Ledger(path), time.monotonic()
    assert book.begin_run("run", "", "") == 4
    assert time.monotonic() - started < 60
    book.close()


def test_a_holder_that_has_ended_leaves_no_lease(path: Path) -> None:
    for _ in range(2):
        book = ledger.Ledger(path)
        book.begin_run("run", "", "")
        book.begin_run("run", "", "")  # its own is no hindrance
        assert book.rows("SELECT run FROM lease") == [("run",)]
        book.close()
    assert execute(path, "SELECT * FROM lease") == []


def elsewhere(path: Path, beats: int = 0) -> None:
    """A lease of a process on another machine, which cannot be seen from here."""
    text = OWN._replace(host="another", boot="theirs").text()
    execute(path, "INSERT OR REPLACE INTO lease VALUES ('run', ?, ?)", text, beats)


def test_an_unseen_holder_is_followed_after_a_long_silence(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lease, "SILENCE", 0.3)
    monkeypatch.setattr(lease, "_LOOK", 0.05)
    book, started = ledger.Ledger(path), time.monotonic()
    elsewhere(path)
    assert book.begin_run("run", "", "") == 0
    assert time.monotonic() - started >= 0.3
    told = capsys.readouterr().out
    assert "last held by process" in told and "on another; waiting for up to 0 seconds" in told
    book.close()


def test_an_unseen_holder_that_beats_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, looks = ledger.Ledger(path), []
    elsewhere(path)

    def beat(seconds: float) -> None:
        looks.append(seconds)
        elsewhere(path, beats=len(looks) // 3)

    monkeypatch.setattr("amkd.ledger.lease.time.sleep", beat)
    with pytest.raises(UserError, match="another process is at work on this run"):
        book.begin_run("run", "", "")
    assert len(looks) == 3
    book.close()


def test_the_heart_beats(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.02)
    book = ledger.Ledger(path)
    book.begin_run("run", "", "")
    end = time.monotonic() + 30
    while book.rows("SELECT beats FROM lease")[0][0] < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    book.close()


def test_a_run_that_was_taken_over_sends_nothing_more(path: Path) -> None:
    book = ledger.Ledger(path)
    book.begin_run("run", "", "")
    elsewhere(path)
    with pytest.raises(UserError, match="another process has taken over this run"):
        book.begin_batch(charge(book.teacher("x")), some_images(3))
    assert book.rows("SELECT count(*) FROM batch") == [(0,)]
    book.close()
    assert len(execute(path, "SELECT * FROM lease")) == 1  # the other's stays


# Clocks.


@pytest.mark.parametrize("shift", [-HOUR, -1.0, 0.0, HOUR, 1e9])
def test_no_clock_decides_what_is_on_its_way(
    shift: float, path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ahead, nothing is asked twice; set back, nothing waits for the dead."""
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + shift)
    book, images = ledger.Ledger(path), some_images(4)
    other = charge(book.teacher("x"), "other")
    assert book.begin_batch(other, images).busy == images
    holder.send_signal(signal.SIGSTOP)  # it hangs, and will go on
    assert book.begin_batch(other, images).busy == images
    holder.kill()
    holder.wait()
    assert book.begin_batch(other, images).images == images
    book.close()


def test_waiting_for_another_run_is_told(
    path: Path,
    holder: subprocess.Popen[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(lease, "_TOLD_AFTER", 0.1)
    book, images = ledger.Ledger(path), some_images(4)
    other = charge(book.teacher("x"), "other")
    for _ in range(3):
        assert book.begin_batch(other, images).busy == images
        time.sleep(0.15)
    (told,) = capsys.readouterr().out.splitlines()
    assert told.startswith(f"waiting for answers that run run (process {holder.pid} on ")
    assert re.search(r"for up to 3[56]\d\d more seconds", told)
    book.close()


def test_a_lease_that_could_not_be_deleted_is_taken_again_by_its_process(path: Path) -> None:
    """Another program held the file at the moment when this one closed it."""
    book = ledger.Ledger(path)
    book.begin_run("run", "", "")
    book._db.execute("PRAGMA busy_timeout=20")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        book.close()
    with contextlib.closing(ledger.Ledger(path)) as again:
        assert again.rows("SELECT run FROM lease") == [("run",)]
        again.begin_run("run", "", "")
        with (
            contextlib.closing(ledger.Ledger(path)) as third,
            pytest.raises(UserError, match="an earlier call in this process"),
        ):
            third.begin_run("run", "", "")
