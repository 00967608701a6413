"""Sending: no answer is lost, none is bought twice, and the ledger knows what became of every
batch.
"""

import collections
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger, teachers
from amkd.config.teacher_answers import Form
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.querying import client, sending
from amkd.querying.client import DISTILL
from amkd.querying.pace import Halted
from amkd.querying.sending import Terms
from amkd.teachers import PartlyAnswered, Refused, Unanswered, answers
from tests.querying.test_querying import CLASSES, some_images, truth

QUICK = Terms(first_wait=0.001, longest_wait=0.002)
Step = Callable[[np.ndarray], Any]


def lost(images: np.ndarray) -> object:
    raise Unanswered("timed out", billed=True)


def busy(images: np.ndarray) -> object:
    raise Unanswered("HTTP 503", billed=False)


def later(images: np.ndarray) -> object:
    raise Unanswered("HTTP 429", billed=False, after=0.003)


def refuse(images: np.ndarray) -> object:
    raise Refused("config.teacher.url: HTTP 401; check the key")


def complain(images: np.ndarray) -> object:
    raise UserError("config.teacher.url: garbled; mend it")


def crash(images: np.ndarray) -> object:
    raise ZeroDivisionError("oh")


def one_bad_row(images: np.ndarray) -> object:
    rows = truth(images)
    rows[len(rows) // 2, 0] = np.nan
    return rows


def more_classes(images: np.ndarray) -> object:
    return np.full((len(images), CLASSES + 1), 1 / (CLASSES + 1))


def too_few(images: np.ndarray) -> object:
    return truth(images)[:-1]


FREE = (busy, later, refuse)  # what is surely not billed
FAULTS = (lost, busy, later, refuse, complain, crash, one_bad_row, more_classes, too_few)


class Scripted:
    """A teacher that follows a script call by call, then is sound; it keeps its own books."""

    def __init__(self, *script: Step, pause: float = 0.0) -> None:
        self.script = list(script)
        self.pause = pause
        self.lock = threading.Lock()
        self.calls: list[list[bytes]] = []
        self.begun: list[float] = []
        self.flying = self.most = 0
        self.answered: collections.Counter[bytes] = collections.Counter()
        self.billed = 0  # images, at most

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with self.lock:
            step = self.script[len(self.calls)] if len(self.calls) < len(self.script) else truth
            self.calls.append([image.tobytes() for image in images])
            self.begun.append(time.monotonic())
            self.flying += 1
            self.most = max(self.most, self.flying)
            self.billed += 0 if step in FREE else len(images)
        try:
            time.sleep(self.pause)
            rows = step(images)
            self._note(images, rows)
            return rows
        finally:
            with self.lock:
                self.flying -= 1

    def _note(self, images: np.ndarray, rows: np.ndarray) -> None:
        with self.lock:
            if rows.shape == (len(images), CLASSES):
                self.answered.update(
                    image.tobytes()
                    for image, row in zip(images, rows, strict=True)
                    if np.isfinite(row).all()
                )

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    @property
    def seen(self) -> list[bytes]:
        return [image for call in self.calls for image in call]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ledger.Ledger]:
    found = ledger.Ledger(tmp_path / "ledger.sqlite")
    yield found
    found.close()


def desk_of(
    book: ledger.Ledger,
    spy: Step,
    terms: Terms = QUICK,
    batch: int = 4,
    run: str = "run",
    **more: Any,
) -> client.Desk:
    teacher = teachers.Teacher("spy", spy, **more)
    return client.Desk(teacher, book, run, 1000, CLASSES, batch, Form(), terms)


def ask(
    desk: client.Desk, images: np.ndarray, progress: Callable[[int], None] = lambda step: None
) -> np.ndarray:
    return client.ask(desk, images, DISTILL, 0, progress)


def send(desk: client.Desk, images: np.ndarray, post: sending.Post | None = None) -> None:
    """One batch, without what surrounds it."""
    batch = {image_digest(image): image for image in images}
    sending.deliver(post or desk.post(), desk.purse(DISTILL, 0), batch)


