"""What the ledger tells people, in numbers worked by hand; and that telling it changes nothing."""

import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import accounts, merge, reader, recount, statement, table, verify
from tests.support import books
from tests.support.books import pay, purse, some_answers, some_images

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
    alpha, beta = purse(dear, "alpha", price=0.5, currency="USD"), purse(cheap, "beta")
    images, more = some_images(30), some_images(30, seed=1)
    book.begin("alpha", "a test", "runs/alpha")
    pay(book, alpha, images[:4], some_answers(4))
    pay(book, alpha, images[4:7], some_answers(3))
    pay(book, alpha._replace(purpose="evaluate"), images[7:9], some_answers(2))
    clock[0] += DAY / 2  # midnight
    book.begin("beta", "another", "runs/beta")
    late = alpha._replace(round=1)
    sent = book.send(late, images[9:14])
    book.answered(late, sent.batch, sent.images[:4], some_answers(4))
    book.unanswered(book.send(late, more[:2]).batch, billed=False)
    book.unanswered(book.send(late, more[2:5]).batch, billed=True)
    book.send(late, more[5:6])
    book.note_found(late, images[7:9])  # those that evaluation paid for
    pay(book, beta, images[:6], some_answers(6, classes=3))
    book.note_found(beta._replace(teacher=dear), images[:3])
    book.close()
    return where


