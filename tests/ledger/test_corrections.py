"""Corrections of a person in a ledger: an annotator of their own, whose last word counts."""

import contextlib

import numpy as np

from amkd.ledger import Ledger, corrections, reader, verify

NAMES = ("cat", "dog", "cow")
A, B, C = (bytes([number]) * 32 for number in (1, 2, 3))


def test_recorded_read_and_changed(tmp_path):
    path = tmp_path / "ledger.sqlite"
    assert corrections.record(path, NAMES, {A: 0, B: 2}) == (2, 0, 0)
    assert corrections.record(path, NAMES, {A: 0, B: 2}) == (0, 0, 2)
    assert corrections.record(path, NAMES, {B: 1, C: 1}) == (1, 1, 0)
    assert corrections.read(path, NAMES) == {A: 0, B: 1, C: 1}
    with reader.open_read_only(path) as db:
        assert [check.faults for check in verify.checks(db)] == [[]] * 9


def test_other_classes_are_another_identity(tmp_path):
    path = tmp_path / "ledger.sqlite"
    corrections.record(path, NAMES, {A: 0})
    assert corrections.read(path, ("dog", "cat", "cow")) == {}
    assert corrections.identity(NAMES) != corrections.identity(NAMES[::-1])
    assert corrections.identity(NAMES).startswith("labels:review:")


def test_the_teacher_s_own_answers_stay(tmp_path):
    path = tmp_path / "ledger.sqlite"
    corrections.record(path, NAMES, {A: 2})
    with contextlib.closing(Ledger(path)) as book:
        assert book.find(book.teacher("service"), [A]) == {}
        who = book.teacher(corrections.identity(NAMES))
        assert np.array_equal(book.find(who, [A])[A], [0, 0, 1])
