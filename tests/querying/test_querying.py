"""Asking: every image is paid for once, never beyond the budget."""

import dataclasses
import tempfile
import threading
import time
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from amkd import ledger, teachers
from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.querying import client
from amkd.querying.client import DISTILL, EVALUATE
from amkd.querying.request_policy import RequestPolicy
from tests.support.scripted_teacher import CLASSES, some_images, truth
from tests.support.spy import Spy, ask, client_of

# What is sent.


def test_answers_are_the_teachers(book: ledger.Ledger) -> None:
    images = some_images(30)
    answers = ask(client_of(book, Spy()), images)
    assert answers.dtype == np.float32
    assert np.array_equal(answers, truth(images))


def test_an_image_that_occurs_twice_is_sent_once(book: ledger.Ledger) -> None:
    spy = Spy()
    images = some_images(10)[[3, 3, 0, 9, 0, 3, 1]]
    answers = ask(client_of(book, spy), images)
    assert spy.sent(some_images(10)[[0, 1, 3, 9]])
    assert np.array_equal(answers, truth(images))
    assert book.count("run", DISTILL) == 4


def test_a_second_ask_sends_nothing(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy)
    first = ask(query_client, some_images(12))
    calls = len(spy.calls)
    assert np.array_equal(ask(query_client, some_images(12)[::-1]), first[::-1])
    assert len(spy.calls) == calls
    assert book.count("run", DISTILL) == 12


def test_only_what_is_new_is_sent(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy)
    ask(query_client, some_images(5))
    ask(query_client, some_images(9))
    assert spy.sent(some_images(9))


def test_another_run_uses_what_was_paid_for(book: ledger.Ledger) -> None:
    spy = Spy()
    ask(client_of(book, spy, run="first"), some_images(6))
    again = Spy()
    answers = ask(client_of(book, again, run="second"), some_images(8))
    assert again.sent(some_images(2, first=6))
    assert np.array_equal(answers, truth(some_images(8)))
    assert book.count("second", DISTILL) == 8
    assert book.count("second", DISTILL, paid_only=True) == 2


def test_another_teacher_is_asked_anew(book: ledger.Ledger) -> None:
    ask(client_of(book, Spy()), some_images(4))
    spy = Spy(lambda images: np.full((len(images), CLASSES), 0.25))
    query_client = client_of(book, spy, teacher=teachers.Teacher("another", spy))
    assert np.all(ask(query_client, some_images(4)) == 0.25)
    assert sum(spy.sizes) == 4


def test_the_very_first_batch_is_one_image(book: ledger.Ledger) -> None:
    spy = Spy()
    ask(client_of(book, spy, batch=8), some_images(20))
    assert spy.sizes == [1, 8, 8, 3]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (2, [1, 1]), (9, [1, 8]), (10, [1, 8, 1])])
def test_batches_cover_every_image(book: ledger.Ledger, count: int, sizes: list[int]) -> None:
    spy = Spy()
    ask(client_of(book, spy, batch=8), some_images(count))
    assert spy.sizes == sizes
    assert spy.sent(some_images(count))


def test_progress_counts_every_image_and_may_stop(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy, batch=4)
    ask(query_client, some_images(3))
    told: list[int] = []
    client.ask(query_client, some_images(10), DISTILL, round_=0, progress=told.append)
    assert [step for step in told if step] == [3, 1, 4, 2]

    def stop(answered: int) -> None:
        if answered == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.ask(query_client, some_images(20, first=100), DISTILL, round_=0, progress=stop)
    assert spy.sizes[-2:] == [1, 4]
    ask(query_client, some_images(20, first=100))  # what was answered before the stop was kept
    assert len(spy.seen) == len(set(spy.seen)) == 30


# The budget.


def test_the_budget_is_checked_before_anything_is_sent(book: ledger.Ledger) -> None:
    spy = Spy()
    with pytest.raises(UserError, match=r"config\.budget=7.* 8") as caught:
        ask(client_of(book, spy, budget=7), some_images(8))
    assert "nothing was sent" in str(caught.value)
    assert spy.calls == []
    assert book.count("run", DISTILL) == 0


