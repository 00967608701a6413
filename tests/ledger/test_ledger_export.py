"""The export of all answers, bit for bit."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import export, reader
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images


def test_csv_holds_every_bit(path: Path, tmp_path: Path) -> None:
    with reader.open_read_only(path) as db:
        rows = export.write(db, tmp_path / "a.csv", teacher="dear")
    with (tmp_path / "a.csv").open() as file:
        found = list(csv.DictReader(file))
    assert (
        rows == len(found) == 11 + 2 + 2 + 3
    )  # each answer's uses; the two of evaluation are used twice
    assert list(found[0]) == [*export.COLUMNS, *(f"p{number}" for number in range(10))]
    images = some_images(30)
    (first,) = [row for row in found if row["image"] == images[0].hex() and row["run"] == "alpha"]
    assert (first["teacher"], first["purpose"], first["round"], first["paid"]) == (
        "dear",
        "distill",
        "0",
        "1",
    )
    assert first["answered"] == "2024-10-04T12:00:00.000Z"
    assert np.array_equal(
        np.array([first[f"p{number}"] for number in range(10)], np.float32), some_answers(1)[0]
    )
    assert sorted(
        (row["run"], row["purpose"], row["round"], row["paid"]) for row in found
    ) == sorted(
        [("alpha", "distill", "0", "1")] * 7
        + [("alpha", "distill", "1", "1")] * 4
        + [("alpha", "distill", "1", "0")] * 2
        + [("alpha", "evaluate", "0", "1")] * 2
        + [("beta", "distill", "0", "0")] * 3
    )


def test_answers_that_nobody_uses_are_exported_too(path: Path, tmp_path: Path) -> None:
    books.execute(path, "DELETE FROM use WHERE run = 'beta'")
    with reader.open_read_only(path) as db:
        assert export.write(db, tmp_path / "a.csv", teacher="cheap") == 6
        with pytest.raises(UserError, match="no answers match this selection"):
            export.write(db, tmp_path / "b.csv", run="beta")
    with (tmp_path / "a.csv").open() as file:
        assert {
            (row["run"], row["purpose"], row["round"], row["paid"]) for row in csv.DictReader(file)
        } == {("",) * 4}


def test_parquet_says_the_same(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(export, "_BLOCK", 4)  # several blocks
    with reader.open_read_only(path) as db:
        assert export.write(db, tmp_path / "a.parquet", run="alpha") == 15
        export.write(db, tmp_path / "a.csv", run="alpha")
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    with (tmp_path / "a.csv").open() as file:
        plain = list(csv.DictReader(file))
    assert len(rows) == len(plain) == 15
    for row, text in zip(rows, plain, strict=True):
        assert np.array_equal(
            np.float32(row["scores"]), np.float32([text[f"p{number}"] for number in range(10)])
        )
        assert [str(int(row[name])) for name in ("round", "paid")] == [text["round"], text["paid"]]
        assert all(row[name] == text[name] for name in export.COLUMNS[:5])


def test_scores_of_every_kind_survive_the_export(tmp_path: Path) -> None:
    """NaN where nothing was told, the smallest and the largest."""
    scores = np.array([[np.nan, 1e-45, -3.4028235e38, 0.1, 16777217.0]], np.float32)
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    pay(book, charge(book.teacher("x")), some_images(1), scores)
    book.close()
    with reader.open_read_only(book.path) as db:
        export.write(db, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        (row,) = csv.DictReader(file)
    found = np.array([row[f"p{number}"] for number in range(5)], np.float32)
    assert np.array_equal(found, scores[0], equal_nan=True)


def test_the_work_of_an_export_grows_as_the_ledger(tmp_path: Path) -> None:
    """Not as its square: that would be hours for a million answers."""
    steps = []
    for count in (250, 1000):
        book = ledger.Ledger(tmp_path / f"{count}.sqlite")
        pay(book, charge(book.teacher("x")), some_images(count), some_answers(count))
        book.close()
        with reader.open_read_only(book.path) as db:
            hundreds = []
            db.set_progress_handler(lambda told=hundreds: told.append(1), 100)
            export.write(db, tmp_path / f"{count}.csv", teacher="x")
            steps.append(len(hundreds))
    assert steps[1] < 6 * steps[0]


def test_export_refuses_what_it_cannot_do(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.csv").write_text("mine")
    cases = [
        ("here.csv", {"teacher": "dear"}, "already exists"),
        ("a.xlsx", {"teacher": "dear"}, r"\.csv or \.parquet"),
        ("a.csv", {}, "3, 10.*--teacher"),
        ("a.csv", {"teacher": "nobody"}, "'dear', 'cheap'"),
        ("absent/a.csv", {"teacher": "dear"}, "cannot be written"),
    ]
    with reader.open_read_only(path) as db:
        for name, chosen, complaint in cases:
            with pytest.raises(UserError, match=complaint):
                export.write(db, tmp_path / name, **chosen)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UserError, match=r"pip install -e '\.\[parquet\]'"):
            export.write(db, tmp_path / "a.parquet", teacher="dear")
    assert (tmp_path / "here.csv").read_text() == "mine"
    assert {entry.name for entry in tmp_path.iterdir()} == {"here.csv", "ledger.sqlite"}


def test_a_damaged_answer_is_not_exported(path: Path, tmp_path: Path) -> None:
    books.execute(path, "UPDATE answer SET scores = zeroblob(12) WHERE teacher = 2")
    with pytest.raises(UserError, match="has changed"), reader.open_read_only(path) as db:
        export.write(db, tmp_path / "a.csv", teacher="cheap")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_a_teacher_s_name_is_no_formula(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    pay(book, charge(book.teacher("=1+2\x1b[0m")), some_images(1), np.ones((1, 2), np.float32))
    book.close()
    beside = tmp_path / "a.csv.part"
    beside.write_text("mine")
    with reader.open_read_only(book.path) as db:
        export.write(db, tmp_path / "a.csv")
        export.write(db, tmp_path / "plain.csv", plain=True)
    assert "\n'=1+2\\x1b[0m," in (tmp_path / "a.csv").read_text()
    assert "\n=1+2\x1b[0m," in (tmp_path / "plain.csv").read_text()
    assert beside.read_text() == "mine"