def test_runs(path: Path) -> None:
    with reader.opened(path) as db:
        alpha, beta = accounts.runs(db)
    assert alpha == accounts.Run(
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
    assert beta.spent == ((0.0, ""),) and beta.adrift == 0 and beta.begun == NOON + DAY / 2


def test_runs_agree_with_the_ledger_that_runs_use(path: Path) -> None:
    book = ledger.Ledger(path)
    with reader.opened(path) as db:
        for run in accounts.runs(db):
            assert sum(run.distill) == book.count(run.run, "distill")
            assert run.distill.paid == book.count(run.run, "distill", paid_only=True)
            assert sum(run.evaluate) == book.count(run.run, "evaluate")
            assert sum(money.amount for money in run.spent) == book.spent(run.run)
            assert run.adrift == book.adrift(run.run)
    book.close()


def test_teachers(path: Path) -> None:
    with reader.opened(path) as db:
        assert accounts.teachers(db) == [(1, "dear", 13, (10,)), (2, "cheap", 6, (3,))]


def test_spending_by_run(path: Path) -> None:
    with reader.opened(path) as db:
        assert accounts.spending(db) == [
            accounts.Spending(("alpha",), "USD", 7, 20, 13, 1, 2, 3, 1, 9.0),
            accounts.Spending(("beta",), "", 1, 6, 6, 0, 0, 0, 0, 0.0),
        ]
        assert accounts.spending(db, "beta") == accounts.spending(db)[1:]
        assert accounts.spending(db, "gamma") == []


def test_spending_by_round(path: Path) -> None:
    with reader.opened(path) as db:
        assert accounts.spending(db, "alpha", "round") == [
            accounts.Spending(("alpha", "distill", "0"), "USD", 2, 7, 7, 0, 0, 0, 0, 3.5),
            accounts.Spending(("alpha", "distill", "1"), "USD", 4, 11, 4, 1, 2, 3, 1, 4.5),
            accounts.Spending(("alpha", "evaluate", "0"), "USD", 1, 2, 2, 0, 0, 0, 0, 1.0),
        ]


def test_rounds_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    for round_ in (10, 9, 100):
        pay(book, purse(book.teacher("x"), round_=round_), some_images(1, round_), some_answers(1))
    book.close()
    with reader.opened(book.path) as db:
        assert [row.key[2] for row in accounts.spending(db, by="round")] == ["9", "10", "100"]


def test_spending_by_day_is_in_utc(path: Path) -> None:
    with reader.opened(path) as db:
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
        with reader.opened(path) as db:
            (run,) = accounts.runs(db)
            assert run == accounts.Run(
                "before", "", "", None, accounts.Uses(3, 1), accounts.Uses(), (), 0
            )
            assert "not recorded" in statement.show(db, path)
            (spent,) = accounts.spending(db)
            assert spent == accounts.Spending(("before",), "", 0, 3, 3, 0, 0, 0, 0, None)
            assert "not recorded" in statement.spend([spent], "run")
            days = [(row.key, row.answered, row.cost) for row in accounts.spending(db, by="day")]
            assert days == [(("2024-10-04",), 1, None), (("2024-10-05",), 2, None)]
            assert not any(check.faults for check in verify.checks(db))
            assert "3 answers are from before" in list(verify.checks(db))[-1].found
        if version == 1:
            assert path.read_bytes() == content
            ledger.Ledger(path).close()


# Reading leaves no trace.


def test_reading_changes_nothing_and_leaves_nothing(path: Path) -> None:
    before = {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}
    assert list(before) == ["ledger.sqlite"]
    with reader.opened(path) as db:
        statement.show(db, path)
        list(verify.checks(db))
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("DELETE FROM answer")
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_a_ledger_in_use_is_read_as_it_is_now(path: Path) -> None:
    book = ledger.Ledger(path)
    pay(book, purse(1, "alpha", round_=2), some_images(5, seed=9), some_answers(5))
    with reader.opened(path) as db:
        assert accounts.teachers(db)[0].answers == 18  # from the -wal
        pay(book, purse(1, "alpha", round_=2), some_images(5, seed=10), some_answers(5))
        assert accounts.teachers(db)[0].answers == 23
    book.close()


def test_a_ledger_that_is_written_meanwhile_is_not_relied_on(path: Path) -> None:
    with pytest.raises(UserError, match="written while it was read"):
        with reader.opened(path) as db:
            accounts.runs(db)
            book = ledger.Ledger(path)
            pay(book, purse(1), some_images(1, seed=9), some_answers(1))
            accounts.runs(db)
    book.close()


@pytest.mark.parametrize("name", ["absent.sqlite", "folder"])
def test_a_path_without_a_ledger_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=name):
        with reader.opened(tmp_path / name):
            pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_a_path_of_odd_letters_is_read(path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a b?mode=rw#%41.sqlite"
    odd.write_bytes(path.read_bytes())
    with reader.opened(odd) as db:
        assert len(accounts.runs(db)) == 2


def test_other_files_are_refused(tmp_path: Path, path: Path) -> None:
    (tmp_path / "text").write_text("no ledger\n" * 1000)
    with pytest.raises(reader.Damaged, match="rescue"), reader.opened(tmp_path / "text"):
        pass
    books.execute(tmp_path / "other", "CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(UserError, match="another program"), reader.opened(tmp_path / "other"):
        pass
    books.execute(path, "PRAGMA user_version=7")
    with pytest.raises(UserError, match="version 7"), reader.opened(path):
        pass


# Verify.


def faults(path: Path) -> dict[str, list[str]]:
    with reader.opened(path) as db:
        return {check.subject: check.faults for check in verify.checks(db) if check.faults}


def test_a_sound_ledger_is_found_sound(path: Path) -> None:
    assert faults(path) == {}


def test_every_kind_of_fault_is_found(path: Path) -> None:
    """And no fault is taken for another."""
    (image,) = books.execute(path, "SELECT hex(image) FROM answer WHERE teacher = 2")[0]

    def after(statement: str) -> dict[str, list[str]]:
        other = path.with_name("other.sqlite")
        other.write_bytes(path.read_bytes())
        books.execute(other, statement)
        found = faults(other)
        assert statement_of(other).endswith("is NOT sound")
        return found

    def statement_of(other: Path) -> str:
        with reader.opened(other) as db:
            return statement.verify(other, list(verify.checks(db)))

    changed = after(
        f"UPDATE answer SET scores = zeroblob(12) WHERE teacher = 2 AND image = x'{image}'"
    )
    assert changed == {"answers": [f"the answer of teacher 2 to image {image[:16]} has changed"]}
    lost = after(f"DELETE FROM answer WHERE teacher = 2 AND image = x'{image}'")
    assert lost == {
        "uses": [f"run beta uses, to distill, image {image[:16]} of teacher 2, which has no answer"]
    }
    many = after("DELETE FROM answer WHERE teacher = 2")["uses"]
    assert len(many) == 6 and many[-1] == "and 1 more"
    assert list(after("UPDATE pending SET batch = 1")) == ["in flight"]
    assert list(after("UPDATE pending SET batch = 99")) == ["in flight"]
    assert after("DELETE FROM teacher WHERE id = 2") == {"teachers": ["teacher 2 has no name"]}
    assert after("DELETE FROM batch WHERE run = 'beta'") == {
        "batches": [
            "run beta, distill, round 0: 0 images were answered in batches, and 6 are noted as paid"
        ]
    }
    assert list(after("UPDATE use SET paid = 0 WHERE run = 'beta'")) == ["batches"]
    # The first image of beta in place of another of its own: two numbers of classes.
    scores = some_answers(1, classes=4)[0].tobytes()
    check = ledger.checksum(bytes.fromhex(image), scores)
    short = after(
        f"UPDATE answer SET scores = x'{scores.hex()}', checksum = {check} WHERE teacher = 2 AND"
        f" hex(image) = '{image}'"
    )
    assert list(short) == ["classes"] and "3, 4" in short["classes"][0]


def test_a_torn_page_is_found(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    book = ledger.Ledger(path)
    pay(book, purse(book.teacher("x")), some_images(900), some_answers(900))
    book.close()
    content = bytearray(path.read_bytes())
    content[15 * 4096 : 15 * 4096 + 8] = b"\xff" * 8
    assert len(content) > 20 * 4096
    path.write_bytes(content)
    assert list(faults(path)) == ["file"]


# Recount.


def test_recount_by_round_and_purpose(path: Path) -> None:
    with reader.opened(path) as db:
        found = recount.recount(db, "al")
    assert found.run == "alpha" and found.missing == 0 and found.summary is None
    assert found.counts == [("distill", 0, 7, 0), ("distill", 1, 4, 2), ("evaluate", 0, 2, 0)]


def test_recount_leaves_out_what_has_no_answer(path: Path) -> None:
    books.execute(path, "DELETE FROM answer WHERE teacher = 2")
    with reader.opened(path) as db:
        found = recount.recount(db, "beta")
    assert found.counts == [("distill", 0, 0, 3)] and found.missing == 6


def write_workdir(folder: Path, run: str = "alpha", **summary: int) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"run": run}))
    (folder / "summary.json").write_text(json.dumps(summary))