def states(book: ledger.Ledger) -> list[tuple[str, int, int]]:
    """Every batch's state, images and answers, in the order of sending."""
    return book.rows("SELECT state, images, answered FROM batch ORDER BY id")


def pending(book: ledger.Ledger) -> int:
    return book.rows("SELECT count(*) FROM pending")[0][0]


def found(book: ledger.Ledger, images: np.ndarray) -> int:
    """How many of the images have an answer."""
    return len(book.find(book.teacher("spy"), [image_digest(image) for image in images]))


# One batch.


def test_a_batch_is_answered(book: ledger.Ledger) -> None:
    spy = Scripted()
    send(desk_of(book, spy), some_images(4))
    assert spy.sizes == [4]
    assert states(book) == [("answered", 4, 4)]
    assert found(book, some_images(4)) == 4
    assert pending(book) == 0


def test_what_is_answered_meanwhile_is_used_and_not_sent(book: ledger.Ledger) -> None:
    send(desk_of(book, Scripted(), run="other"), some_images(3))
    spy = Scripted()
    send(desk_of(book, spy), some_images(5))
    assert spy.calls == [[image.tobytes() for image in some_images(2, first=3)]]
    assert book.count("run", DISTILL) == 5
    assert book.count("run", DISTILL, paid_only=True) == 2
    send(desk_of(book, spy), some_images(5))
    assert len(spy.calls) == 1
    assert len(states(book)) == 2


def test_a_batch_is_noted_before_it_leaves(book: ledger.Ledger) -> None:
    seen = []

    def look(images: np.ndarray) -> np.ndarray:
        seen.append((states(book), pending(book), book.adrift("run"), book.spent("run")))
        return truth(images)

    send(desk_of(book, look, QUICK._replace(price=0.5, currency="USD")), some_images(3))
    assert seen == [([("sent", 3, 0)], 3, 3, 1.5)]
    assert (book.adrift("run"), book.spent("run")) == (0, 1.5)


@pytest.mark.parametrize(
    ("fault", "state", "images_adrift"), [(lost, "lost", 3), (busy, "refused", 0)]
)
def test_an_unanswered_batch_is_sent_again(
    book: ledger.Ledger, fault: Step, state: str, images_adrift: int
) -> None:
    spy = Scripted(fault, fault)
    send(desk_of(book, spy, QUICK._replace(price=0.25)), some_images(3))
    assert spy.calls == [[image.tobytes() for image in some_images(3)]] * 3
    assert states(book) == [(state, 3, 0), (state, 3, 0), ("answered", 3, 3)]
    assert book.adrift("run") == 2 * images_adrift
    assert book.spent("run") == (3 + 2 * images_adrift) * 0.25
    assert book.count("run", DISTILL) == 3
    assert pending(book) == 0


def test_a_batch_is_tried_so_often_and_no_more(book: ledger.Ledger) -> None:
    spy = Scripted(*[lost, busy, busy])
    with pytest.raises(UserError) as caught:
        send(desk_of(book, spy, QUICK._replace(attempts=3, price=1.0)), some_images(2))
    said = str(caught.value)
    assert "teacher spy did not answer in 3 attempts, the last time because: HTTP 503" in said
    assert str(book.path) in said
    assert "run the same command" in said
    for field in ("config.teacher.attempts", "first_wait", "rate"):
        assert field in said
    assert states(book) == [("lost", 2, 0), ("refused", 2, 0), ("refused", 2, 0)]
    assert (book.adrift("run"), book.spent("run")) == (2, 2.0)
    assert book.count("run", DISTILL) == pending(book) == 0


def useless(images: np.ndarray) -> object:
    raise Unanswered("the reply has 1 entries", billed=True, whole=True)


