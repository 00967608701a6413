"""Sums over a ledger, in numbers worked by hand; and that reading changes nothing."""

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import accounts, reader, report, verify
from tests.ledger.conftest import DAY, NOON
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images


def test_runs(path: Path) -> None:
    with reader.open_read_only(path) as db:
        alpha, beta = accounts.runs(db)
    assert alpha == accounts.RunAccount(
        "alpha",
        "a test",
        "runs/alpha",
        NOON,
        accounts.Uses(paid=11, found=2),
        accounts.Uses(paid=2, found=0),
        (accounts.Money(0.5 * (4 + 3 + 2 + 5 + 3 + 1), "USD"),),
        4,
    )
    assert beta.distill == (6, 3) and beta.evaluate == (0, 0)
    assert beta.spent == ((0.0, ""),) and beta.lost == 0 and beta.begun == NOON + DAY / 2


def test_a_probe_and_a_served_student_stand_in_columns_of_their_own(tmp_path: Path) -> None:
    where = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(where)
    probe = charge(book.teacher("dear"), "alpha", price=0.5, currency="USD")
    probe = dataclasses.replace(probe, purpose="probe")
    images = some_images(7)
    pay(book, probe, images[:3], some_answers(3))
    pay(book, dataclasses.replace(probe, purpose="serve"), images[3:], some_answers(4))
    book.record_found(dataclasses.replace(probe, purpose="serve"), images[:2])
    book.close()
    with reader.open_read_only(where) as db:
        (run,) = accounts.runs(db)
        text = report.overview(db, where)
    assert run.others == (7, 2) and run.distill == run.evaluate == (0, 0)
    head, row = (line.split() for line in text.splitlines()[2:4])
    assert head[9:12] == ["other", "paid", "found"]
    counts = [*"000000", "9", "7", "2", "3.5", "USD", "0"]
    assert row[-2 - len(counts) : -2] == counts


def test_runs_agree_with_the_ledger_that_runs_use(path: Path) -> None:
    book = ledger.Ledger(path)
    with reader.open_read_only(path) as db:
        runs = accounts.runs(db)
        assert len(runs) == 2
        for run in runs:
            assert sum(run.distill) == book.count(run.run, "distill")
            assert run.distill.paid == book.count(run.run, "distill", paid_only=True)
            assert sum(run.evaluate) == book.count(run.run, "evaluate")
            assert sum(money.amount for money in run.spent) == book.spent(run.run)
            assert run.lost == book.lost(run.run)
    book.close()


