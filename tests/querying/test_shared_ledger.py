"""Two runs at one ledger, and anything that may happen: no answer is lost or bought twice."""

import collections
import dataclasses
import tempfile
import time
from concurrent import futures
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.querying.client import DISTILL
from amkd.querying.request_policy import RequestPolicy
from tests.support.scripted_teacher import (
    FAULTS,
    QUICK,
    Scripted,
    Step,
    ask,
    client_of,
    complain,
    crash,
    found,
    more_classes,
    one_bad_row,
    pending,
    refuse,
    send,
    some_images,
    states,
    too_few,
    truth,
)


def test_two_runs_send_every_image_once_in_all(tmp_path: Path) -> None:
    spy, images = Scripted(pause=0.03), some_images(24)

    def run(name: str) -> np.ndarray:
        own = ledger.Ledger(tmp_path / "ledger.sqlite")
        try:
            order = images if name == "one" else images[::-1]
            told = ask(client_of(own, spy, QUICK._replace(in_flight=2), batch=5, run=name), order)
            return told if name == "one" else told[::-1]
        finally:
            own.close()

    with futures.ThreadPoolExecutor(2) as pool:
        one, two = pool.map(run, ["one", "two"])
    assert np.array_equal(one, truth(images))
    assert np.array_equal(one, two)
    assert sorted(spy.seen) == sorted(image.tobytes() for image in images)
    book = ledger.Ledger(tmp_path / "ledger.sqlite")
    assert book.count("one", DISTILL) == book.count("two", DISTILL) == 24
    assert (
        book.count("one", DISTILL, paid_only=True) + book.count("two", DISTILL, paid_only=True)
        == 24
    )
    assert {state for state, *_ in states(book)} == {"answered"}
    assert pending(book) == 0
    book.close()


def test_a_run_waits_for_what_another_has_in_flight(tmp_path: Path) -> None:
    """What is free is sent at once; what is not is taken from the other's answers."""
    mine, theirs = (
        ledger.Ledger(tmp_path / "ledger.sqlite"),
        ledger.Ledger(tmp_path / "ledger.sqlite"),
    )
    charge = client_of(theirs, truth, run="other").charge(DISTILL, 0)
    rows = np.float32([[0.25] * 4, [0.5, 0.5, 0, 0]])
    held = [image_digest(image) for image in some_images(5)[1:3]]
    sent = theirs.begin_batch(charge, held)
    spy = Scripted()
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, client_of(mine, spy), some_images(5))
        end = time.monotonic() + 60
        while not spy.calls and not waiting.done() and time.monotonic() < end:
            time.sleep(0.01)
        early = futures.wait([waiting], 0.3).done
        theirs.record_answers(charge, sent.number, images=held, answers=rows)
        waiting.result(timeout=10)
    assert not early
    assert spy.calls == [[image.tobytes() for image in some_images(5)[[0, 3, 4]]]]
    known = mine.find(charge.teacher, held)
    assert np.array_equal([known[address] for address in held], rows)
    assert mine.count("run", DISTILL) == 5
    assert mine.count("run", DISTILL, paid_only=True) == 3
    mine.close()
    theirs.close()


@pytest.mark.parametrize("billed", [True, False])
def test_what_another_run_fails_to_get_is_sent(tmp_path: Path, billed: bool) -> None:
    mine, theirs = (
        ledger.Ledger(tmp_path / "ledger.sqlite"),
        ledger.Ledger(tmp_path / "ledger.sqlite"),
    )
    sent = theirs.begin_batch(
        client_of(theirs, truth, run="other").charge(DISTILL, 0), [image_digest(some_images(1)[0])]
    )
    spy = Scripted()
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, client_of(mine, spy), some_images(1))
        assert not futures.wait([waiting], 0.1).done
        theirs.record_failure(sent.number, billed)
        waiting.result(timeout=10)
    assert spy.sizes == [1]
    mine.close()
    theirs.close()


