"""Ledgers that several files of tests look at."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from amkd import ledger
from tests.support.books import charge, pay, some_answers, some_images

DAY = 86400.0


NOON = 20000 * DAY + DAY / 2  # 2024-10-04 12:00 UTC


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is; one item, to be set."""
    now = [NOON]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


@pytest.fixture
def path(tmp_path: Path, clock: list[float]) -> Path:
    """Two runs over two days and two teachers.

    Run "alpha" pays "dear" 0.5 USD an image: on the first day 4 + 3 images of round 0, and 2 of
    evaluation; after midnight 5 of round 1, of which one answer is garbage; 2 are refused, 3 lost
    and 1 still in flight. It finds 2 more in round 1. Run "beta" pays "cheap" nothing: 6 images;
    and finds 3 of "dear".
    """
    where = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(where)
    dear, cheap = book.teacher("dear"), book.teacher("cheap")
    alpha, beta = charge(dear, "alpha", price=0.5, currency="USD"), charge(cheap, "beta")
    images, more = some_images(30), some_images(30, seed=1)
    book.begin_run("alpha", "a test", "runs/alpha")
    pay(book, alpha, images[:4], some_answers(4))
    pay(book, alpha, images[4:7], some_answers(3))
    pay(book, dataclasses.replace(alpha, purpose="evaluate"), images[7:9], some_answers(2))
    clock[0] += DAY / 2  # midnight
    book.begin_run("beta", "another", "runs/beta")
    late = dataclasses.replace(alpha, round=1)
    sent = book.begin_batch(late, images[9:14])
    book.record_answers(late, sent.number, images=sent.images[:4], answers=some_answers(4))
    book.record_failure(book.begin_batch(late, more[:2]).number, billed=False)
    book.record_failure(book.begin_batch(late, more[2:5]).number, billed=True)
    book.begin_batch(late, more[5:6])
    book.record_found(late, images[7:9])  # those that evaluation paid for
    pay(book, beta, images[:6], some_answers(6, classes=3))
    book.record_found(dataclasses.replace(beta, teacher=dear), images[:3])
    book.close()
    return where


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[ledger.Ledger]:
    found = ledger.Ledger(tmp_path / "ledger.sqlite")
    yield found
    found.close()
