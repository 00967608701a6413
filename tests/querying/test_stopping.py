"""Pace, stops and errors with several requests in flight: what is in flight is awaited and kept."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed, UserError
from amkd.querying import client
from amkd.querying.client import DISTILL
from amkd.querying.pace import Halted
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import Unanswered, answers
from tests.support.scripted_teacher import (
    QUICK,
    Scripted,
    Step,
    ask,
    busy,
    client_of,
    complain,
    crash,
    more_classes,
    one_bad_row,
    pending,
    refuse,
    send,
    some_images,
    states,
    truth,
)


def test_a_pause_holds_every_thread(book: ledger.Ledger) -> None:
    """Three are in flight; one is told to wait, and nobody sends before that time has passed."""
    all_here = threading.Barrier(3, timeout=10)
    told: list[float] = []

    def slow(images: np.ndarray) -> np.ndarray:
        all_here.wait()
        time.sleep(0.5)
        return truth(images)

    def hold(images: np.ndarray) -> np.ndarray:
        all_here.wait()
        told.append(time.monotonic())
        raise Unanswered("HTTP 429", billed=False, after=1.5)

    spy = Scripted(truth, hold, slow, slow)
    images = some_images(30)
    assert np.array_equal(
        ask(client_of(book, spy, QUICK._replace(in_flight=3), batch=2), images), truth(images)
    )
    assert len(spy.calls) == 1 + 15 + 1
    assert min(spy.begun[4:]) >= told[0] + 1.5
    assert max(spy.answered.values()) == 1


def test_requests_keep_the_rate(book: ledger.Ledger) -> None:
    spy = Scripted()
    start = time.monotonic()
    ask(client_of(book, spy, QUICK._replace(in_flight=4, rate=20.0), batch=1), some_images(8))
    assert len(spy.calls) == 8
    assert time.monotonic() - start >= 7 / 20


class Stop(Exception):
    """What progress raises."""


def seconds_to_stop(
    book: ledger.Ledger, spy: Scripted, policy: RequestPolicy, images: np.ndarray, batch: int = 2
) -> float:
    """Seconds that a stop takes, once the teacher is called three times."""
    stopped = []

    def progress(step: int) -> None:
        if len(spy.calls) >= 3:
            stopped.append(time.monotonic())
            raise Stop

    with pytest.raises(Stop):
        ask(client_of(book, spy, policy, batch), images, progress)
    return time.monotonic() - stopped[0]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_stop_awaits_and_keeps_what_is_in_flight(book: ledger.Ledger, count: int) -> None:
    release = threading.Event()

    def held(images: np.ndarray) -> np.ndarray:
        assert release.wait(10)
        time.sleep(0.1)
        return truth(images)

    spy = Scripted(truth, *[held] * 100)

    def progress(step: int) -> None:
        if len(spy.calls) > 1 and spy.flying == count:
            release.set()
            raise Stop

    with pytest.raises(Stop):
        ask(client_of(book, spy, QUICK._replace(in_flight=count)), some_images(100), progress)
    assert spy.sizes == [1, *[4] * count]
    assert states(book) == [("answered", 1, 1), *[("answered", 4, 4)] * count]
    assert book.count("run", DISTILL) == 1 + 4 * count
    assert pending(book) == book.lost("run") == 0
    again = Scripted()
    assert np.array_equal(ask(client_of(book, again), some_images(100)), truth(some_images(100)))
    assert sum(again.sizes) == 99 - 4 * count


def test_a_stop_after_a_batch_awaits_the_others_too(book: ledger.Ledger) -> None:
    """It may come from where the caller counts answers, not only from where it waits for them."""
    spy = Scripted(truth, truth, *[lambda images: time.sleep(0.2) or truth(images)] * 100)

    def progress(step: int) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        ask(client_of(book, spy, QUICK._replace(in_flight=3)), some_images(100), progress)
    assert spy.flying == 0
    assert {state for state, *_ in states(book)} == {"answered"}
    assert book.count("run", DISTILL) == sum(spy.sizes) == sum(spy.answered.values())
    assert len(spy.calls) <= 1 + 3


def test_a_stop_does_not_wait_for_the_next_attempt(book: ledger.Ledger) -> None:
    spy = Scripted(truth, *[busy] * 100)
    assert (
        seconds_to_stop(
            book,
            spy,
            RequestPolicy(in_flight=2, first_wait=1000, longest_wait=1000),
            some_images(30),
        )
        < 60
    )
    assert spy.sizes == [1, 2, 2]
    assert states(book) == [("answered", 1, 1), ("refused", 2, 0), ("refused", 2, 0)]


def test_a_stop_does_not_wait_for_a_turn(book: ledger.Ledger) -> None:
    spy = Scripted()

    def progress(step: int) -> None:
        if step == 1:
            raise Stop

    start = time.monotonic()
    with pytest.raises(Stop):
        ask(client_of(book, spy, QUICK._replace(rate=0.001)), some_images(9), progress)
    assert time.monotonic() - start < 60
    assert spy.sizes == [1]


def test_a_stop_does_not_wait_for_another_run(book: ledger.Ledger) -> None:
    other = client_of(book, Scripted(), run="other")
    book.begin_batch(other.charge(DISTILL, 0), [image_digest(image) for image in some_images(9)])
    spy, looks = Scripted(), []

    def progress(step: int) -> None:
        looks.append(step)
        if len(looks) > 2:
            raise Stop

    start = time.monotonic()
    with pytest.raises(Stop):
        ask(client_of(book, spy), some_images(9), progress)
    assert time.monotonic() - start < 60
    assert spy.calls == []


def test_nothing_is_sent_once_the_run_stops(book: ledger.Ledger) -> None:
    """Not by a thread that had not begun yet, either."""
    spy = Scripted()
    query_client = client_of(book, spy)
    sender = query_client.sender()
    sender.pace.halt()
    with pytest.raises(Halted):
        send(query_client, some_images(3), sender)
    assert spy.calls == states(book) == []


@pytest.mark.parametrize("fault", [refuse, complain, crash, one_bad_row, more_classes])
def test_an_error_in_one_thread_leaves_the_others_theirs(book: ledger.Ledger, fault: Step) -> None:
    all_here = threading.Barrier(3, timeout=10)

    def failing(images: np.ndarray) -> object:
        all_here.wait()
        return fault(images)

    def slow(images: np.ndarray) -> np.ndarray:
        all_here.wait()
        time.sleep(0.1)
        return truth(images)

    spy = Scripted(truth, slow, failing, slow, *[truth] * 100)
    with pytest.raises(UserError):
        ask(client_of(book, spy, QUICK._replace(in_flight=3)), some_images(60))
    assert spy.sizes == [1, 4, 4, 4]
    assert (
        book.count("run", DISTILL)
        == 9 + (3 if fault is one_bad_row else 0)
        == sum(spy.answered.values())
    )
    assert pending(book) == spy.flying == 0


def test_an_error_ends_the_waits_of_the_others(book: ledger.Ledger) -> None:
    spy = Scripted(truth, busy, lambda images: time.sleep(0.1) or crash(images))
    start = time.monotonic()
    with pytest.raises(UserError, match="ZeroDivisionError"):
        ask(
            client_of(book, spy, RequestPolicy(in_flight=2, first_wait=1000, longest_wait=1000)),
            some_images(9),
        )
    assert time.monotonic() - start < 60
    assert sorted(states(book)) == [("answered", 1, 1), ("lost", 4, 0), ("refused", 4, 0)]


def test_the_number_of_classes_may_not_change(book: ledger.Ledger) -> None:
    spy = Scripted(truth, truth, more_classes)
    with pytest.raises(
        answers.BadAnswer, match=r"shape \(4, 5\) instead of \(4, 4\).*number of classes"
    ):
        ask(client_of(book, spy), some_images(20))
    assert states(book) == [("answered", 1, 1), ("answered", 4, 4), ("lost", 4, 0)]
    assert np.array_equal(ask(client_of(book, spy), some_images(20)), truth(some_images(20)))


def test_a_second_interrupt_in_python_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a notebook, where the process and its threads live on."""
    path, images = tmp_path / "ledger.sqlite", some_images(5)
    begun, said, left, go_on = (threading.Event() for _ in range(4))

    def slow(images: np.ndarray) -> np.ndarray:
        begun.set()
        assert go_on.wait(120)
        return truth(images)

    def interrupt() -> None:
        pause = 0.5  # until the main thread waits for the answer, and then for the thread
        for moment in (begun, said):
            assert moment.wait(60)
            time.sleep(pause)
            os.kill(os.getpid(), signal.SIGINT)
        while not left.wait(3):  # a signal just before the wait begins is not seen
            os.kill(os.getpid(), signal.SIGINT)

    def attempt(spy: Scripted) -> np.ndarray:
        with contextlib.closing(ledger.Ledger(path)) as book:
            book.begin_run("run", "", "")
            return ask(client_of(book, spy), images)

    def mention(message: str) -> None:
        assert message == "interrupted; waiting for answers in flight, which are paid for"
        said.set()

    monkeypatch.setattr(client.console, "mention", mention)
    spy, interrupting = Scripted(truth, slow), threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupting.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            attempt(spy)
    finally:
        left.set()
        interrupting.join()
        signal.signal(signal.SIGINT, before)
    with pytest.raises(UserError, match="an earlier call in this process still works on this run"):
        attempt(spy)
    go_on.set()
    end = time.monotonic() + 60
    while True:
        try:
            found = attempt(spy)
        except UserError:  # until the answers are kept, and the run is given back
            assert time.monotonic() < end
            time.sleep(0.01)
        else:
            break
    assert np.array_equal(found, truth(images))
    assert spy.sizes == [1, 4] and spy.billed == 5


def test_a_stop_does_not_hide_what_the_sentinel_finds(book: ledger.Ledger) -> None:
    stop = threading.Event()

    def another(images: np.ndarray) -> np.ndarray:
        stop.set()
        time.sleep(0.5)  # until the main thread has seen it
        return truth(images)[:, ::-1]

    def progress(step: int) -> None:
        if stop.is_set():
            raise Stop

    images = some_images(5)
    watched = client_of(book, Scripted(truth, truth, another), QUICK._replace(sentinel=2))
    with pytest.raises(TeacherFailed, match="sentinel"):
        client.ask(watched, images, DISTILL, round_=0, progress=progress)
    assert client.unanswered(watched, images) == 5  # all were set aside