def test_a_whole_reply_that_says_nothing_is_paid_for_twice_at_most(book: ledger.Ledger) -> None:
    spy = Scripted(*[useless] * 5)
    with pytest.raises(
        UserError, match=r"did not answer in 2 attempts, .* the reply has 1 entries"
    ):
        send(desk_of(book, spy, QUICK._replace(attempts=5, price=1.0)), some_images(2))
    assert len(spy.calls) == 2
    assert (book.adrift("run"), book.spent("run")) == (4, 4.0)


def test_a_useless_reply_may_be_a_slip(book: ledger.Ledger) -> None:
    desk = desk_of(book, Scripted(useless), QUICK)
    send(desk, some_images(2))
    assert np.array_equal(client.recall(desk, [some_images(2)]), truth(some_images(2)))


def test_of_a_partly_bad_reply_the_rest_is_kept_and_never_asked_again(book: ledger.Ledger) -> None:
    def partly(images: np.ndarray) -> object:
        rows = truth(images)
        rows[1] = np.nan
        raise PartlyAnswered("the label 'lamp' is no class", rows)

    spy = Scripted(partly)
    with pytest.raises(UserError, match="the label 'lamp' is no class"):
        send(desk_of(book, spy, QUICK), some_images(4))
    assert states(book) == [("answered", 4, 3)]
    desk = desk_of(book, spy, QUICK)
    send(desk, some_images(4))
    assert np.array_equal(client.recall(desk, [some_images(4)]), truth(some_images(4)))
    assert spy.calls[1:] == [[some_images(4)[1].tobytes()]]


def test_one_attempt_is_no_second(book: ledger.Ledger) -> None:
    spy = Scripted(busy)
    with pytest.raises(UserError, match="did not answer"):
        send(desk_of(book, spy, QUICK._replace(attempts=1)), some_images(2))
    assert len(spy.calls) == 1


