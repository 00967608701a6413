"""Answers brought in from elsewhere: all or none, once, and at no cost to any run."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import accounts, imports, merge, reader, rescue, verify
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images

IMAGES, ANSWERS = some_images(1200), some_answers(1200)
FROM = imports.ImportAccount(run="import", identity="dear", about="answers", place="a.csv")


def sound(path: Path) -> bool:
    with reader.open_read_only(path) as book:
        return not any(check.faults for check in verify.checks(book))


def test_imported_answers_are_found_and_paid_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    assert imports.record(path, FROM, IMAGES, ANSWERS) == (1200, 0, 0)
    before = path.read_bytes()
    assert imports.record(path, FROM, IMAGES, ANSWERS) == (0, 1200, 0)
    assert path.read_bytes() == before and imports.is_recorded(path, "import")
    book = ledger.Ledger(path)
    who = charge(book.teacher("dear"), price=1.0, currency="USD")
    sent = book.begin_batch(who, IMAGES[:5])
    assert (sent.number, sent.images, book.spent("run")) == (0, [], 0)
    assert (book.count("run", "distill"), book.count("run", "distill", paid_only=True)) == (5, 0)
    found = book.find(who.teacher, IMAGES)
    assert all(
        np.array_equal(found[image], row) for image, row in zip(IMAGES, ANSWERS, strict=True)
    )
    book.close()
    with reader.open_read_only(path) as db:
        assert accounts.imported(db) == 1200 and accounts.spending(db) == []
    assert sound(path)


def test_a_rescue_that_loses_an_answer_forgets_its_import(tmp_path: Path) -> None:
    """So a run imports its manifest again, and does not pay for the lost answer."""
    path = tmp_path / "ledger.sqlite"
    imports.record(path, FROM, IMAGES[:20], ANSWERS[:20])
    other = dataclasses.replace(FROM, run="another import")
    imports.record(path, other, IMAGES[20:30], ANSWERS[20:30])
    rescue.rescue(path, tmp_path / "whole.sqlite")
    assert imports.is_recorded(tmp_path / "whole.sqlite", "import")
    content, scores = path.read_bytes(), ANSWERS[3].astype("<f4").tobytes()
    assert content.count(scores) == 1
    path.write_bytes(content.replace(scores, bytes([scores[0] ^ 1]) + scores[1:]))
    new = tmp_path / "new.sqlite"
    rescue.rescue(path, new)
    assert not imports.is_recorded(new, "import")
    assert imports.abouts(new, "dear") == ["answers"] * 2  # what it was is still known
    assert imports.record(new, FROM, IMAGES[:20], ANSWERS[:20], keep_held=True) == (1, 19, 0)
    assert imports.is_recorded(new, "import") and sound(new)


def test_the_ledgers_own_answers_stay(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(path)
    pay(book, charge(book.teacher("dear"), price=1.0), IMAGES[:3], ANSWERS[:3])
    book.close()
    other = ANSWERS[:4].copy()
    other[1] = other[1][::-1]
    with pytest.raises(imports.HeldOtherwise) as told:
        imports.record(path, FROM, IMAGES[:4], other)
    assert told.value.images == [IMAGES[1]] and not imports.is_recorded(path, "import")
    assert books.execute(path, "SELECT count(*) FROM answer") == [(3,)]
    assert imports.record(path, FROM, IMAGES[:4], other, keep_held=True) == (1, 3, 1)
    with reader.open_read_only(path) as db:
        assert accounts.imported(db) == 1 and accounts.spent(db, "run") == 3.0
    assert sound(path)


def test_an_answer_that_comes_while_an_image_is_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(path)
    who = charge(book.teacher("dear"))
    book.begin_run("run", "a test", "runs/x")
    sent = book.begin_batch(who, IMAGES[:2])
    imports.record(path, FROM, IMAGES[:1], ANSWERS[:1])
    book.record_answers(who, sent.number, images=IMAGES[:2], answers=ANSWERS[5:7])
    found = book.find(who.teacher, IMAGES[:2])
    book.close()
    assert np.array_equal(found[IMAGES[0]], ANSWERS[0])
    assert np.array_equal(found[IMAGES[1]], ANSWERS[6])
    assert sound(path)


def test_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    imports.record(path, FROM, IMAGES[:2], ANSWERS[:2])
    with pytest.raises(UserError, match=r"with 10 classes, but .* 3 classes; nothing was imported"):
        imports.record(path, FROM, IMAGES[2:4], some_answers(2, classes=3))
    with pytest.raises(UserError, match=r"is damaged .*answer to image"):
        books.execute(path, "UPDATE answer SET scores = zeroblob(40)")
        imports.record(path, FROM, IMAGES[:2], ANSWERS[:2])


def test_imports_outlive_a_merge_and_a_rescue(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    imports.record(path, FROM, IMAGES[:50], ANSWERS[:50])
    merge.merge(tmp_path / "merged.sqlite", [path])
    rescue.rescue(path, tmp_path / "rescued.sqlite", {})
    for name in ("merged", "rescued"):
        with reader.open_read_only(tmp_path / f"{name}.sqlite") as db:
            assert accounts.imported(db) == 50
        assert sound(tmp_path / f"{name}.sqlite")