def test_a_sum_of_prices_is_as_a_person_would_write_it(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    cheap = charge(book.teacher("cheap"), "alpha", price=0.1, currency="USD")
    images = some_images(3)
    for place in range(3):
        pay(book, cheap, images[place : place + 1], some_answers(1))
    assert 0.1 + 0.1 + 0.1 == 0.30000000000000004 and book.spent("alpha") == 0.3
    book.close()


def test_teachers(path: Path) -> None:
    with reader.open_read_only(path) as db:
        assert accounts.teachers(db) == [(1, "dear", 13, (10,)), (2, "cheap", 6, (3,))]


def test_spending_by_run(path: Path) -> None:
    with reader.open_read_only(path) as db:
        assert accounts.spending(db) == [
            accounts.Spending(("alpha",), "USD", 7, 20, 13, 1, 2, 3, 1, 9.0),
            accounts.Spending(("beta",), "", 1, 6, 6, 0, 0, 0, 0, 0.0),
        ]
        assert accounts.spending(db, "beta") == accounts.spending(db)[1:]
        assert accounts.spending(db, "gamma") == []


def test_spending_by_round(path: Path) -> None:
    with reader.open_read_only(path) as db:
        assert accounts.spending(db, "alpha", "round") == [
            accounts.Spending(("alpha", "distill", "0"), "USD", 2, 7, 7, 0, 0, 0, 0, 3.5),
            accounts.Spending(("alpha", "distill", "1"), "USD", 4, 11, 4, 1, 2, 3, 1, 4.5),
            accounts.Spending(("alpha", "evaluate", "0"), "USD", 1, 2, 2, 0, 0, 0, 0, 1.0),
        ]


def test_rounds_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    for round_ in (10, 9, 100):
        pay(book, charge(book.teacher("x"), round_=round_), some_images(1, round_), some_answers(1))
    book.close()
    with reader.open_read_only(book.path) as db:
        assert [row.key[2] for row in accounts.spending(db, by="round")] == ["9", "10", "100"]


def test_spending_by_day_is_in_utc(path: Path) -> None:
    with reader.open_read_only(path) as db:
        assert accounts.spending(db, by="day") == [
            accounts.Spending(("2024-10-04",), "USD", 3, 9, 9, 0, 0, 0, 0, 4.5),
            accounts.Spending(("2024-10-05",), "", 1, 6, 6, 0, 0, 0, 0, 0.0),
            accounts.Spending(("2024-10-05",), "USD", 4, 11, 4, 1, 2, 3, 1, 4.5),
        ]


def test_version_1_is_told_as_far_as_it_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    moments = [NOON, NOON + DAY, NOON + DAY, NOON + 2 * DAY]
    books.write_version_1(path, some_images(4), some_answers(4), moments, paid=3)
    content = path.read_bytes()
    for version in (1, 2):
        with reader.open_read_only(path) as db:
            (run,) = accounts.runs(db)
            assert run == accounts.RunAccount(
                "before", "", "", None, accounts.Uses(3, 1), accounts.Uses(), (), 0
            )
            assert "not recorded" in report.overview(db, path)
            (spent,) = accounts.spending(db)
            assert spent == accounts.Spending(("before",), "", 0, 3, 3, 0, 0, 0, 0, None)
            assert "not recorded" in report.spending([spent], "run")
            days = [(row.key, row.answered, row.cost) for row in accounts.spending(db, by="day")]
            assert days == [(("2024-10-04",), 1, None), (("2024-10-05",), 2, None)]
            assert not any(check.faults for check in verify.checks(db))
            assert "3 answers are from before" in list(verify.checks(db))[-1].found
        if version == 1:
            assert path.read_bytes() == content
            ledger.Ledger(path).close()


def test_reading_changes_nothing_and_leaves_nothing(path: Path) -> None:
    before = {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}
    assert list(before) == ["ledger.sqlite"]
    with reader.open_read_only(path) as db:
        report.overview(db, path)
        list(verify.checks(db))
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM answer")
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_a_ledger_in_use_is_read_as_it_is_now(path: Path) -> None:
    book = ledger.Ledger(path)
    pay(book, charge(1, "alpha", round_=2), some_images(5, seed=9), some_answers(5))
    with reader.open_read_only(path) as db:
        assert accounts.teachers(db)[0].answers == 18  # from the -wal
        pay(book, charge(1, "alpha", round_=2), some_images(5, seed=10), some_answers(5))
        assert accounts.teachers(db)[0].answers == 23
    book.close()


def test_a_ledger_that_is_written_meanwhile_is_not_relied_on(path: Path) -> None:
    with pytest.raises(UserError, match=r"wrote to ledger .* while it was read"):
        with reader.open_read_only(path) as db:
            accounts.runs(db)
            book = ledger.Ledger(path)
            pay(book, charge(1), some_images(1, seed=9), some_answers(1))
            accounts.runs(db)
    book.close()


@pytest.mark.parametrize("name", ["absent.sqlite", "folder"])
def test_a_path_without_a_ledger_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=name):
        with reader.open_read_only(tmp_path / name):
            pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_path_of_odd_letters_is_read(path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a b?mode=rw#%41.sqlite"
    odd.write_bytes(path.read_bytes())
    with reader.open_read_only(odd) as db:
        assert len(accounts.runs(db)) == 2


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "text").write_text("no ledger\n" * 1000)
    with (
        pytest.raises(reader.DamagedLedger, match="rescue"),
        reader.open_read_only(tmp_path / "text"),
    ):
        pass
    books.execute(tmp_path / "other", "CREATE TABLE bookmarks (url TEXT)")
    with (
        pytest.raises(UserError, match="another program"),
        reader.open_read_only(tmp_path / "other"),
    ):
        pass
    books.execute(path, "PRAGMA user_version=7")
    with pytest.raises(UserError, match="version 7"), reader.open_read_only(path):
        pass


def test_names_are_as_short_as_tells_them_apart() -> None:
    names = ["0123456789", "0123456780", "abc"]
    assert report.short_names(names) == {
        "0123456789": "0123456789",
        "0123456780": "0123456780",
        "abc": "abc",
    }
    assert report.short_names(["0123456789", "1123456789"])["0123456789"] == "01234567"


def test_tables_are_aligned() -> None:
    assert report.table(["name", ">count"], [("a", 1234567), ("longer", 8)]) == (
        "name        count\na       1,234,567\nlonger          8"
    )


def test_totals_are_by_currency(path: Path) -> None:
    with reader.open_read_only(path) as db:
        shown = report.overview(db, path)
        spent = report.spending(accounts.spending(db, by="day"), "day")
    assert (
        "spent in total: 9 USD\n" in shown
        and "no answer: 4 images" in shown
        and "19 answers" in shown
    )
    assert [line.split() for line in spent.splitlines()[:5]] == [
        [
            "day",
            "(UTC)",
            "batches",
            "sent",
            "answered",
            "unusable",
            "refused",
            "lost",
            "in",
            "flight",
            "cost",
        ],
        ["2024-10-04", "3", "9", "9", "0", "0", "0", "0", "4.5", "USD"],
        ["2024-10-05", "1", "6", "6", "0", "0", "0", "0", "0"],
        ["2024-10-05", "4", "11", "4", "1", "2", "3", "1", "4.5", "USD"],
        ["total", "8", "26", "19", "1", "2", "3", "1", "9", "USD"],
    ]
