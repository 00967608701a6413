"""One batch and its cost: no answer is lost, and the ledger knows what became of every batch."""

import asyncio
import collections
import contextlib
import dataclasses
import time

import numpy as np
import pytest

from amkd import ledger
from amkd.config.teacher_answers import Form
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed, UserError
from amkd.querying import client
from amkd.querying.client import DISTILL
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import ImageRefused, PartlyAnswered, Refused, Unanswered, answers
from tests.support.scripted_teacher import (
    QUICK,
    Scripted,
    Step,
    ask,
    busy,
    client_of,
    complain,
    crash,
    found,
    lost,
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


def test_a_batch_is_answered(book: ledger.Ledger) -> None:
    spy = Scripted()
    send(client_of(book, spy), some_images(4))
    assert spy.sizes == [4]
    assert states(book) == [("answered", 4, 4)]
    assert found(book, some_images(4)) == 4
    assert pending(book) == 0


def test_what_is_answered_meanwhile_is_used_and_not_sent(book: ledger.Ledger) -> None:
    send(client_of(book, Scripted(), run="other"), some_images(3))
    spy = Scripted()
    send(client_of(book, spy), some_images(5))
    assert spy.calls == [[image.tobytes() for image in some_images(2, first=3)]]
    assert book.count("run", DISTILL) == 5
    assert book.count("run", DISTILL, paid_only=True) == 2
    send(client_of(book, spy), some_images(5))
    assert len(spy.calls) == 1
    assert len(states(book)) == 2


def test_a_batch_is_noted_before_it_leaves(book: ledger.Ledger) -> None:
    seen = []

    def look(images: np.ndarray) -> np.ndarray:
        seen.append((states(book), pending(book), book.lost("run"), book.spent("run")))
        return truth(images)

    send(client_of(book, look, QUICK._replace(price=0.5, currency="USD")), some_images(3))
    assert seen == [([("sent", 3, 0)], 3, 3, 1.5)]
    assert (book.lost("run"), book.spent("run")) == (0, 1.5)


@pytest.mark.parametrize(
    ("fault", "state", "images_lost"), [(lost, "lost", 3), (busy, "refused", 0)]
)
def test_an_unanswered_batch_is_sent_again(
    book: ledger.Ledger, fault: Step, state: str, images_lost: int
) -> None:
    spy = Scripted(fault, fault)
    send(client_of(book, spy, QUICK._replace(price=0.25)), some_images(3))
    assert spy.calls == [[image.tobytes() for image in some_images(3)]] * 3
    assert states(book) == [(state, 3, 0), (state, 3, 0), ("answered", 3, 3)]
    assert book.lost("run") == 2 * images_lost
    assert book.spent("run") == (3 + 2 * images_lost) * 0.25
    assert book.count("run", DISTILL) == 3
    assert pending(book) == 0


def test_a_batch_is_tried_so_often_and_no_more(book: ledger.Ledger) -> None:
    spy = Scripted(*[lost, busy, busy])
    with pytest.raises(UserError) as caught:
        send(client_of(book, spy, QUICK._replace(attempts=3, price=1.0)), some_images(2))
    said = str(caught.value)
    assert "teacher spy did not answer in 3 attempts; reason for the last failure: HTTP 503" in said
    assert str(book.path) in said
    assert "run the same command" in said
    for field in ("config.teacher.attempts", "first_wait", "rate"):
        assert field in said
    assert states(book) == [("lost", 2, 0), ("refused", 2, 0), ("refused", 2, 0)]
    assert (book.lost("run"), book.spent("run")) == (2, 2.0)
    assert book.count("run", DISTILL) == pending(book) == 0


def useless(images: np.ndarray) -> object:
    raise Unanswered("the reply has 1 entries", billed=True, whole=True)


def test_a_whole_reply_that_says_nothing_is_paid_for_twice_at_most(book: ledger.Ledger) -> None:
    spy = Scripted(*[useless] * 5)
    with pytest.raises(
        UserError, match=r"did not answer in 2 attempts; .* the reply has 1 entries"
    ):
        send(client_of(book, spy, QUICK._replace(attempts=5, price=1.0)), some_images(2))
    assert len(spy.calls) == 2
    assert (book.lost("run"), book.spent("run")) == (4, 4.0)


@pytest.mark.parametrize(
    ("script", "calls"),
    [
        ([busy, useless, useless], 3),
        ([useless, busy, lost, useless, busy], 4),
        ([busy, lost, useless], 4),  # and the fourth is sound
    ],
)
def test_only_whole_replies_count_as_such(
    book: ledger.Ledger, script: list[Step], calls: int
) -> None:
    spy = Scripted(*script)
    with pytest.raises(UserError) if script.count(useless) > 1 else contextlib.nullcontext():
        send(client_of(book, spy, QUICK._replace(attempts=6)), some_images(2))
    assert len(spy.calls) == calls


def asks_to_wait(seconds: float) -> Step:
    def fault(images: np.ndarray) -> object:
        raise Unanswered("HTTP 429", billed=False, after=seconds)

    return fault


@pytest.mark.parametrize("seconds", [18002.0, 3601.0, 1e300])
def test_too_long_a_wait_ends_the_run_and_says_when_to_go_on(
    book: ledger.Ledger, seconds: float
) -> None:
    spy = Scripted(truth, asks_to_wait(seconds))
    began = time.monotonic()
    with pytest.raises(
        TeacherFailed,
        match=r"asks for a wait of \d+ seconds, until \d{4}-.*longest_retry_after=3600 allows",
    ) as caught:
        ask(client_of(book, spy), some_images(9))
    assert time.monotonic() - began < 60
    assert str(book.path) in str(caught.value)
    assert states(book) == [("answered", 1, 1), ("refused", 4, 0)]
    ask(client_of(book, spy), some_images(9))
    assert found(book, some_images(9)) == 9


def test_how_long_a_wait_may_be_is_configurable(book: ledger.Ledger) -> None:
    policy = QUICK._replace(longest_retry_after=0.01)
    send(client_of(book, Scripted(asks_to_wait(0.01)), policy), some_images(1))
    with pytest.raises(UserError, match=r"longest_retry_after=0\.01"):
        send(client_of(book, Scripted(asks_to_wait(0.02)), policy), some_images(1, first=5))


def test_a_useless_reply_may_be_a_slip(book: ledger.Ledger) -> None:
    query_client = client_of(book, Scripted(useless), QUICK)
    send(query_client, some_images(2))
    assert np.array_equal(client.recall(query_client, [some_images(2)]), truth(some_images(2)))


def test_of_a_partly_bad_reply_the_rest_is_kept_and_never_asked_again(book: ledger.Ledger) -> None:
    def partly(images: np.ndarray) -> object:
        rows = truth(images)
        rows[1] = np.nan
        raise PartlyAnswered("the label 'lamp' is not a class", rows)

    spy = Scripted(partly)
    with pytest.raises(UserError, match="the label 'lamp' is not a class"):
        send(client_of(book, spy, QUICK), some_images(4))
    assert states(book) == [("answered", 4, 3)]
    query_client = client_of(book, spy, QUICK)
    send(query_client, some_images(4))
    assert np.array_equal(client.recall(query_client, [some_images(4)]), truth(some_images(4)))
    assert spy.calls[1:] == [[some_images(4)[1].tobytes()]]


def test_one_attempt_is_no_second(book: ledger.Ledger) -> None:
    spy = Scripted(busy)
    with pytest.raises(UserError, match="did not answer"):
        send(client_of(book, spy, QUICK._replace(attempts=1)), some_images(2))
    assert len(spy.calls) == 1


def test_waits_double_up_to_the_longest(
    book: ledger.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    query_client = client_of(
        book, Scripted(*[busy] * 5), RequestPolicy(attempts=6, first_wait=1, longest_wait=6)
    )
    sender, waits = query_client.sender(), []
    monkeypatch.setattr(
        sender.pace, "wait", lambda seconds: waits.append(seconds) if seconds else None
    )
    send(query_client, some_images(1), sender)
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

    query_client = client_of(
        book, Scripted(asks(90), asks(0.5), asks(0)), RequestPolicy(first_wait=1, longest_wait=6)
    )
    sender, waits, holds = query_client.sender(), [], []
    monkeypatch.setattr(
        sender.pace, "wait", lambda seconds: waits.append(seconds) if seconds else None
    )
    monkeypatch.setattr(sender.pace, "hold", holds.append)
    send(query_client, some_images(1), sender)
    assert waits[0] == 90
    assert 2 <= waits[1] <= 3
    assert 4 <= waits[2] <= 5
    assert holds == [90, 0.5]


def test_a_refusal_is_final_and_free(book: ledger.Ledger) -> None:
    spy = Scripted(refuse)
    with pytest.raises(Refused, match="HTTP 401; check the key"):
        send(client_of(book, spy, QUICK._replace(price=1.0)), some_images(2))
    assert len(spy.calls) == 1
    assert states(book) == [("refused", 2, 0)]
    assert (book.lost("run"), book.spent("run"), pending(book)) == (0, 0.0, 0)


def test_a_teachers_own_error_is_passed_on_and_may_be_billed(book: ledger.Ledger) -> None:
    spy = Scripted(complain)
    with pytest.raises(UserError) as caught:
        send(client_of(book, spy, QUICK._replace(price=1.0)), some_images(2))
    assert str(caught.value) == "config.teacher.url: garbled; mend it"
    assert len(spy.calls) == 1
    assert states(book) == [("lost", 2, 0)]
    assert (book.lost("run"), book.spent("run"), pending(book)) == (2, 2.0, 0)


def test_any_exception_is_explained_and_may_be_billed(book: ledger.Ledger) -> None:
    spy = Scripted(crash)
    with pytest.raises(UserError) as caught:
        send(client_of(book, spy), some_images(2))
    assert "teacher spy failed on 2 images: ZeroDivisionError: oh (" in str(caught.value)
    assert "scripted_teacher.py, line " in str(caught.value)
    assert f"kept in {book.path}; repair the teacher and run the same command" in str(caught.value)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert len(spy.calls) == 1
    assert states(book) == [("lost", 2, 0)]
    assert (book.lost("run"), pending(book)) == (2, 0)


def test_good_rows_of_a_batch_with_a_bad_one_are_kept(book: ledger.Ledger) -> None:
    spy = Scripted(one_bad_row)
    with pytest.raises(answers.BadAnswer, match="spy answered NaN or infinity"):
        send(client_of(book, spy, QUICK._replace(price=1.0)), some_images(5))
    assert states(book) == [("answered", 5, 4)]
    assert (book.spent("run"), book.count("run", DISTILL), pending(book)) == (5.0, 4, 0)
    kept = book.find(book.teacher("spy"), [image_digest(image) for image in some_images(5)])
    for place, image in enumerate(some_images(5)):
        assert (image_digest(image) in kept) == (place != 2)
        if place != 2:
            assert np.array_equal(kept[image_digest(image)], truth(image[None])[0])
    send(client_of(book, spy), some_images(5))
    assert spy.sizes == [5, 1]


def test_an_error_about_one_image_names_it(book: ledger.Ledger) -> None:
    """Of a batch whose answers cannot be told apart, no image is named."""
    (image,) = some_images(1)
    named = f"(the image with the key image={image_digest(image).hex()}; if only this image fails"
    for spy in (Scripted(one_bad_row), Scripted(complain)):
        with pytest.raises(TeacherFailed) as caught:
            send(client_of(book, spy), some_images(1))
        assert named in str(caught.value) and "amkd ledger import" in str(caught.value)
    with pytest.raises(answers.BadAnswer) as caught:
        send(client_of(book, Scripted(one_bad_row)), some_images(5))
    assert f"image={image_digest(some_images(5)[2]).hex()}" in str(caught.value)
    for spy in (Scripted(complain), Scripted(refuse)):
        with pytest.raises(TeacherFailed) as caught:
            send(client_of(book, spy), some_images(2, first=7))
        assert "image=" not in str(caught.value)


@pytest.mark.parametrize(("of_image", "named"), [(True, True), (False, False)])
def test_a_refusal_names_the_image_where_it_may_be_the_reason(
    of_image: bool, named: bool, book: ledger.Ledger
) -> None:
    def answer(images: np.ndarray) -> object:
        raise Refused("status 400", of_image=of_image)

    with pytest.raises(TeacherFailed) as caught:
        send(client_of(book, Scripted(answer)), some_images(1))
    assert ("image=" in str(caught.value)) == named


def refusing(*refused: int) -> Scripted:
    """A service that refuses every request with one of these images; a refusal is free."""
    unwanted = {some_images(1, first=place)[0].tobytes() for place in refused}

    def answer(images: np.ndarray) -> object:
        if any(image.tobytes() in unwanted for image in images):
            raise Refused("status 400: content policy", of_image=True)
        return truth(images)

    return Scripted(*[answer] * 100)


@pytest.mark.parametrize("in_flight", [1, 4])
@pytest.mark.parametrize("refused", [(0,), (3,), (0, 3, 7), (1, 2, 8, 9)])
def test_the_other_images_are_sent_where_some_are_refused(
    refused: tuple[int, ...], in_flight: int, book: ledger.Ledger
) -> None:
    spy = refusing(*refused)
    one_each = client_of(book, spy, QUICK._replace(in_flight=in_flight, price=1.0), batch=1)
    with pytest.raises(TeacherFailed) as caught:
        ask(one_each, some_images(12))
    digests = {place: image_digest(some_images(12)[place]).hex() for place in range(12)}
    named = {place for place, digest in digests.items() if f"image={digest}" in str(caught.value)}
    assert named == {*refused} and "amkd ledger import" in str(caught.value)
    assert ("Also refused: image=" in str(caught.value)) == (len(refused) > 1)
    assert book.count("run", DISTILL, paid_only=True) == book.spent("run") == 12 - len(refused)
    # The same command sends only these again.
    before = len(spy.calls)
    with pytest.raises(TeacherFailed):
        ask(one_each, some_images(12))
    assert len(spy.calls) - before == len(refused)


def test_fast_refusals_between_slow_answers_are_no_sign_of_a_broken_service(
    book: ledger.Ledger,
) -> None:
    """And a start after the first ones goes on with the images behind them."""
    unwanted = {some_images(1, first=place)[0].tobytes() for place in (3, 5, 7, 20)}

    def answer(images: np.ndarray) -> object:
        if images[0].tobytes() in unwanted:
            raise Refused("status 400: content policy", of_image=True)
        time.sleep(0.02)
        return truth(images)

    eight = client_of(book, Scripted(*[answer] * 100), QUICK._replace(in_flight=8), batch=1)
    for first in (4, 40):  # the first start ends early
        with pytest.raises(TeacherFailed):
            ask(eight, some_images(first))
    assert book.count("run", DISTILL) == 36


def test_a_service_that_refuses_everything_is_not_asked_for_long(book: ledger.Ledger) -> None:
    spy = refusing(*range(40))
    with pytest.raises(TeacherFailed, match="Also refused: image="):
        ask(client_of(book, spy, batch=8), some_images(40))
    assert spy.sizes == [1, 1]  # the second one alone, too
    spy = refusing(*range(5, 40))
    with pytest.raises(TeacherFailed, match=r"Also refused: image=.*, image="):
        ask(client_of(book, spy, QUICK._replace(in_flight=1), batch=1), some_images(40))
    assert spy.sizes == [1] * 16  # five answers, then ten and one


def test_refused_images_are_named_if_another_error_ends_the_sending(
    book: ledger.Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(images: np.ndarray) -> object:
        if images[0].tobytes() == some_images(1, first=2)[0].tobytes():
            raise Refused("status 400: content policy", of_image=True)
        if images[0].tobytes() == some_images(1, first=4)[0].tobytes():
            raise ZeroDivisionError("oh")
        return truth(images)

    one_each = client_of(book, Scripted(*[answer] * 9), QUICK._replace(in_flight=1), batch=1)
    with pytest.raises(TeacherFailed, match="ZeroDivisionError"):
        ask(one_each, some_images(6))
    refused = image_digest(some_images(3)[2]).hex()
    assert f"refused by the teacher: image={refused}" in capsys.readouterr().err


def with_errors(*places: int, before: Step = truth) -> Step:
    """A service with status 200 and an error in the entry of each of these images.

    Args:
      *places: of the images, as :func:`some_images` numbers them.
      before: the answers to the other images.
    """
    unwanted = {some_images(1, first=place)[0].tobytes() for place in places}

    def answer(images: np.ndarray) -> np.ndarray:
        rows, bad = before(images), [image.tobytes() in unwanted for image in images]
        if all(bad):
            raise ImageRefused("the service answered an error for an image")
        if any(bad):
            rows[bad] = np.nan
            refusals = tuple(np.flatnonzero(bad).tolist())
            raise PartlyAnswered("the service answered an error for an image", rows, refusals)
        return rows

    return answer


def named(error: Exception, images: np.ndarray) -> set[int]:
    """Returns the places of the images whose keys an error names."""
    digests = [image_digest(image).hex() for image in images]
    return {place for place, digest in enumerate(digests) if f"image={digest}" in str(error)}


@pytest.mark.parametrize("in_flight", [1, 3])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("refused", [(0,), (3, 5), (5, 6, 7, 8)])
def test_errors_about_images_inside_replies_are_refusals_too(
    refused: tuple[int, ...], batch: int, in_flight: int, book: ledger.Ledger
) -> None:
    """Each may be billed, and is known to be about this image, also in a request with several."""
    policy = QUICK._replace(in_flight=in_flight, price=1.0)
    spy = Scripted(*[with_errors(*refused)] * 40)
    with pytest.raises(TeacherFailed, match="the service answered an error") as caught:
        ask(client_of(book, spy, policy, batch=batch), some_images(12))
    assert named(caught.value, some_images(12)) == {*refused}
    assert book.count("run", DISTILL, paid_only=True) == 12 - len(refused)
    assert book.spent("run") == 12  # each was sent once
    # The same command sends only these again.
    before = len(spy.calls)
    with pytest.raises(TeacherFailed):
        ask(client_of(book, spy, policy, batch=batch), some_images(12))
    again = {image for call in spy.calls[before:] for image in call}
    assert again == {some_images(1, first=place)[0].tobytes() for place in refused}


def test_all_refused_images_are_named(book: ledger.Ledger) -> None:
    """Their keys are in no other place, and each further start may cost money."""
    refused = range(1, 99, 2)
    policy = QUICK._replace(in_flight=1)
    with pytest.raises(TeacherFailed) as caught:
        ask(client_of(book, Scripted(*[with_errors(*refused)] * 99), policy, 1), some_images(100))
    assert named(caught.value, some_images(100)) == {*refused}


def test_paid_refusals_of_whole_requests_end_the_sending_by_their_images(
    book: ledger.Ledger,
) -> None:
    """After one answer, 11 images in a row: the third request of four images is the last."""
    spy = Scripted(*[with_errors(*range(1, 40))] * 40)
    policy = QUICK._replace(in_flight=1, price=1.0)
    with pytest.raises(TeacherFailed):
        ask(client_of(book, spy, policy, batch=4), some_images(40))
    assert spy.sizes == [1, 4, 4, 4]
    assert (book.spent("run"), book.lost("run")) == (13.0, 12)


def test_a_wrong_row_beside_a_refusal_stops_the_run(book: ledger.Ledger) -> None:
    """All answers may be wrong, which the refusals must not hide."""

    def doubled(images: np.ndarray) -> np.ndarray:
        rows = truth(images)
        rows[[image.tobytes() == some_images(1, first=2)[0].tobytes() for image in images]] *= 2
        return rows

    spy = Scripted(*[with_errors(1, 3, before=doubled)] * 40)
    policy = QUICK._replace(in_flight=1)
    with pytest.raises(answers.BadAnswer) as caught:
        ask(client_of(book, spy, policy, batch=4), some_images(12))
    assert named(caught.value, some_images(12)) == {2}
    assert spy.sizes == [1, 4] and book.count("run", DISTILL) == 2


def test_refused_images_are_not_sent_again_with_the_rest_of_the_money(
    book: ledger.Ledger,
) -> None:
    """A lost request costs money, too, and what is left pays for images that were not sent yet."""
    answer = with_errors(1, 2, 3)
    spy = Scripted(answer, answer, answer, lost, answer, answer, answer, answer)
    policy = QUICK._replace(in_flight=1, price=1.0, max_cost=16.0)
    with pytest.raises(ledger.OutOfMoney):
        ask(client_of(book, spy, policy, batch=4), some_images(17))
    sent = collections.Counter(image for call in spy.calls for image in call)
    assert all(sent[some_images(1, first=place)[0].tobytes()] == 1 for place in (1, 2, 3))
    assert book.spent("run") == 16


def test_the_sentinel_checks_what_was_answered_beside_a_refusal(book: ledger.Ledger) -> None:
    """The answers to images 2 to 4 are swapped, and image 1 of the same request is refused."""

    def swapped(images: np.ndarray) -> np.ndarray:
        return truth(np.roll(images, 1, 0))

    spy = Scripted(truth, with_errors(1, before=swapped))
    policy = QUICK._replace(in_flight=1, sentinel=2)
    with pytest.raises(TeacherFailed, match="and the answer is not the same"):
        ask(client_of(book, spy, policy, batch=4), some_images(17))
    assert found(book, some_images(17)) == 0  # all of them are set aside
    ask(client_of(book, Scripted(), policy, batch=4), some_images(17))
    assert found(book, some_images(17)) == 17


def test_a_reply_with_another_problem_stops_the_run(book: ledger.Ledger) -> None:
    """Without a refusal, the reason may concern all images: it must be repaired first."""

    def answer(images: np.ndarray) -> object:
        raise PartlyAnswered("the label 'lamp' is not a class", np.full((len(images), 4), np.nan))

    spy = Scripted(answer)
    with pytest.raises(TeacherFailed, match="'lamp' is not a class"):
        ask(client_of(book, spy, QUICK._replace(in_flight=1), batch=1), some_images(12))
    assert spy.sizes == [1]


@pytest.mark.parametrize("refused", [(3,), (1, 4, 9)])
def test_images_of_a_refused_request_are_sent_again_alone(
    refused: tuple[int, ...], book: ledger.Ledger
) -> None:
    spy = refusing(*refused)
    policy = QUICK._replace(in_flight=1, price=1.0)
    with pytest.raises(TeacherFailed) as caught:
        ask(client_of(book, spy, policy, batch=4), some_images(17))
    assert named(caught.value, some_images(17)) == {*refused}
    batches = {(place - 1) // 4 for place in refused}
    assert spy.sizes == [1, 4, 4, 4, 4] + [1] * 4 * len(batches)
    assert book.count("run", DISTILL, paid_only=True) == book.spent("run") == 17 - len(refused)


def test_a_service_that_refuses_every_request_with_several_images_is_not_asked_for_long(
    book: ledger.Ledger,
) -> None:
    def answer(images: np.ndarray) -> object:
        if len(images) > 1:
            raise Refused("status 400: one image, please", of_image=True)
        return truth(images)

    spy = Scripted(*[answer] * 100)
    with pytest.raises(TeacherFailed, match=r"refused 11 requests .* set config\.teacher\.batch=1"):
        ask(client_of(book, spy, QUICK._replace(in_flight=1), batch=2), some_images(99))
    assert spy.sizes == [1] + [2] * 11
    # Where fewer requests are refused, the images are sent alone, and all are answered.
    few = client_of(book, Scripted(*[answer] * 100), QUICK._replace(in_flight=1), batch=4)
    assert len(ask(few, some_images(12))) == 12


def test_a_batch_of_garbage_only_is_paid_for_too(book: ledger.Ledger) -> None:
    spy = Scripted(one_bad_row)
    with pytest.raises(answers.BadAnswer):
        send(client_of(book, spy, QUICK._replace(price=1.0)), some_images(1))
    assert states(book) == [("answered", 1, 0)]
    assert (book.spent("run"), book.count("run", DISTILL), pending(book)) == (1.0, 0, 0)


@pytest.mark.parametrize("fault", [more_classes, too_few])
def test_an_answer_of_a_wrong_shape_may_be_billed(book: ledger.Ledger, fault: Step) -> None:
    with pytest.raises(answers.BadAnswer, match="spy answered shape"):
        send(client_of(book, Scripted(fault), QUICK._replace(price=1.0)), some_images(3))
    assert states(book) == [("lost", 3, 0)]
    assert (book.lost("run"), book.spent("run"), pending(book)) == (3, 3.0, 0)
    assert found(book, some_images(3)) == 0


def test_raw_scores_are_kept_whatever_they_are_read_as(book: ledger.Ledger) -> None:
    logits = np.float32([[1, 2, 3, -4]])
    query_client = dataclasses.replace(
        client_of(book, lambda images: logits), form=Form("logits", temperature=2)
    )
    told = ask(query_client, some_images(1))
    assert (
        book.find(1, [image_digest(some_images(1)[0])]).popitem()[1].tobytes() == logits.tobytes()
    )
    odds = np.exp([0.5, 1, 1.5, -2])
    assert told[0].tolist() == pytest.approx(odds / odds.sum(), abs=1e-6)
    hotter = dataclasses.replace(query_client, form=Form("label"))
    assert ask(hotter, some_images(1)).tolist() == [[0, 0, 1, 0]]
    assert len(states(book)) == 1


def test_a_run_spends_its_limit_to_the_last_coin(book: ledger.Ledger) -> None:
    spy = Scripted()
    policy = QUICK._replace(price=0.1, currency="EUR", max_cost=0.9)
    with pytest.raises(
        UserError, match=r"config\.teacher\.max_cost=0\.9: 0\.9 EUR are spent.* 2 images cost 0\.2"
    ):
        ask(client_of(book, spy, policy), some_images(11))  # 1 + 4 + 4, and 2 that are too many
    assert spy.sizes == [1, 4, 4]
    assert book.spent("run") == pytest.approx(0.9)
    told = ask(client_of(book, spy, policy._replace(max_cost=1.1)), some_images(11))
    assert np.array_equal(told, truth(some_images(11)))
    assert spy.sizes[3:] == [1, 1]
    assert len(set(spy.seen)) == 11


def test_what_may_have_been_billed_counts_and_what_was_not_does_not(book: ledger.Ledger) -> None:
    policy = QUICK._replace(price=1.0, max_cost=7.0)
    spy = Scripted(busy, truth, busy, busy, lost)
    with pytest.raises(
        ledger.OutOfMoney, match=r"max_cost=7: 7 .*are spent, and the next 2 images cost 2 more"
    ):
        ask(client_of(book, spy, policy), some_images(5))
    assert spy.sizes == [1, 1, 4, 4, 4, 2]  # what is left after the loss is spent, too
    assert book.spent("run") == spy.billed == 7
    assert book.lost("run") == 4


def test_less_money_than_a_batch_costs_is_spent_as_well(book: ledger.Ledger) -> None:
    spy = Scripted()
    with pytest.raises(ledger.OutOfMoney, match=r"max_cost=1: 1 .* next 10 images cost 1 more"):
        ask(
            client_of(book, spy, QUICK._replace(price=0.1, max_cost=1.0), batch=256),
            some_images(20),
        )
    assert spy.sizes == [1, 9]
    assert found(book, some_images(20)) == 10


def test_threads_together_keep_the_limit(book: ledger.Ledger) -> None:
    spy = Scripted(pause=0.01)
    policy = QUICK._replace(in_flight=4, price=0.1, max_cost=1.3)
    with pytest.raises(UserError, match="max_cost"):
        ask(client_of(book, spy, policy, batch=2), some_images(40))
    assert spy.sizes == [1, *[2] * 6]  # 1.3 exactly
    assert sum(spy.answered.values()) == found(book, some_images(40)) == 13


def test_without_a_limit_or_a_price_nothing_is_refused(book: ledger.Ledger) -> None:
    ask(client_of(book, Scripted(), QUICK._replace(price=1e9)), some_images(5))
    ask(
        client_of(book, Scripted(), QUICK._replace(max_cost=0.01), run="other"),
        some_images(5, first=9),
    )
    assert book.spent("run") == 5e9
    assert book.spent("other") == 0


@pytest.mark.parametrize("end", [SystemExit(0), SystemExit("bye"), asyncio.CancelledError()])
def test_a_teacher_that_ends_the_process_is_a_failure(
    book: ledger.Ledger, end: BaseException
) -> None:
    """It would end the command without a message, and with status 0."""

    def leave(images: np.ndarray) -> np.ndarray:
        raise end

    with pytest.raises(TeacherFailed, match=f"failed on 4 images: {type(end).__name__}"):
        send(client_of(book, Scripted(leave)), some_images(4))
    assert states(book) == [("lost", 4, 0)] and pending(book) == 0


def test_an_interrupt_in_a_teacher_is_passed_on(book: ledger.Ledger) -> None:
    def leave(images: np.ndarray) -> np.ndarray:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(client_of(book, Scripted(leave)), some_images(4))
    assert states(book) == [("lost", 4, 0)] and pending(book) == 0