def test_the_budget_holds_for_the_whole_run(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy, budget=10)
    ask(query_client, some_images(6))
    with pytest.raises(UserError, match=r"config\.budget=10.* 11"):
        ask(query_client, some_images(5, first=6))
    assert sum(spy.sizes) == 6
    ask(query_client, some_images(10))  # exactly the budget
    assert sum(spy.sizes) == 10
    ask(query_client, some_images(10))
    with pytest.raises(UserError, match=r"config\.budget=10"):
        ask(query_client, some_images(1, first=10))
    assert sum(spy.sizes) == 10


def test_duplicates_do_not_use_up_the_budget(book: ledger.Ledger) -> None:
    images = some_images(3)[[0, 1, 2, 0, 1, 2, 2]]
    assert np.array_equal(ask(client_of(book, Spy(), budget=3), images), truth(images))


def test_answers_found_in_the_ledger_use_the_budget_too(book: ledger.Ledger) -> None:
    """A result of B queries is one of B queries, whoever paid for them."""
    ask(client_of(book, Spy(), run="rich"), some_images(10))
    spy = Spy()
    with pytest.raises(UserError, match=r"config\.budget=9"):
        ask(client_of(book, spy, budget=9, run="poor"), some_images(10))
    assert spy.calls == []


def test_every_run_has_its_own_budget(book: ledger.Ledger) -> None:
    for run in ("one", "two"):
        ask(client_of(book, Spy(), budget=5, run=run), some_images(5))
    assert book.count("one", DISTILL) == book.count("two", DISTILL) == 5


def test_evaluation_is_counted_apart(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy, budget=5)
    ask(query_client, some_images(30, first=100), EVALUATE)
    ask(query_client, some_images(5))
    ask(query_client, some_images(10, first=200), EVALUATE)
    assert book.count("run", EVALUATE) == 40
    assert book.count("run", DISTILL) == 5
    with pytest.raises(UserError, match=r"config\.budget=5"):
        ask(
            query_client, some_images(1, first=100)
        )  # evaluated, and yet to be used for distillation
    assert sum(spy.sizes) == 45


# What the ledger holds.


def test_recall_never_asks(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy)
    ask(query_client, some_images(9))
    calls = len(spy.calls)
    images = some_images(9)[[8, 0, 0, 4]]
    assert np.array_equal(client.recall(query_client, [images]), truth(images))
    assert len(spy.calls) == calls


def test_recall_complains_of_what_is_lost(book: ledger.Ledger) -> None:
    spy = Spy()
    query_client = client_of(book, spy)
    ask(query_client, some_images(9))
    calls = len(spy.calls)
    with pytest.raises(UserError, match=r"2 answers of spy.*config\.ledger\.path") as caught:
        client.recall(query_client, [some_images(11)])
    assert str(book.path) in str(caught.value)
    assert len(spy.calls) == calls


@pytest.mark.parametrize("way", ["ask", "recall"])
def test_known_answers_of_other_classes_are_refused(book: ledger.Ledger, way: str) -> None:
    ask(client_of(book, Spy()), some_images(3))
    spy = Spy()
    query_client = dataclasses.replace(client_of(book, spy), classes=10)
    with pytest.raises(UserError, match="10 classes") as caught:
        ask(query_client, some_images(3)) if way == "ask" else client.recall(
            query_client, [some_images(3)]
        )
    assert str(book.path) in str(caught.value)
    assert spy.calls == []


def test_answers_are_those_that_the_ledger_keeps(tmp_path: Path) -> None:
    """A call that outlasts its patience is given up by another run: both go on with the answer that
    is kept.
    """
    path = tmp_path / "ledger.sqlite"
    mine, other = ledger.Ledger(path), ledger.Ledger(path)
    quick = client_of(other, Spy(), run="other")

    def slow(images: np.ndarray) -> np.ndarray:
        ask(quick, images)  # meanwhile, the other run asks the same, and keeps its answer first
        return np.full((len(images), CLASSES), 0.25, np.float32)

    query_client = dataclasses.replace(
        client_of(mine, Spy()), teacher=teachers.Teacher("spy", slow, patience=0.0)
    )
    answers = ask(query_client, some_images(3))
    assert np.array_equal(answers, truth(some_images(3)))
    assert np.array_equal(answers, client.recall(query_client, [some_images(3)]))
    for run in ("run", "other"):
        assert mine.count(run, DISTILL, paid_only=True) == 3
    mine.close()
    other.close()


