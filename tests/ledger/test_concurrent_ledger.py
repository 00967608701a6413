"""Several threads, processes and ledgers at one file lose nothing."""

import itertools
import os
import signal
import sqlite3
from concurrent import futures
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from tests.support.books import charge, pay, some_answers, some_images
from tests.support.ledger_writer import writer, written


def test_two_ledgers_on_one_file_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    books = [ledger.Ledger(path), ledger.Ledger(path)]
    for batch in range(10):
        for number, book in enumerate(books):
            teacher = book.teacher("shared")
            images = some_images(4, seed=100 * number + batch)
            pay(book, charge(teacher, f"run {number}"), images, some_answers(4, seed=batch))
    for book, number in itertools.product(books, range(2)):  # each sees what either wrote
        assert book.count(f"run {number}", "distill") == 40
        for batch in range(10):
            images = some_images(4, seed=100 * number + batch)
            found = book.find(book.teacher("shared"), images)
            assert np.array_equal(
                np.stack([found[image] for image in images]), some_answers(4, seed=batch)
            )
    for book in books:
        book.close()


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    processes = [writer(path, name, 40) for name in ("left", "right")]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    book = ledger.Ledger(path)
    for name in ("left", "right"):
        assert book.count(name, "distill", paid_only=True) == 280
        assert all(written(book, name, batch) == [[batch] * 3] * 7 for batch in range(40))
    book.close()


@pytest.mark.parametrize("after", [1, 23])
def test_a_killed_writer_leaves_every_committed_batch(tmp_path: Path, after: int) -> None:
    path = tmp_path / "ledger.sqlite"
    process = writer(path, "victim", 0)
    assert process.stdout is not None and process.stderr is not None
    done = [int(process.stdout.readline()) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    done += [int(line) for line in process.stdout.read().splitlines()]
    assert process.wait(timeout=60) == -signal.SIGKILL
    process.stdout.close()
    process.stderr.close()

    book = ledger.Ledger(path)
    assert all(written(book, "victim", batch) == [[batch] * 3] * 7 for batch in done)
    assert book.begin_run("victim", "", "") == book.lost("victim") and book.lost("victim") in (
        0,
        7,
    )
    # The one in flight is there whole or not at all.
    more = book.count("victim", "distill") - 7 * len(done)
    assert more == len(written(book, "victim", done[-1] + 1))
    assert more in (0, 7)
    pay(book, charge(book.teacher("shared"), "next"), some_images(2), some_answers(2, 3))
    book.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.close()


def test_threads_share_one_ledger_and_lose_nothing(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    images, answers = some_images(8 * 30 * 3), some_answers(8 * 30 * 3)

    def write(thread: int) -> None:
        for batch in range(30):
            start = 90 * thread + 3 * batch
            part = slice(start, start + 3)
            pay(opened, charge(teacher, round_=batch, price=0.5), images[part], answers[part])
            assert len(opened.find(teacher, images[part])) == 3

    with futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    found = opened.find(teacher, images)
    assert np.array_equal(np.stack([found[image] for image in images]), answers)
    assert opened.count("run", "distill", paid_only=True) == 720
    assert opened.spent("run") == 360.0 and opened.lost("run") == 0
    assert opened.rows("SELECT count(*), sum(answered) FROM batch WHERE state = 'answered'") == [
        (240, 720)
    ]