def test_the_survivor_sends_what_a_dead_run_had_in_flight(tmp_path: Path) -> None:
    """But not before the dead run's calls have surely ended."""
    images, patience = some_images(9), 0.7
    dead = ledger.Ledger(tmp_path / "ledger.sqlite")
    query_client = client_of(dead, truth, run="dead", patience=patience)
    start = time.monotonic()
    dead.begin_batch(
        query_client.charge(DISTILL, 0), [image_digest(image) for image in images[2:5]]
    )
    dead.close()

    book, spy = ledger.Ledger(tmp_path / "ledger.sqlite"), Scripted()
    assert np.array_equal(ask(client_of(book, spy), images), truth(images))
    assert sorted(spy.seen) == sorted(image.tobytes() for image in images)
    orphans = {image.tobytes() for image in images[2:5]}
    for call, begun in zip(spy.calls, spy.begun, strict=True):
        assert begun >= start + patience or not orphans & set(call)
    assert (book.lost("dead"), book.lost("run")) == (3, 0)
    assert book.begin_run("dead", "", "") == 3  # it comes back, and finds the answers
    assert np.array_equal(
        ask(dataclasses.replace(query_client, ledger=book), images), truth(images)
    )
    assert pending(book) == 0
    book.close()


def test_a_run_that_comes_back_does_not_wait_for_itself(book: ledger.Ledger) -> None:
    query_client = client_of(book, Scripted())
    book.begin_batch(
        query_client.charge(DISTILL, 0), [image_digest(image) for image in some_images(3)]
    )
    start = time.monotonic()
    send(query_client, some_images(3))
    assert time.monotonic() - start < 60
    assert found(book, some_images(3)) == 3


def check_books(book: ledger.Ledger, spies: list[Scripted], count: int) -> None:
    """The ledger agrees with what the teachers themselves counted."""
    told = sum((spy.answered for spy in spies), collections.Counter())
    assert not told or max(told.values()) == 1  # no answer was bought twice
    rows = states(book)
    assert (
        sum(answered for *_, answered in rows)
        == sum(told.values())
        == found(book, some_images(count))
    )
    assert sum(images for state, images, _ in rows if state != "refused") == sum(
        spy.billed for spy in spies
    )
    assert sum(images for _, images, _ in rows) == sum(sum(spy.sizes) for spy in spies)
    assert len(rows) == sum(len(spy.calls) for spy in spies)
    assert {state for state, *_ in rows} <= {"answered", "lost", "refused"}
    assert pending(book) == 0
    assert book.spent("run") == pytest.approx(0.5 * sum(spy.billed for spy in spies))
    assert book.lost("run") == sum(images for state, images, _ in rows if state == "lost")
    assert (
        book.count("run", DISTILL)
        == book.count("run", DISTILL, paid_only=True)
        == sum(told.values())
        <= count
    )


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    script=st.lists(st.sampled_from([truth, truth, truth, *FAULTS]), max_size=12),
    count=st.integers(1, 16),
    batch=st.integers(1, 6),
    in_flight=st.integers(1, 4),
    attempts=st.integers(1, 4),
)
def test_whatever_happens_no_answer_is_lost_or_bought_twice(
    script: list[Step], count: int, batch: int, in_flight: int, attempts: int
) -> None:
    images = some_images(count)
    policy = RequestPolicy(
        in_flight, attempts=attempts, first_wait=0.001, longest_wait=0.002, price=0.5
    )
    spy, sound = Scripted(*script), Scripted()
    with tempfile.TemporaryDirectory() as folder:
        book = ledger.Ledger(Path(folder) / "ledger.sqlite")
        query_client = dataclasses.replace(client_of(book, spy, policy, batch), budget=count)
        try:
            assert np.array_equal(ask(query_client, images), truth(images))
            assert not {refuse, complain, crash, one_bad_row, more_classes, too_few} & set(
                script[: len(spy.calls)]
            )
        except UserError:
            assert set(FAULTS) & set(script[: len(spy.calls)])
        check_books(book, [spy], count)

        again = dataclasses.replace(
            query_client, teacher=dataclasses.replace(query_client.teacher, ask=sound)
        )
        assert np.array_equal(ask(again, images), truth(images))
        assert not set(spy.answered) & set(sound.answered)
        check_books(book, [spy, sound], count)
        assert max(spy.most, sound.most) <= in_flight
        assert all(size <= batch for size in spy.sizes + sound.sizes)
        book.close()
