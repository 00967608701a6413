"""The sentinel: known images are asked about again, and replies that were swapped are found."""

import dataclasses
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from amkd import ledger
from amkd.core.errors import TeacherFailed
from amkd.ledger import reader, verify
from amkd.querying import client, sentinel
from amkd.querying.client import DISTILL, SENTINEL
from tests.support import asking
from tests.support.faulty_server import FaultyServer
from tests.support.scripted_teacher import (
    QUICK,
    Scripted,
    ask,
    client_of,
    complain,
    some_images,
    truth,
)

EVERY_2 = QUICK._replace(sentinel=2, price=0.5, currency="EUR")


def is_sound(book: ledger.Ledger) -> bool:
    with reader.open_read_only(book.path) as db:
        return not any(check.faults for check in verify.checks(db))


def batches(book: ledger.Ledger) -> list[tuple[str, int]]:
    """Purpose and images of every batch, in the order of sending."""
    return book.rows("SELECT purpose, images FROM batch ORDER BY id")


def charge_of(book: ledger.Ledger) -> ledger.Charge:
    return client_of(book, Scripted()).charge(DISTILL, 0)


@pytest.mark.parametrize(
    ("images", "batch", "every", "wanted"),
    [
        (0, 4, 2, 0),
        (17, 4, 0, 0),
        (1, 4, 1, 1),
        (17, 4, 1, 5),  # 1 + 4 + 4 + 4 + 4
        (17, 4, 2, 3),
        (18, 4, 2, 3),
        (17, 4, 9, 1),
    ],
)
def test_count_by_hand(images: int, batch: int, every: int, wanted: int) -> None:
    assert sentinel.count(images, batch, every) == wanted


def test_it_is_off_by_default(book: ledger.Ledger) -> None:
    spy = Scripted()
    ask(client_of(book, spy), some_images(17))
    assert spy.sizes == [1, 4, 4, 4, 4]


def test_known_images_are_asked_about_again(book: ledger.Ledger) -> None:
    """After two batches, after two more, and after the last; each time about another image."""
    spy = Scripted()
    found = ask(client_of(book, spy, EVERY_2), some_images(17))
    assert np.array_equal(found, truth(some_images(17)))
    assert spy.sizes == [1, 4, 1, 4, 4, 1, 4, 1]
    again = [spy.calls[place][0] for place in (2, 5, 7)]
    assert len(set(again)) == 3
    for place, image in zip((2, 5, 7), again, strict=True):
        assert image in [one for call in spy.calls[:place] for one in call]
    assert (book.count("run", DISTILL), book.count("run", SENTINEL)) == (17, 3)
    assert book.spent("run") == 10.0
    assert is_sound(book)


def test_money_ends_the_round_with_or_without_a_check(book: ledger.Ledger) -> None:
    """Of 8 images that can be paid for, one goes to the sentinel."""
    spy = Scripted()
    with pytest.raises(ledger.OutOfMoney):
        ask(client_of(book, spy, EVERY_2._replace(max_cost=4.0)), some_images(17))
    assert spy.billed == 8 and book.spent("run") == 4.0
    assert is_sound(book)


class Late:
    """A service behind a proxy that is one reply behind: each call gets the reply before it.

    From the call ``first`` on, as far as their sizes are equal, as batches' are.
    """

    def __init__(self, first: int) -> None:
        self.first, self.lock = first, threading.Lock()
        self.calls: list[np.ndarray] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with self.lock:
            self.calls.append(images.copy())
            earlier = [one for one in self.calls[:-1] if len(one) == len(images)]
            behind = len(self.calls) > self.first and bool(earlier)
            return truth(earlier[-1] if behind else images)


def test_swapped_replies_stop_the_run(book: ledger.Ledger) -> None:
    """Batches 1, 2 (check: 3), 4, 5 (check: 6): the second check finds what began with batch 4."""
    service = Late(first=3)
    asks = client_of(book, service, EVERY_2)
    images = some_images(17)
    with pytest.raises(TeacherFailed) as caught:
        ask(asks, images)
    said = str(caught.value)
    assert "sentinel=2" in said and "batches 4 to 5 of the ledger" in said
    assert "these 8 answers are set aside" in said and "fresh_connections=True" in said
    assert "sends these 8 images again" in said and "config.teacher.sentinel=0" in said
    assert batches(book) == [
        *(("distill", 1), ("distill", 4), ("sentinel", 1)),
        *(("set aside", 4), ("set aside", 4), ("sentinel", 1)),
    ]
    assert book.count("run", DISTILL) == 5 and book.count("run", SENTINEL) == 2
    assert book.spent("run") == 7.5  # all that was sent
    assert is_sound(book)
    # The proxy is mended: the same command asks about the suspects, and about what is left.
    spy = Scripted()
    found = ask(client_of(book, spy, EVERY_2), images)
    assert np.array_equal(found, truth(images))
    assert spy.sizes == [1, 4, 1, 4, 3, 1]  # 12 images, and two checks
    assert book.count("run", DISTILL) == 17
    assert is_sound(book)


