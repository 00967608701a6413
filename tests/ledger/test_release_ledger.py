"""A ledger that release 0.1.0 wrote: its answers outlive the version.

``fixtures/ledger-0.1.0.sqlite`` was written by the code of 0.1.0. Run ``a...`` paid the teacher
"first" for images 0 to 11 in two rounds; one of its batches was lost and one refused. Run ``b...``
used two of these answers, paid "first" for two more and "second" for three, and ended with two
images in flight.
"""

import csv
import dataclasses
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.digest import image_digest
from amkd.ledger import export, reader, verify
from amkd.querying import client
from amkd.teachers import Teacher

FIXTURE = Path(__file__).parent / "fixtures" / "ledger-0.1.0.sqlite"
ALPHA, BETA = "a" * 32, "b" * 32


def some_images(count: int, first: int = 0) -> np.ndarray:
    numbers = np.arange(first, first + count, dtype="<u4")
    return numbers.view(np.uint8).reshape(count, 2, 2, 1)


def truth(images: np.ndarray) -> np.ndarray:
    """What teacher "first" answered in 0.1.0; whole numbers up to the division."""
    weights = (images.reshape(len(images), -1)[:, :1].astype(np.int64) + np.arange(4)) % 7 + 1
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Path(shutil.copy(FIXTURE, tmp_path / "ledger.sqlite"))


@pytest.fixture
def book(path: Path) -> Iterator[ledger.Ledger]:
    found = ledger.Ledger(path)
    yield found
    found.close()


def test_it_is_sound() -> None:
    """The fixture itself is only read, and nothing is left beside it."""
    before = FIXTURE.read_bytes()
    with reader.open_read_only(FIXTURE) as db:
        assert [fault for check in verify.checks(db) for fault in check.faults] == []
    assert FIXTURE.read_bytes() == before
    assert list(FIXTURE.parent.glob("ledger-0.1.0.sqlite*")) == [FIXTURE]


def test_a_new_ledger_has_the_same_tables(tmp_path: Path, book: ledger.Ledger) -> None:
    """To the last letter, once it is brought up: no version of the file goes unnoticed."""

    def form(path: Path) -> list[tuple]:
        db = sqlite3.connect(path)
        tables = db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        pragmas = [
            db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        ]
        db.close()
        return [*tables, *pragmas]

    ledger.Ledger(tmp_path / "new.sqlite").close()
    assert form(tmp_path / "new.sqlite") == form(book.path)


def test_it_is_sound_once_it_is_brought_up(book: ledger.Ledger) -> None:
    assert book.rows("PRAGMA user_version") == [(3,)]
    book.close()
    with reader.open_read_only(book.path) as db:
        assert [fault for check in verify.checks(db) for fault in check.faults] == []
        assert db.execute("SELECT count(*) FROM batch WHERE NOT checksum").fetchone() == (0,)


def test_its_answers_and_accounts_are_read(book: ledger.Ledger) -> None:
    digests = [image_digest(image) for image in some_images(14)]
    found = book.find(book.teacher("first"), digests)
    assert np.array_equal([found[digest] for digest in digests], truth(some_images(14)))
    assert book.count(ALPHA, client.DISTILL, paid_only=True) == 12
    assert book.count(BETA, client.DISTILL) == 4
    assert book.count(BETA, client.DISTILL, paid_only=True) == 2
    assert book.count(BETA, client.EVALUATE) == 3
    assert (book.spent(ALPHA), book.lost(ALPHA)) == (3.25, 1)
    assert (book.spent(BETA), book.lost(BETA)) == (1.75, 2)


def test_its_answers_are_not_asked_for_again(book: ledger.Ledger) -> None:
    asked: list[np.ndarray] = []
    query_client = client.QueryClient(
        teacher=Teacher("first", lambda images: asked.append(images) or truth(images)),
        ledger=book,
        run="now",
        budget=20,
        classes=4,
        batch=8,
    )

    def ask(count: int) -> np.ndarray:
        images = some_images(count)
        return client.ask(
            query_client, images, client.DISTILL, round_=0, progress=lambda answered: None
        )

    assert np.array_equal(ask(14), truth(some_images(14)))
    assert asked == []
    assert np.array_equal(ask(16), truth(some_images(16)))
    assert np.array_equal(np.concatenate(asked), some_images(2, first=14))
    # The run itself still has what it had, and goes on without what was in flight.
    assert book.begin_run(BETA, "", "") == 2
    again = dataclasses.replace(query_client, run=ALPHA)
    assert np.array_equal(client.recall(again, [some_images(12)]), truth(some_images(12)))
    assert len(asked) == 2


def test_it_is_exported(tmp_path: Path) -> None:
    with reader.open_read_only(FIXTURE) as db:
        assert export.write(db, tmp_path / "a.csv") == 19
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["teacher"] for row in rows} == {"first", "second"}
    row = next(row for row in rows if row["run"] == ALPHA and row["round"] == "1")
    place = [image_digest(image).hex() for image in some_images(12)].index(row["image"])
    scores = np.float32([row[f"p{number}"] for number in range(4)])
    assert np.array_equal(scores, truth(some_images(12))[place])
    assert row["paid"] == "1"