def test_waits_double_up_to_the_longest(
    book: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = desk_of(book, Scripted(*[busy] * 5), Terms(attempts=6, first_wait=1, longest_wait=6))
    post, waits = desk.post(), []
    monkeypatch.setattr(
        post.pace, "wait", lambda seconds: waits.append(seconds) if seconds else None
    )
    send(desk, some_images(1), post)
    for waited, base in zip(waits, [1, 2, 4, 6, 6], strict=True):
        assert base <= waited <= min(base + 1, 6)  # jitter


def test_a_wait_that_the_service_asks_for_counts(
    book: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is the longer one; even beyond the longest of one's own."""

    def asks(seconds: float) -> Step:
        def fault(images: np.ndarray) -> object:
            raise Unanswered("HTTP 429", billed=False, after=seconds)

        return fault

    desk = desk_of(
        book, Scripted(asks(90), asks(0.5), asks(0)), Terms(first_wait=1, longest_wait=6)
    )
    post, waits, holds = desk.post(), [], []
    monkeypatch.setattr(
        post.pace, "wait", lambda seconds: waits.append(seconds) if seconds else None
    )
    monkeypatch.setattr(post.pace, "hold", holds.append)
    send(desk, some_images(1), post)
    assert waits[0] == 90
    assert 2 <= waits[1] <= 3
    assert 4 <= waits[2] <= 5
    assert holds == [90, 0.5]


def test_a_refusal_is_final_and_free(book: ledger.Ledger) -> None:
    spy = Scripted(refuse)
    with pytest.raises(Refused, match="HTTP 401; check the key"):
        send(desk_of(book, spy, QUICK._replace(price=1.0)), some_images(2))
    assert len(spy.calls) == 1
    assert states(book) == [("refused", 2, 0)]
    assert (book.adrift("run"), book.spent("run"), pending(book)) == (0, 0.0, 0)


def test_a_teachers_own_error_is_passed_on_and_may_be_billed(book: ledger.Ledger) -> None:
    spy = Scripted(complain)
    with pytest.raises(UserError) as caught:
        send(desk_of(book, spy, QUICK._replace(price=1.0)), some_images(2))
    assert str(caught.value) == "config.teacher.url: garbled; mend it"
    assert len(spy.calls) == 1
    assert states(book) == [("lost", 2, 0)]
    assert (book.adrift("run"), book.spent("run"), pending(book)) == (2, 2.0, 0)


def test_any_exception_is_explained_and_may_be_billed(book: ledger.Ledger) -> None:
    spy = Scripted(crash)
    with pytest.raises(UserError) as caught:
        send(desk_of(book, spy), some_images(2))
    assert "teacher spy failed on 2 images: ZeroDivisionError: oh." in str(caught.value)
    assert f"kept in {book.path}; mend the teacher and run the same command" in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert len(spy.calls) == 1
    assert states(book) == [("lost", 2, 0)]
    assert (book.adrift("run"), pending(book)) == (2, 0)


def test_good_rows_of_a_batch_with_a_bad_one_are_kept(book: ledger.Ledger) -> None:
    spy = Scripted(one_bad_row)
    with pytest.raises(answers.BadAnswer, match="spy answered NaN or infinity"):
        send(desk_of(book, spy, QUICK._replace(price=1.0)), some_images(5))
    assert states(book) == [("answered", 5, 4)]
    assert (book.spent("run"), book.count("run", DISTILL), pending(book)) == (5.0, 4, 0)
    kept = book.find(book.teacher("spy"), [image_digest(image) for image in some_images(5)])
    for place, image in enumerate(some_images(5)):
        assert (image_digest(image) in kept) == (place != 2)
        if place != 2:
            assert np.array_equal(kept[image_digest(image)], truth(image[None])[0])
    send(desk_of(book, spy), some_images(5))
    assert spy.sizes == [5, 1]


def test_a_batch_of_garbage_only_is_paid_for_too(book: ledger.Ledger) -> None:
    spy = Scripted(one_bad_row)
    with pytest.raises(answers.BadAnswer):
        send(desk_of(book, spy, QUICK._replace(price=1.0)), some_images(1))
    assert states(book) == [("answered", 1, 0)]
    assert (book.spent("run"), book.count("run", DISTILL), pending(book)) == (1.0, 0, 0)


@pytest.mark.parametrize("fault", [more_classes, too_few])
def test_an_answer_of_a_wrong_shape_may_be_billed(book: ledger.Ledger, fault: Step) -> None:
    with pytest.raises(answers.BadAnswer, match="spy answered shape"):
        send(desk_of(book, Scripted(fault), QUICK._replace(price=1.0)), some_images(3))
    assert states(book) == [("lost", 3, 0)]
    assert (book.adrift("run"), book.spent("run"), pending(book)) == (3, 3.0, 0)
    assert found(book, some_images(3)) == 0


def test_raw_scores_are_kept_whatever_they_are_read_as(book: ledger.Ledger) -> None:
    logits = np.float32([[1, 2, 3, -4]])
    desk = desk_of(book, lambda images: logits)._replace(form=Form("logits", temperature=2))
    told = ask(desk, some_images(1))
    assert (
        book.find(1, [image_digest(some_images(1)[0])]).popitem()[1].tobytes() == logits.tobytes()
    )
    odds = np.exp([0.5, 1, 1.5, -2])
    assert told[0].tolist() == pytest.approx(odds / odds.sum(), abs=1e-6)
    hotter = desk._replace(form=Form("label"))
    assert ask(hotter, some_images(1)).tolist() == [[0, 0, 1, 0]]
    assert len(states(book)) == 1


# Money.


def test_a_run_spends_its_limit_to_the_last_coin(book: ledger.Ledger) -> None:
    spy = Scripted()
    terms = QUICK._replace(price=0.1, currency="EUR", max_cost=0.9)
    with pytest.raises(
        UserError, match=r"config\.teacher\.max_cost=0\.9: 0\.9 EUR are spent.* 2 images cost 0\.2"
    ):
        ask(desk_of(book, spy, terms), some_images(11))  # 1 + 4 + 4, and 2 that are too many
    assert spy.sizes == [1, 4, 4]
    assert book.spent("run") == pytest.approx(0.9)
    told = ask(desk_of(book, spy, terms._replace(max_cost=1.1)), some_images(11))
    assert np.array_equal(told, truth(some_images(11)))
    assert spy.sizes[3:] == [1, 1]
    assert len(set(spy.seen)) == 11


def test_what_may_have_been_billed_counts_and_what_was_not_does_not(book: ledger.Ledger) -> None:
    terms = QUICK._replace(price=1.0, max_cost=7.0)
    spy = Scripted(busy, truth, busy, busy, lost)
    with pytest.raises(
        UserError, match=r"max_cost=7: 5 .*are spent, and the next 4 images cost 4 more"
    ):
        ask(desk_of(book, spy, terms), some_images(5))
    assert spy.sizes == [1, 1, 4, 4, 4]
    assert book.spent("run") == spy.billed == 5
    assert book.adrift("run") == 4


def test_threads_together_keep_the_limit(book: ledger.Ledger) -> None:
    spy = Scripted(pause=0.01)
    terms = QUICK._replace(in_flight=4, price=0.1, max_cost=1.3)
    with pytest.raises(UserError, match="max_cost"):
        ask(desk_of(book, spy, terms, batch=2), some_images(40))
    assert spy.sizes == [1, *[2] * 6]  # 1.3 exactly
    assert sum(spy.answered.values()) == found(book, some_images(40)) == 13


def test_without_a_limit_or_a_price_nothing_is_refused(book: ledger.Ledger) -> None:
    ask(desk_of(book, Scripted(), QUICK._replace(price=1e9)), some_images(5))
    ask(
        desk_of(book, Scripted(), QUICK._replace(max_cost=0.01), run="other"),
        some_images(5, first=9),
    )
    assert book.spent("run") == 5e9
    assert book.spent("other") == 0


# Pace.


def test_a_pause_holds_every_thread(book: ledger.Ledger) -> None:
    """Three are in flight; one is told to wait, and nobody sends before that time has passed."""
    all_here = threading.Barrier(3, timeout=10)
    told: list[float] = []

    def slow(images: np.ndarray) -> np.ndarray:
        all_here.wait()
        time.sleep(0.1)
        return truth(images)

    def hold(images: np.ndarray) -> np.ndarray:
        all_here.wait()
        told.append(time.monotonic())
        raise Unanswered("HTTP 429", billed=False, after=0.4)

    spy = Scripted(truth, hold, slow, slow)
    images = some_images(30)
    assert np.array_equal(
        ask(desk_of(book, spy, QUICK._replace(in_flight=3), batch=2), images), truth(images)
    )
    assert len(spy.calls) == 1 + 15 + 1
    assert min(spy.begun[4:]) >= told[0] + 0.4
    assert max(spy.answered.values()) == 1


def test_requests_keep_the_rate(book: ledger.Ledger) -> None:
    spy = Scripted()
    start = time.monotonic()
    ask(desk_of(book, spy, QUICK._replace(in_flight=4, rate=20.0), batch=1), some_images(8))
    assert len(spy.calls) == 8
    assert time.monotonic() - start >= 7 / 20


# Stopping.


class Stop(Exception):
    """What progress raises."""


def seconds_to_stop(
    book: ledger.Ledger, spy: Scripted, terms: Terms, images: np.ndarray, batch: int = 2
) -> float:
    """Seconds that a stop takes, once the teacher is called three times."""
    stopped = []

    def progress(step: int) -> None:
        if len(spy.calls) >= 3:
            stopped.append(time.monotonic())
            raise Stop

    with pytest.raises(Stop):
        ask(desk_of(book, spy, terms, batch), images, progress)
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
        ask(desk_of(book, spy, QUICK._replace(in_flight=count)), some_images(100), progress)
    assert spy.sizes == [1, *[4] * count]
    assert states(book) == [("answered", 1, 1), *[("answered", 4, 4)] * count]
    assert book.count("run", DISTILL) == 1 + 4 * count
    assert pending(book) == book.adrift("run") == 0
    again = Scripted()
    assert np.array_equal(ask(desk_of(book, again), some_images(100)), truth(some_images(100)))
    assert sum(again.sizes) == 99 - 4 * count


def test_a_stop_after_a_batch_awaits_the_others_too(book: ledger.Ledger) -> None:
    """It may come from where the caller counts answers, not only from where it waits for them."""
    spy = Scripted(truth, truth, *[lambda images: time.sleep(0.2) or truth(images)] * 100)

    def progress(step: int) -> None:
        if step == 4:
            raise Stop

    with pytest.raises(Stop):
        ask(desk_of(book, spy, QUICK._replace(in_flight=3)), some_images(100), progress)
    assert spy.flying == 0
    assert {state for state, *_ in states(book)} == {"answered"}
    assert book.count("run", DISTILL) == sum(spy.sizes) == sum(spy.answered.values())
    assert len(spy.calls) <= 1 + 3


def test_a_stop_does_not_wait_for_the_next_attempt(book: ledger.Ledger) -> None:
    spy = Scripted(truth, *[busy] * 100)
    assert (
        seconds_to_stop(
            book, spy, Terms(in_flight=2, first_wait=1000, longest_wait=1000), some_images(30)
        )
        < 5
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
        ask(desk_of(book, spy, QUICK._replace(rate=0.001)), some_images(9), progress)
    assert time.monotonic() - start < 5
    assert spy.sizes == [1]


def test_a_stop_does_not_wait_for_another_run(book: ledger.Ledger) -> None:
    other = desk_of(book, Scripted(), run="other")
    book.send(other.purse(DISTILL, 0), [image_digest(image) for image in some_images(9)])
    spy, looks = Scripted(), []

    def progress(step: int) -> None:
        looks.append(step)
        if len(looks) > 2:
            raise Stop

    start = time.monotonic()
    with pytest.raises(Stop):
        ask(desk_of(book, spy), some_images(9), progress)
    assert time.monotonic() - start < 5
    assert spy.calls == []


def test_nothing_is_sent_once_the_run_stops(book: ledger.Ledger) -> None:
    """Not by a thread that had not begun yet, either."""
    spy = Scripted()
    desk = desk_of(book, spy)
    post = desk.post()
    post.pace.halt()
    with pytest.raises(Halted):
        send(desk, some_images(3), post)
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
        ask(desk_of(book, spy, QUICK._replace(in_flight=3)), some_images(60))
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
            desk_of(book, spy, Terms(in_flight=2, first_wait=1000, longest_wait=1000)),
            some_images(9),
        )
    assert time.monotonic() - start < 5
    assert sorted(states(book)) == [("answered", 1, 1), ("lost", 4, 0), ("refused", 4, 0)]


def test_the_number_of_classes_may_not_change(book: ledger.Ledger) -> None:
    spy = Scripted(truth, truth, more_classes)
    with pytest.raises(
        answers.BadAnswer, match=r"shape \(4, 5\) instead of \(4, 4\).*number of classes"
    ):
        ask(desk_of(book, spy), some_images(20))
    assert states(book) == [("answered", 1, 1), ("answered", 4, 4), ("lost", 4, 0)]
    assert np.array_equal(ask(desk_of(book, spy), some_images(20)), truth(some_images(20)))


# Two runs at one ledger.


def test_two_runs_send_every_image_once_in_all(tmp_path: Path) -> None:
    spy, images = Scripted(pause=0.03), some_images(24)

    def run(name: str) -> np.ndarray:
        own = ledger.Ledger(tmp_path / "ledger.sqlite")
        try:
            order = images if name == "one" else images[::-1]
            told = ask(desk_of(own, spy, QUICK._replace(in_flight=2), batch=5, run=name), order)
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
    purse = desk_of(theirs, truth, run="other").purse(DISTILL, 0)
    rows = np.float32([[0.25] * 4, [0.5, 0.5, 0, 0]])
    held = [image_digest(image) for image in some_images(5)[1:3]]
    sent = theirs.send(purse, held)
    spy = Scripted()
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, desk_of(mine, spy), some_images(5))
        assert not futures.wait([waiting], 0.3).done
        assert spy.calls == [[image.tobytes() for image in some_images(5)[[0, 3, 4]]]]
        theirs.answered(purse, sent.batch, held, rows)
        waiting.result(timeout=10)
    assert len(spy.calls) == 1
    known = mine.find(purse.teacher, held)
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
    sent = theirs.send(
        desk_of(theirs, truth, run="other").purse(DISTILL, 0), [image_digest(some_images(1)[0])]
    )
    spy = Scripted()
    with futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(send, desk_of(mine, spy), some_images(1))
        assert not futures.wait([waiting], 0.1).done
        theirs.unanswered(sent.batch, billed)
        waiting.result(timeout=10)
    assert spy.sizes == [1]
    mine.close()
    theirs.close()


def test_the_survivor_sends_what_a_dead_run_had_in_flight(tmp_path: Path) -> None:
    """But not before the dead run's calls have surely ended."""
    images, patience = some_images(9), 0.7
    dead = ledger.Ledger(tmp_path / "ledger.sqlite")
    desk = desk_of(dead, truth, run="dead", patience=patience)
    start = time.monotonic()
    dead.send(desk.purse(DISTILL, 0), [image_digest(image) for image in images[2:5]])
    dead.close()

    book, spy = ledger.Ledger(tmp_path / "ledger.sqlite"), Scripted()
    assert np.array_equal(ask(desk_of(book, spy), images), truth(images))
    assert sorted(spy.seen) == sorted(image.tobytes() for image in images)
    orphans = {image.tobytes() for image in images[2:5]}
    for call, begun in zip(spy.calls, spy.begun, strict=True):
        assert begun >= start + patience or not orphans & set(call)
    assert (book.adrift("dead"), book.adrift("run")) == (3, 0)
    assert book.begin("dead", "", "") == 3  # it comes back, and finds the answers
    assert np.array_equal(ask(desk._replace(ledger=book), images), truth(images))
    assert pending(book) == 0
    book.close()


def test_a_run_that_comes_back_does_not_wait_for_itself(book: ledger.Ledger) -> None:
    desk = desk_of(book, Scripted())
    book.send(desk.purse(DISTILL, 0), [image_digest(image) for image in some_images(3)])
    start = time.monotonic()
    send(desk, some_images(3))
    assert time.monotonic() - start < 5
    assert found(book, some_images(3)) == 3


# Anything may happen.


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
    assert book.adrift("run") == sum(images for state, images, _ in rows if state == "lost")
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
    terms = Terms(in_flight, attempts=attempts, first_wait=0.001, longest_wait=0.002, price=0.5)
    spy, sound = Scripted(*script), Scripted()
    with tempfile.TemporaryDirectory() as folder:
        book = ledger.Ledger(Path(folder) / "ledger.sqlite")
        desk = desk_of(book, spy, terms, batch)._replace(budget=count)
        try:
            assert np.array_equal(ask(desk, images), truth(images))
            assert not {refuse, complain, crash, one_bad_row, more_classes, too_few} & set(
                script[: len(spy.calls)]
            )
        except UserError:
            assert set(FAULTS) & set(script[: len(spy.calls)])
        check_books(book, [spy], count)

        again = desk._replace(teacher=desk.teacher._replace(ask=sound))
        assert np.array_equal(ask(again, images), truth(images))
        assert not set(spy.answered) & set(sound.answered)
        check_books(book, [spy, sound], count)
        assert max(spy.most, sound.most) <= in_flight
        assert all(size <= batch for size in spy.sizes + sound.sizes)
        book.close()