@pytest.mark.parametrize(
    ("classes", "said"), [(CLASSES, "does not fit the earlier answers"), (7, "4 classes")]
)
def test_what_another_run_keeps_meanwhile_is_checked_too(
    book: ledger.Ledger, classes: int, said: str
) -> None:
    images = some_images(6)

    def top(part: np.ndarray) -> np.ndarray:
        return np.where(np.arange(classes) == 1, 0.5, np.full((len(part), 1), np.nan))

    def first(part: np.ndarray) -> np.ndarray:
        """While this run's first image is on its way, another run asks for the rest."""
        other = client_of(book, Spy(top), run="other")
        ask(dataclasses.replace(other, classes=classes, form=Form("top_k")), images[1:])
        return truth(part)

    spy = Spy(first)
    with pytest.raises(UserError, match=said):
        ask(client_of(book, spy), images)
    assert spy.sent(images[:1])


# Several requests at once.


def at_once(in_flight: int) -> RequestPolicy:
    return RequestPolicy(in_flight=in_flight)


@pytest.mark.parametrize("in_flight", [1, 4])
def test_answers_do_not_depend_on_how_many_are_in_flight(
    book: ledger.Ledger, in_flight: int
) -> None:
    """Nor on the order in which they come."""
    images = some_images(41)[np.random.default_rng(0).integers(0, 41, 60)]

    def uneven(part: np.ndarray) -> np.ndarray:
        time.sleep(0.001 * (int(part[0, 0, 0, 0]) * 7 % 5))
        return truth(part)

    spy, told = Spy(uneven), []
    query_client = client_of(book, spy, batch=3, policy=at_once(in_flight))
    assert np.array_equal(
        client.ask(query_client, images, DISTILL, round_=0, progress=told.append), truth(images)
    )
    distinct = np.unique(images, axis=0)
    assert spy.sent(distinct)
    assert sum(told) == 60
    assert book.count("run", DISTILL) == len(distinct)


@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_as_many_are_in_flight_as_may_be_and_no_more(book: ledger.Ledger, in_flight: int) -> None:
    """All but the first, which goes alone."""
    together, lock, counts = threading.Barrier(in_flight, timeout=10), threading.Lock(), [0]

    def meet(part: np.ndarray) -> np.ndarray:
        with lock:
            alone = len(spy.calls) == 1
            counts.append(counts[-1] + 1)
        if not alone:
            together.wait()  # breaks if fewer ever meet here
        time.sleep(0.05)  # for one too many to come
        with lock:
            counts.append(counts[-1] - 1)
        return truth(part)

    spy = Spy(meet)
    images = some_images(1 + 2 * 3 * in_flight)
    assert np.array_equal(
        ask(client_of(book, spy, batch=2, policy=at_once(in_flight)), images), truth(images)
    )
    assert counts[:3] == [0, 1, 0]
    assert max(counts) == in_flight
    assert spy.sent(images)


@hypothesis.settings(max_examples=40, deadline=None)
@hypothesis.given(
    asks=st.lists(
        st.tuples(
            st.lists(st.integers(0, 14), min_size=1, max_size=12),
            st.sampled_from([DISTILL, EVALUATE]),
        ),
        max_size=5,
    ),
    batch=st.integers(1, 5),
    in_flight=st.integers(1, 4),
)
def test_each_distinct_image_is_sent_once(
    asks: list[tuple[list[int], str]], batch: int, in_flight: int
) -> None:
    spy, pool = Spy(), some_images(15)
    with tempfile.TemporaryDirectory() as folder:
        book = ledger.Ledger(Path(folder) / "ledger.sqlite")
        query_client = client_of(book, spy, budget=15, batch=batch, policy=at_once(in_flight))
        for places, purpose in asks:
            assert np.array_equal(ask(query_client, pool[places], purpose), truth(pool[places]))
        distinct = {place for places, _ in asks for place in places}
        assert spy.sent(pool[sorted(distinct)])
        for purpose in (DISTILL, EVALUATE):
            used = {place for places, kind in asks if kind == purpose for place in places}
            assert book.count("run", purpose) == len(used)
        book.close()
    assert all(size <= batch for size in spy.sizes)
