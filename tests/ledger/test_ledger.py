"""The ledger: what was paid for is found again, and every batch has an end."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from tests.support.books import charge, pay, some_answers, some_images

# Addresses.


def test_digest_depends_on_every_byte() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 3, 2)
    seen = {image_digest(image)}
    for place in np.ndindex(image.shape):
        other = image.copy()
        other[place] += 1
        seen.add(image_digest(other))
    assert len(seen) == 13


def test_digest_depends_on_the_shape() -> None:
    flat = np.arange(12, dtype=np.uint8)
    shapes = [(2, 3, 2), (3, 2, 2), (2, 2, 3), (12, 1, 1), (1, 12, 1), (1, 1, 12)]
    assert len({image_digest(flat.reshape(shape)) for shape in shapes}) == len(shapes)


def test_digest_depends_on_values_and_not_on_memory_layout() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
    strided = np.asfortranarray(image)
    assert not strided.flags.c_contiguous
    assert image_digest(strided) == image_digest(image)
    assert image_digest(image[::-1]) != image_digest(image)


# Round trip.


def test_answers_come_back_bit_for_bit(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    images = some_images(1203)  # more than fit one SQL statement
    answers = some_answers(1203)
    answers[0] = [1, 0, *[np.float32(1e-45)] * 8]  # subnormal: kept too
    pay(opened, charge(teacher), images, answers)
    found = opened.find(teacher, images)
    assert len(found) == 1203
    assert all(found[image].dtype == np.float32 for image in images)
    assert b"".join(found[image].tobytes() for image in images) == answers.tobytes()


def test_only_what_is_there_is_found(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    here, absent = some_images(3), some_images(3, seed=1)
    pay(opened, charge(teacher), here, some_answers(3))
    assert opened.find(teacher, [*absent, here[1]]).keys() == {here[1]}
    assert opened.find(teacher, []) == {}


def test_the_first_answer_stays(opened: ledger.Ledger) -> None:
    """Two runs ask at once: the slower one was taken for dead."""
    teacher, images = opened.teacher("someone"), some_images(1)
    slow, quick = charge(teacher, "slow", patience=-1.0), charge(teacher, "quick")
    batches = [opened.begin_batch(who, images).number for who in (slow, quick)]
    opened.record_answers(quick, batches[1], images=images, answers=some_answers(1, seed=1))
    opened.record_answers(slow, batches[0], images=images, answers=some_answers(1, seed=2))
    assert np.array_equal(opened.find(teacher, images)[images[0]], some_answers(1, seed=1)[0])
    assert opened.count("slow", "distill", paid_only=True) == 1  # it paid all the same


def test_a_teacher_keeps_its_number(opened: ledger.Ledger) -> None:
    numbers = [opened.teacher(name) for name in ("a", "b", "a", "b", "c")]
    assert numbers[0] == numbers[2]
    assert numbers[1] == numbers[3]
    assert len(set(numbers)) == 3


def test_identities_do_not_share_answers(opened: ledger.Ledger) -> None:
    images = some_images(4)
    one, two = opened.teacher("one"), opened.teacher("two")
    pay(opened, charge(one), images, some_answers(4, seed=1))
    assert opened.find(two, images) == {}
    pay(opened, charge(two), images, some_answers(4, seed=2))
    for teacher, seed in ((one, 1), (two, 2)):
        found = opened.find(teacher, images)
        assert np.array_equal(
            np.stack([found[image] for image in images]), some_answers(4, seed=seed)
        )


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    path, images = tmp_path / "deep" / "er" / "ledger.sqlite", some_images(5)
    for _ in range(2):
        book = ledger.Ledger(path)
        pay(book, charge(book.teacher("someone"), round_=3), images, some_answers(5))
        book.close()
    book = ledger.Ledger(path)
    found = book.find(book.teacher("someone"), images)
    assert np.array_equal(np.stack([found[image] for image in images]), some_answers(5))
    assert book.count("run", "distill") == 5
    book.close()


# Uses.


def test_uses_are_kept_apart_by_run_purpose_and_teacher(opened: ledger.Ledger) -> None:
    one, two = opened.teacher("one"), opened.teacher("two")
    a, b, c, d = some_images(4)
    pay(opened, charge(one), [a, b], some_answers(2))
    pay(opened, charge(one, purpose="evaluate"), [c], some_answers(1))
    pay(opened, charge(one, "other"), [d], some_answers(1))
    pay(opened, charge(two), [d], some_answers(1))
    assert opened.used("run", "distill", one) == {a, b}
    assert opened.used("run", "evaluate", one) == {c}
    assert opened.used("other", "distill", one) == {d}
    assert opened.used("run", "distill", two) == {d}
    assert opened.used("nobody", "distill", one) == set()


def test_count_tells_paid_from_found(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    paid, found = some_images(3), some_images(5, seed=1)
    pay(opened, charge(teacher), paid, some_answers(3))
    opened.record_found(charge(teacher), found)
    assert opened.count("run", "distill") == 8
    assert opened.count("run", "distill", paid_only=True) == 3
    assert opened.count("run", "evaluate") == 0
    assert opened.used("run", "distill", teacher) == {*paid, *found}


def test_what_was_paid_stays_paid(opened: ledger.Ledger) -> None:
    """A resumed run finds what it paid for itself: still paid, and not counted twice."""
    teacher, images = opened.teacher("someone"), some_images(4)
    pay(opened, charge(teacher), images, some_answers(4))
    opened.record_found(charge(teacher, round_=1), images)
    assert opened.count("run", "distill") == 4
    assert opened.count("run", "distill", paid_only=True) == 4


# Transactions.


def test_an_interrupted_transaction_leaves_nothing(
    opened: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, images = opened.teacher("someone"), some_images(6)
    batch = opened.begin_batch(charge(teacher), images).number

    def interrupt(*args: object, **kwargs: object) -> None:
        assert len(opened.find(teacher, images)) == 6  # written, but not committed
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(opened, "_record_uses", interrupt)
        with pytest.raises(KeyboardInterrupt):
            opened.record_answers(charge(teacher), batch, images=images, answers=some_answers(6))
    other = ledger.Ledger(opened.path)
    for book in (opened, other):
        assert book.find(teacher, images) == {}
        assert book.count("run", "distill") == 0
        assert book.lost("run") == 6
    # Nor does it block anyone.
    assert opened.begin_run("run", "", "") == 6
    pay(other, charge(teacher, "other"), images[:3], some_answers(3))
    pay(opened, charge(teacher), images, some_answers(6))
    assert other.count("run", "distill") == 6
    assert other.count("run", "distill", paid_only=True) == 3
    other.close()


def test_fewer_answers_than_images_are_not_kept(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(3)
    batch = opened.begin_batch(charge(teacher), images).number
    with pytest.raises(ValueError):
        opened.record_answers(charge(teacher), batch, images=images, answers=some_answers(2))
    assert opened.find(teacher, images) == {}


# Batches.


def test_begin_gives_up_what_was_in_flight(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(9)
    assert opened.begin_run("run", "a test", "runs/one") == 0
    pay(opened, charge(teacher, price=1.0), images[:2], some_answers(2))
    for part in (images[2:5], images[5:9]):
        opened.begin_batch(charge(teacher, price=1.0), part)
    opened.begin_batch(charge(teacher, "other"), some_images(5, seed=1))
    assert opened.begin_run("run", "a test", "runs/two") == 7
    assert opened.begin_run("run", "a test", "runs/two") == 0
    assert opened.rows(
        "SELECT state, count(*) FROM batch WHERE run = 'run' GROUP BY state ORDER BY state"
    ) == [
        ("answered", 1),
        ("lost", 2),
    ]
    assert opened.lost("run") == 7 and opened.lost("other") == 5
    assert opened.spent("run") == 9.0  # what is lost may have been billed
    assert opened.rows("SELECT about, place FROM run") == [("a test", "runs/two")]
    assert opened.rows("SELECT count(*) FROM pending") == [(5,)]  # the other run's
    assert opened.begin_batch(charge(teacher), images).images == images[2:]


def test_what_is_answered_is_not_sent(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(5)
    pay(opened, charge(teacher, "other"), images[1:3], some_answers(2))
    sent = opened.begin_batch(charge(teacher), images)
    assert sent.images == [images[0], images[3], images[4]] and sent.busy == []
    assert opened.used("run", "distill", teacher) == set(images[1:3])  # found, and noted
    assert opened.count("run", "distill", paid_only=True) == 0
    assert opened.begin_batch(charge(teacher, "third"), images[1:3]) == ledger.SentBatch(0, [], [])


def test_what_another_run_has_in_flight_is_not_sent(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(6)
    theirs = opened.begin_batch(charge(teacher, "other"), images[:2])
    sent = opened.begin_batch(charge(teacher), images[:4])
    assert (sent.images, sent.busy) == (images[2:4], images[:2])
    again = opened.begin_batch(charge(teacher), images[2:6])  # its own are no hindrance
    assert (again.images, again.busy) == (images[2:6], [])
    everything = opened.begin_batch(charge(teacher, "third"), images)
    assert everything == ledger.SentBatch(0, [], images)
    opened.record_failure(theirs.number, billed=False)
    assert opened.begin_batch(charge(teacher, "third"), images).images == images[:2]
    elsewhere = opened.begin_batch(charge(opened.teacher("another")), images)
    assert elsewhere.images == images  # another teacher's flights are its own


def test_a_batch_that_has_expired_holds_nobody_back(
    opened: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher, images = opened.teacher("someone"), some_images(2)
    clock = [1000.0]
    monkeypatch.setattr("amkd.ledger.lease.time.monotonic", lambda: clock[0])
    opened.begin_batch(charge(teacher, "other", patience=60.0), images)
    assert opened.begin_batch(charge(teacher), images).busy == images  # seen for the first time
    clock[0] = 1059.9
    assert opened.begin_batch(charge(teacher), images).busy == images
    clock[0] = 1060.0
    assert opened.begin_batch(charge(teacher), images).images == images
    assert opened.begin_batch(charge(teacher, "other"), images).busy == images  # now they are ours


def test_refused_lost_and_answered_cost_what_they_may(opened: ledger.Ledger) -> None:
    teacher = opened.teacher("someone")
    who = charge(teacher, price=0.25, currency="USD")
    for seed, (count, billed) in enumerate([(3, False), (5, True)]):
        opened.record_failure(opened.begin_batch(who, some_images(count, seed)).number, billed)
    pay(opened, who, some_images(2, seed=7), some_answers(2))
    assert (opened.spent("run"), opened.lost("run")) == (1.75, 5)
    flying = opened.begin_batch(who, some_images(4, seed=8))
    assert (opened.spent("run"), opened.lost("run")) == (2.75, 9)
    opened.record_answers(
        who, flying.number, images=flying.images[:3], answers=some_answers(3)
    )  # one of them was garbage: billed
    assert (opened.spent("run"), opened.lost("run")) == (2.75, 5)
    assert (opened.spent("nobody"), opened.lost("nobody")) == (0, 0)
    assert opened.rows("SELECT state, images, answered FROM batch ORDER BY id") == [
        ("refused", 3, 0),
        ("lost", 5, 0),
        ("answered", 2, 2),
        ("answered", 4, 3),
    ]


def test_the_limit_itself_may_be_spent_but_no_image_more(opened: ledger.Ledger) -> None:
    teacher, images = opened.teacher("someone"), some_images(12)
    who = charge(teacher, price=0.1, currency="EUR", limit=1.0)
    for image in images[:9]:  # 0.1 nine times is a little less than 0.9, in floats
        assert pay(opened, who, [image], some_answers(1)).images == [image]
    with pytest.raises(
        UserError, match=r"config\.teacher\.max_cost=1: 0\.9 EUR are spent, and the next 2"
    ) as caught:
        opened.begin_batch(who, images[9:11])
    assert "nothing was sent" in str(caught.value)
    assert opened.rows("SELECT count(*) FROM batch") == [(9,)]
    assert opened.rows("SELECT count(*) FROM pending") == [(0,)]
    assert opened.begin_batch(who, [images[9]]).images == [images[9]]
    with pytest.raises(UserError, match="max_cost"):
        opened.begin_batch(who, [images[10]])
    assert opened.begin_batch(who, images[:9]).images == []  # what is answered costs nothing
    assert opened.begin_batch(dataclasses.replace(who, run="other"), [images[10]]).images == [
        images[10]
    ]  # a run of its own
    assert opened.begin_batch(dataclasses.replace(who, limit=0.0), [images[11]]).images == [
        images[11]
    ]  # no limit