def stop_after(calls: int) -> Scripted:
    """A teacher that answers so many requests, and then fails."""
    return Scripted(*[truth] * calls, complain)


def test_a_restart_checks_what_the_earlier_start_left_unchecked(book: ledger.Ledger) -> None:
    """Stopped after 3 batches, 1 of them unchecked: with the next batch, a check is due."""
    images = some_images(17)
    with pytest.raises(TeacherFailed):
        ask(client_of(book, stop_after(4), EVERY_2), images)  # 1 + 4, a check, and 4
    assert [size for _, size in batches(book)] == [1, 4, 1, 4, 4]  # the last one failed
    assert list(book.unchecked(charge_of(book))) == [4]
    spy = Scripted()
    ask(client_of(book, spy, EVERY_2), images)
    assert spy.sizes == [1, 1, 4, 3, 1]  # a check after the first one
    assert is_sound(book)


def test_a_restart_with_no_image_to_send_checks_too(book: ledger.Ledger) -> None:
    images = some_images(17)
    ask(client_of(book, Scripted()), images)  # without a sentinel
    assert list(book.unchecked(charge_of(book))) == [1, 2, 3, 4, 5]
    spy = Scripted()
    ask(client_of(book, spy, EVERY_2), images)
    ask(client_of(book, spy, EVERY_2), images)  # nothing is left to check
    assert spy.sizes == [1]
    assert is_sound(book)


def test_a_restart_without_money_for_a_check_uses_the_answers(book: ledger.Ledger) -> None:
    images = some_images(17)
    ask(client_of(book, Scripted(), QUICK._replace(price=0.5, currency="EUR")), images)
    spy = Scripted()
    found = ask(client_of(book, spy, EVERY_2._replace(max_cost=8.5)), images)
    assert np.array_equal(found, truth(images)) and not spy.sizes


def test_swapped_replies_of_an_earlier_start_are_found(book: ledger.Ledger) -> None:
    """Batches 2 to 5 got the replies of other requests; all unchecked answers are set aside."""
    images = some_images(17)

    def swapped(asked: np.ndarray) -> np.ndarray:
        return truth(255 - asked)

    ask(client_of(book, Scripted(truth, *[swapped] * 4)), images)
    with pytest.raises(TeacherFailed, match=r"batches 1 to 5 .* these 17 answers are set aside"):
        ask(client_of(book, Scripted(), EVERY_2), images)
    assert book.count("run", DISTILL) == 0
    assert is_sound(book)
    found = ask(client_of(book, Scripted(), EVERY_2), images)
    assert np.array_equal(found, truth(images))
    assert is_sound(book)


def test_a_check_of_one_account_hides_no_batch_of_another(book: ledger.Ledger) -> None:
    """The evaluation images come first when a run resumes, and have checks of their own."""
    images, others = some_images(17), some_images(17, 100)

    def swapped(asked: np.ndarray) -> np.ndarray:
        return truth(255 - asked)

    def evaluate(asks: client.QueryClient) -> None:
        client.ask(asks, others, client.EVALUATE, round_=0, progress=lambda _: None)

    evaluate(client_of(book, Scripted()))
    ask(client_of(book, Scripted(truth, *[swapped] * 4)), images)
    spy = Scripted()
    evaluate(client_of(book, spy, EVERY_2))
    assert spy.sizes == [1] and list(book.unchecked(charge_of(book))) == [6, 7, 8, 9, 10]
    with pytest.raises(TeacherFailed, match="these 17 answers are set aside"):
        ask(client_of(book, Scripted(), EVERY_2), images)
    assert is_sound(book)


