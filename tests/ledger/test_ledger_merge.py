"""Merging ledgers: a union in any order, and what either paid for was paid."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger
from amkd.core.errors import UserError
from amkd.ledger import merge
from tests.ledger.test_ledger_verify import faults
from tests.support import books
from tests.support.books import charge, pay, some_answers, some_images


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
        book.begin_run(f"{name}-{run}", "about", "place")
        who = charge(
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
    assert (
        book.begin_run("alpha", "", "") == 1
    )  # what was in flight is given up where the run goes on
    book.close()
    # The source knows of no end: the target's stays.
    assert merge.merge(target, [path]) == [(path, 0, 0, 0, 0, 0)]
    assert books.execute(target, "SELECT count(*) FROM batch WHERE state = 'sent'") == [(0,)]
    # And the other way round the end is news.
    assert merge.merge(path, [target]) == [(target, 0, 0, 0, 1, 0)]
    assert books.execute(path, "SELECT count(*) FROM batch WHERE state = 'sent'") == [(0,)]
    assert faults(path) == {}


def test_a_source_that_is_written_to_is_read_at_one_moment(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make(tmp_path / "source", [(("a", "one", 0), {1, 2})], "s")
    book = ledger.Ledger(source)
    read = merge._merge_answers

    def and_written(*given):  # type: ignore[no-untyped-def]
        found = read(*given)
        who = charge(book.teacher("one"), "s-a", round_=1)
        pay(book, who, some_images(12)[5:9], some_answers(12, seed=3)[5:9])
        return found

    monkeypatch.setattr(merge, "_merge_answers", and_written)
    (found,) = merge.merge(path, [source])
    book.close()
    assert (found.answers, found.uses) == (2, 2) and not faults(path)


def test_answers_in_conflict_stay_and_are_counted(tmp_path: Path) -> None:
    images, paths = some_images(5), [tmp_path / "a", tmp_path / "b"]
    for seed, path in enumerate(paths):
        book = ledger.Ledger(path)
        answers = some_answers(5)
        answers[:2] = some_answers(2, seed=seed)
        pay(book, charge(book.teacher("x"), f"run {seed}"), images, answers)
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
    pay(book, charge(1, "alpha", round_=2), some_images(3, seed=9), some_answers(3))
    book.close()
    assert merge.merge(path, [copy]) == [(copy, 3, 0, 3, 1, 0)]


def test_what_either_paid_for_was_paid(tmp_path: Path) -> None:
    """One run went on with two ledgers, and found in one what it had paid for in the other."""
    images, paths = some_images(2), [tmp_path / "found", tmp_path / "paid"]
    for path in paths:
        book = ledger.Ledger(path)
        who = charge(book.teacher("x"), round_=3)
        if path.name == "found":
            pay(book, dataclasses.replace(who, run="other"), images, some_answers(2))
            book.record_found(dataclasses.replace(who, round=1), images)
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
        (tmp_path / "absent", "does not exist"),
        (unnamed, "--identity 2=NAME"),
    ]:
        with pytest.raises(UserError, match=complaint):
            merge.merge(path, [good, source])
    assert path.read_bytes() == before