def test_recount_compares_with_the_summary(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = {"queries": 13, "queries_paid": 11, "evaluation_queries": 2}
    write_workdir(tmp_path / "right", **right)
    write_workdir(tmp_path / "runs" / "alpha", **right)
    monkeypatch.chdir(tmp_path)
    with reader.opened(path) as db:
        for name in (
            str(tmp_path / "right"),
            "alpha",
        ):  # the second by the place that the run noted
            found = recount.recount(db, name)
            assert found.differences == [] and found.summary is not None
            assert found.summary.parent.name == name.rpartition("/")[2]
        for field in right:
            folder = tmp_path / field
            write_workdir(folder, **{**right, field: 14})
            assert recount.recount(db, str(folder)).differences == [
                f"{field}: the ledger counts {right[field]}, and the summary says 14"
            ]


def test_recount_needs_one_run(path: Path, tmp_path: Path) -> None:
    book = ledger.Ledger(path)
    book.begin("alphabet", "", "")
    book.close()
    (tmp_path / "empty").mkdir()
    with reader.opened(path) as db:
        assert recount.find(db, "alpha") == "alpha"  # though it is the beginning of another
        for name, complaint in [
            ("alp", "2 runs"),
            ("gamma", "no run"),
            (str(tmp_path / "empty"), "config.json"),
        ]:
            with pytest.raises(UserError, match=complaint):
                recount.recount(db, name)


def test_another_run_in_the_noted_workdir_is_not_compared(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_workdir(
        tmp_path / "runs" / "alpha", run="somebody", queries=1, queries_paid=1, evaluation_queries=1
    )
    monkeypatch.chdir(tmp_path)
    with reader.opened(path) as db:
        assert recount.recount(db, "alpha").summary is None


# Export.


def test_csv_holds_every_bit(path: Path, tmp_path: Path) -> None:
    with reader.opened(path) as db:
        rows = table.write(db, tmp_path / "a.csv", teacher="dear")
    with (tmp_path / "a.csv").open() as file:
        found = list(csv.DictReader(file))
    assert (
        rows == len(found) == 11 + 2 + 2 + 3
    )  # each answer's uses; the two of evaluation are used twice
    assert list(found[0]) == [*table.COLUMNS, *(f"p{number}" for number in range(10))]
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
    with reader.opened(path) as db:
        assert table.write(db, tmp_path / "a.csv", teacher="cheap") == 6
        with pytest.raises(UserError, match="no such answers"):
            table.write(db, tmp_path / "b.csv", run="beta")
    with (tmp_path / "a.csv").open() as file:
        assert {
            (row["run"], row["purpose"], row["round"], row["paid"]) for row in csv.DictReader(file)
        } == {("",) * 4}


def test_parquet_says_the_same(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(table, "_BLOCK", 4)  # several blocks
    with reader.opened(path) as db:
        assert table.write(db, tmp_path / "a.parquet", run="alpha") == 15
        table.write(db, tmp_path / "a.csv", run="alpha")
    rows = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    with (tmp_path / "a.csv").open() as file:
        plain = list(csv.DictReader(file))
    assert len(rows) == len(plain) == 15
    for row, text in zip(rows, plain, strict=True):
        assert np.array_equal(
            np.float32(row["scores"]), np.float32([text[f"p{number}"] for number in range(10)])
        )
        assert [str(int(row[name])) for name in ("round", "paid")] == [text["round"], text["paid"]]
        assert all(row[name] == text[name] for name in table.COLUMNS[:5])


def test_scores_of_every_kind_survive_the_export(tmp_path: Path) -> None:
    """NaN where nothing was told, the smallest and the largest."""
    scores = np.array([[np.nan, 1e-45, -3.4028235e38, 0.1, 16777217.0]], np.float32)
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    pay(book, purse(book.teacher("x")), some_images(1), scores)
    book.close()
    with reader.opened(book.path) as db:
        table.write(db, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        (row,) = csv.DictReader(file)
    found = np.array([row[f"p{number}"] for number in range(5)], np.float32)
    assert np.array_equal(found, scores[0], equal_nan=True)


def test_the_work_of_an_export_grows_as_the_ledger(tmp_path: Path) -> None:
    """Not as its square: that would be hours for a million answers."""
    steps = []
    for count in (250, 1000):
        book = ledger.Ledger(tmp_path / f"{count}.sqlite")
        pay(book, purse(book.teacher("x")), some_images(count), some_answers(count))
        book.close()
        with reader.opened(book.path) as db:
            hundreds = []
            db.set_progress_handler(lambda told=hundreds: told.append(1), 100)
            table.write(db, tmp_path / f"{count}.csv", teacher="x")
            steps.append(len(hundreds))
    assert steps[1] < 6 * steps[0]


def test_export_refuses_what_it_cannot_do(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.csv").write_text("mine")
    cases = [
        ("here.csv", {"teacher": "dear"}, "there already"),
        ("a.xlsx", {"teacher": "dear"}, r"\.csv or \.parquet"),
        ("a.csv", {}, "3, 10 classes.*--teacher"),
        ("a.csv", {"teacher": "nobody"}, "'dear', 'cheap'"),
        ("absent/a.csv", {"teacher": "dear"}, "cannot be written"),
    ]
    with reader.opened(path) as db:
        for name, chosen, complaint in cases:
            with pytest.raises(UserError, match=complaint):
                table.write(db, tmp_path / name, **chosen)
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(UserError, match=r"pip install -e '\.\[parquet\]'"):
            table.write(db, tmp_path / "a.parquet", teacher="dear")
    assert (tmp_path / "here.csv").read_text() == "mine"
    assert {entry.name for entry in tmp_path.iterdir()} == {"here.csv", "ledger.sqlite"}


def test_a_damaged_answer_is_not_exported(path: Path, tmp_path: Path) -> None:
    books.execute(path, "UPDATE answer SET scores = zeroblob(12) WHERE teacher = 2")
    with pytest.raises(UserError, match="has changed"), reader.opened(path) as db:
        table.write(db, tmp_path / "a.csv", teacher="cheap")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.sqlite"]


# Merge.


def content(path: Path) -> dict[str, list[tuple]]:
    """All that a ledger says, with names in the place of numbers."""
    named = "JOIN teacher ON teacher.id = teacher"
    batch = "run, purpose, round, images, price, currency, sent, expires, ended, state, answered"
    return {
        "answers": books.execute(
            path,
            f"SELECT identity, image, scores, checksum, answered FROM answer {named} ORDER BY 1, 2",
        ),
        "uses": books.execute(
            path,
            f"SELECT run, purpose, identity, image, round, paid FROM use {named} ORDER BY 1,"
            " 2, 3, 4",
        ),
        "batches": sorted(
            books.execute(path, f"SELECT identity, {batch} FROM batch {named}"), key=repr
        ),
        "runs": books.execute(path, "SELECT * FROM run ORDER BY run"),
    }


OWNERS = st.tuples(
    st.sampled_from("ab"), st.sampled_from(["one", "two", "three"]), st.integers(0, 2)
)
ORDERS = st.lists(
    st.tuples(OWNERS, st.sets(st.integers(0, 11), min_size=1, max_size=5)), max_size=6
)


def make(path: Path, orders: list[tuple[tuple[str, str, int], set[int]]], name: str) -> Path:
    """A ledger of batches, in which every teacher always gives the same answer to an image."""
    images = some_images(12)
    book = ledger.Ledger(path)
    for (run, teacher, round_), wanted in orders:
        book.begin(f"{name}-{run}", "about", "place")
        who = purse(
            book.teacher(teacher), f"{name}-{run}", round_=round_, price=0.5, currency=teacher
        )
        answers = some_answers(12, seed=len(teacher))
        pay(book, who, [images[place] for place in sorted(wanted)], answers[sorted(wanted)])
    book.close()
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that is emptied by whoever uses it."""
    yield tmp_path_factory.mktemp("merges")


@hypothesis.settings(max_examples=12)
@hypothesis.given(ORDERS, ORDERS)
def test_merging_is_a_union(folder: Path, left: list, right: list) -> None:
    """In any order, and twice over; and what comes out of it is sound."""
    for entry in folder.iterdir():
        entry.unlink()
    a, b = make(folder / "a", left, "left"), make(folder / "b", right, "right")
    before = a.read_bytes(), b.read_bytes()
    merge.merge(folder / "ab", [a, b])
    merge.merge(folder / "ba", [b])
    merge.merge(folder / "ba", [a])
    found = content(folder / "ab")
    assert found == content(folder / "ba")
    parts = content(a), content(b)
    for name in ("uses", "batches", "runs"):
        assert sorted(found[name], key=repr) == sorted(parts[0][name] + parts[1][name], key=repr)
    assert {row[:4] for row in found["answers"]} == {
        row[:4] for part in parts for row in part["answers"]
    }
    assert faults(folder / "ab") == {}
    again = merge.merge(folder / "ab", [a, b, folder / "ba"])
    assert all(source[1:] == (0, 0, 0, 0, 0) for source in again)
    assert content(folder / "ab") == found
    assert (a.read_bytes(), b.read_bytes()) == before


def test_merging_counts_what_it_brings(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target.sqlite"
    assert merge.merge(target, [path]) == [(path, 19, 0, 15 + 9, 8, 2)]
    left_out = {"batches": content(path)["batches"], "answers": content(path)["answers"]}
    assert left_out.items() <= content(target).items()
    assert books.execute(target, "SELECT count(*) FROM pending") == [(0,)]
    book = ledger.Ledger(target)
    assert book.begin("alpha", "", "") == 1  # what was in flight is given up where the run goes on
    book.close()
    # The source knows of no end: the target's stays.
    assert merge.merge(target, [path]) == [(path, 0, 0, 0, 0, 0)]
    assert books.execute(target, "SELECT count(*) FROM batch WHERE state = 'sent'") == [(0,)]
    # And the other way round the end is news.
    assert merge.merge(path, [target]) == [(target, 0, 0, 0, 1, 0)]
    assert books.execute(path, "SELECT count(*) FROM batch WHERE state = 'sent'") == [(0,)]
    assert faults(path) == {}


def test_answers_in_conflict_stay_and_are_counted(tmp_path: Path) -> None:
    images, paths = some_images(5), [tmp_path / "a", tmp_path / "b"]
    for seed, path in enumerate(paths):
        book = ledger.Ledger(path)
        answers = some_answers(5)
        answers[:2] = some_answers(2, seed=seed)
        pay(book, purse(book.teacher("x"), f"run {seed}"), images, answers)
        book.close()
    assert merge.merge(paths[0], paths[1:]) == [(paths[1], 0, 2, 5, 1, 0)]
    book = ledger.Ledger(paths[0])
    found = book.find(1, images)
    assert np.array_equal(np.stack([found[image] for image in images]), some_answers(5))
    book.close()


def test_a_copy_that_went_on_is_merged_into_its_origin(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(path.read_bytes())
    book = ledger.Ledger(copy)
    pay(book, purse(1, "alpha", round_=2), some_images(3, seed=9), some_answers(3))
    book.close()
    assert merge.merge(path, [copy]) == [(copy, 3, 0, 3, 1, 0)]


def test_what_either_paid_for_was_paid(tmp_path: Path) -> None:
    """One run went on with two ledgers, and found in one what it had paid for in the other."""
    images, paths = some_images(2), [tmp_path / "found", tmp_path / "paid"]
    for path in paths:
        book = ledger.Ledger(path)
        who = purse(book.teacher("x"), round_=3)
        if path.name == "found":
            pay(book, who._replace(run="other"), images, some_answers(2))
            book.note_found(who._replace(round=1), images)
        else:
            pay(book, who, images, some_answers(2))
        book.close()
    merge.merge(tmp_path / "both", paths)
    assert (
        books.execute(tmp_path / "both", "SELECT round, paid FROM use WHERE run = 'run'")
        == [(3, 1)] * 2
    )
    assert faults(tmp_path / "both") == {}


def test_version_1_is_merged(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    books.write_version_1(old, some_images(4), some_answers(4), [1.0, 2.0, 3.0, 4.0], paid=3)
    before = old.read_bytes()
    assert merge.merge(new, [old]) == [(old, 4, 0, 4, 0, 0)]
    assert old.read_bytes() == before
    book = ledger.Ledger(new)
    found = book.find(book.teacher("old"), some_images(4))
    assert np.array_equal(np.stack([found[image] for image in some_images(4)]), some_answers(4))
    assert book.count("before", "distill", paid_only=True) == 3
    book.close()


def test_merge_refuses_and_changes_nothing(path: Path, tmp_path: Path) -> None:
    good, bad = make(tmp_path / "good", [(("a", "one", 0), {1, 2})], "good"), tmp_path / "bad"
    bad.write_bytes(path.read_bytes())
    books.execute(bad, "UPDATE answer SET scores = zeroblob(12) WHERE teacher = 2")
    unnamed = tmp_path / "unnamed"
    unnamed.write_bytes(path.read_bytes())
    books.execute(unnamed, "UPDATE teacher SET identity = 'unknown teacher 2' WHERE id = 2")
    (tmp_path / "link").symlink_to(path)
    before = path.read_bytes()
    for source, complaint in [
        (bad, "damaged.*rescue"),
        (tmp_path / "link", "the target itself"),
        (tmp_path / "absent", "not there"),
        (unnamed, "--identity 2=NAME"),
    ]:
        with pytest.raises(UserError, match=complaint):
            merge.merge(path, [good, source])
    assert path.read_bytes() == before


# What people read.


def test_names_are_as_short_as_tells_them_apart() -> None:
    names = ["0123456789", "0123456780", "abc"]
    assert statement.brief(names) == {
        "0123456789": "0123456789",
        "0123456780": "0123456780",
        "abc": "abc",
    }
    assert statement.brief(["0123456789", "1123456789"])["0123456789"] == "01234567"


def test_tables_are_aligned() -> None:
    assert statement.table(["name", ">count"], [("a", 1234567), ("longer", 8)]) == (
        "name        count\na       1,234,567\nlonger          8"
    )


def test_totals_are_by_currency(path: Path) -> None:
    with reader.opened(path) as db:
        shown = statement.show(db, path)
        spent = statement.spend(accounts.spending(db, by="day"), "day")
    assert (
        "spent in all: 9 USD\n" in shown and "adrift: 4 images" in shown and "19 answers" in shown
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