def test_suspects_are_set_aside_before_the_requests_in_flight_have_ended(
    book: ledger.Ledger,
) -> None:
    """A second interrupt may end the process while they are awaited."""
    images, asks = some_images(5), client_of(book, Scripted(), EVERY_2)
    ask(client_of(book, Scripted(*[lambda asked: truth(255 - asked)] * 2)), images)
    by_digest = {client.image_digest(image): image for image in images}
    sent = sentinel.Sentinel(2, asks.sender(), charge_of(book), by_digest)
    with pytest.raises(sentinel.ChangedAnswer):
        sent.check()
    assert book.count("run", DISTILL) == 0 and is_sound(book)


def test_only_the_own_account_is_checked(book: ledger.Ledger) -> None:
    """Another round, another run and answers that were found are none of its batches."""
    images = some_images(17)
    ask(client_of(book, Scripted()), images)
    charge = charge_of(book)
    for other in ({"round": 1}, {"run": "other"}, {"purpose": "evaluate"}):
        assert not book.unchecked(dataclasses.replace(charge, **other))
    spy = Scripted()
    other = dataclasses.replace(client_of(book, spy, EVERY_2), run="other")
    ask(other, images)
    assert not spy.sizes and not book.unchecked(dataclasses.replace(charge, run="other"))


def test_an_answer_of_another_form_is_a_mismatch(book: ledger.Ledger) -> None:
    """As where the reply is that of a larger request."""

    def step(images: np.ndarray) -> np.ndarray:
        return truth(some_images(4))

    spy = Scripted(truth, truth, step)
    with pytest.raises(TeacherFailed, match=r"batches 1 to 2 .* these 5 answers are set aside"):
        ask(client_of(book, spy, EVERY_2), some_images(17))
    assert book.count("run", DISTILL) == 0
    assert is_sound(book)


def test_what_was_in_flight_is_suspect_too(book: ledger.Ledger) -> None:
    """Several at once: all that ended after the last good check is set aside."""
    service = Late(first=3)
    policy = EVERY_2._replace(in_flight=3)
    with pytest.raises(TeacherFailed, match="are set aside"):
        ask(client_of(book, service, policy, batch=1), some_images(40))
    stored = book.find(book.teacher("spy"), [*map(client.image_digest, some_images(40))])
    images = {client.image_digest(image): image for image in some_images(40)}
    for digest, answer in stored.items():  # none of another image is left
        assert np.array_equal(answer, truth(images[digest][None])[0])
    assert is_sound(book)


def test_a_service_that_varies_a_little_is_no_mismatch(book: ledger.Ledger) -> None:
    noise = np.random.default_rng(0)

    def step(images: np.ndarray) -> np.ndarray:
        rows = truth(images) + noise.uniform(0, 0.01, (len(images), 1)).astype(np.float32)
        return rows / rows.sum(-1, keepdims=True)

    ask(client_of(book, Scripted(*[step] * 30), EVERY_2), some_images(30))
    assert book.count("run", SENTINEL) == 5


def shifted(answer: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Answers each request with the rows of the one of its size before it."""
    before: dict[int, np.ndarray] = {}

    def late(images: np.ndarray) -> np.ndarray:
        own = answer(images)
        found = before.get(len(images), own)
        before[len(images)] = own
        return found

    return late


def test_a_server_whose_replies_are_shifted(tmp_path: Path) -> None:
    """Over HTTP: ids are right, and the rows are those of another request."""

    def rows(images: np.ndarray) -> np.ndarray:
        means = images.reshape(len(images), 8, 8).mean(-1) + 1.0
        found = np.concatenate([means, means[:, :2]], -1) ** 8
        return found / found.sum(-1, keepdims=True)

    with FaultyServer(shifted(rows), shape=asking.SHAPE) as server:
        plan = {"url": server.url, "in_flight": 1, "batch": 4}
        book = ledger.Ledger(tmp_path / "ledger.sqlite")
        asks = client.QueryClient(
            teacher=asking.teacher_of(plan),
            ledger=book,
            run="run",
            budget=100,
            classes=asking.CLASSES,
            batch=4,
            policy=EVERY_2,
        )
        with pytest.raises(TeacherFailed, match="Replies may have reached the wrong requests"):
            ask(asks, asking.some_images(21))
        keys = [one.headers.get("Idempotency-Key") for one in server.requests]
        assert len(set(keys)) == len(keys)  # a service that honours keys repeats no reply
        book.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        (left,) = db.execute("SELECT count(*) FROM use WHERE purpose = 'distill'").fetchone()
    assert left == 0
