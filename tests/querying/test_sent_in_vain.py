"""Images that bring no usable answer are capped: a service cannot bill for ever."""

import itertools

import numpy as np
import pytest

from amkd import ledger
from amkd.config.teacher import TeacherSettings
from amkd.core.errors import UserError
from amkd.ledger import limits
from amkd.teachers import Unanswered
from tests.support.scripted_teacher import (
    QUICK,
    Scripted,
    Step,
    ask,
    busy,
    client_of,
    lost,
    one_bad_row,
    some_images,
    truth,
)


def useless(images: np.ndarray) -> object:
    raise Unanswered("an HTML page", billed=True, whole=True)


def every_second(fault: Step) -> list[Step]:
    return [fault if place % 2 else truth for place in range(1000)]


CASES = [
    pytest.param(every_second(lost), 1, 20, id="every second reply is cut"),
    pytest.param(every_second(lost), 4, 20, id="and four at once"),
    pytest.param([truth, *[useless] * 1000], 1, 20, id="pages without end"),
    pytest.param([truth, *[one_bad_row] * 1000], 1, 5, id="rows without a score"),
]


@pytest.mark.parametrize(("script", "in_flight", "most"), CASES)
def test_the_run_stops_before_too_much_is_lost(
    script: list[Step], in_flight: int, most: int, book: ledger.Ledger
) -> None:
    spy = Scripted(*script)
    policy = QUICK._replace(in_flight=in_flight, price=0.5, currency="EUR", max_lost=most)
    query_client, said = client_of(book, spy, policy), ""
    for _ in range(20):  # whoever starts it again and again
        with pytest.raises(UserError) as caught:
            ask(query_client, some_images(900))
        said = str(caught.value)
    assert f"config.teacher.max_lost={most}" in said and "nothing more is sent" in said
    assert "EUR" in said and "--config.teacher.max_lost=" in said
    answered = sum(spy.answered.values())
    assert spy.billed - answered <= most  # what the service billed for nothing
    assert book.spent("run") == 0.5 * spy.billed


def test_more_is_allowed_by_the_field_that_is_named(book: ledger.Ledger) -> None:
    spy = Scripted(truth, *itertools.repeat(lost, 6))
    with pytest.raises(UserError, match="max_lost=10: 8 images"):
        ask(client_of(book, spy, QUICK._replace(max_lost=10, attempts=9)), some_images(9))
    answers = ask(client_of(book, spy, QUICK._replace(max_lost=40, attempts=9)), some_images(9))
    assert np.array_equal(answers, truth(some_images(9)))


def test_what_was_surely_not_billed_is_no_loss(book: ledger.Ledger) -> None:
    spy = Scripted(truth, *[busy] * 5)
    ask(client_of(book, spy, QUICK._replace(max_lost=1)), some_images(9))


@pytest.mark.parametrize(
    ("settings", "budget", "most"),
    [
        (TeacherSettings(kind="json", batch=1), 1000, 200),
        (TeacherSettings(kind="json", batch=1), 35, 20),
        (TeacherSettings(kind="oip", batch=64, in_flight=4), 1000, 512),
        (TeacherSettings(kind="oip", batch=256), 35, 70),
        (TeacherSettings(kind="oip", batch=256, max_lost=7), 35, 7),
        (TeacherSettings(kind="python", batch=1, price=1.0), 90, 20),
        (TeacherSettings(kind="python"), 90, 0),
        (TeacherSettings(kind="flax"), 90, 0),
    ],
)
def test_the_default_is_small_and_lets_a_service_fail_once(
    settings: TeacherSettings, budget: int, most: int
) -> None:
    assert limits.most_in_vain(settings, budget) == most
