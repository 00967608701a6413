"""Sends one batch to the teacher: records it, keeps the pace, retries, and keeps the answers."""

import dataclasses
import datetime
from typing import NamedTuple

import numpy as np
import tenacity

from amkd import ledger, teachers
from amkd.config.teacher import TeacherSettings
from amkd.config.teacher_answers import Form
from amkd.core import console, fault_place
from amkd.core.errors import TeacherFailed, UserError
from amkd.querying.pace import Pace
from amkd.teachers import answers

_PAUSE_SHOWN = 60.0  # seconds: a person is told about pauses from here on
_DATES = 1e9  # seconds: a date much later than that cannot be told
_USELESS = 2  # whole replies without a usable answer that a batch is paid for
_POLL = 0.5  # seconds between two looks at whether another run has got an answer


class RequestPolicy(NamedTuple):
    """How often and how fast a teacher may be asked, and what it costs.

    Attributes:
      in_flight: most requests under way at once.
      rate: most requests per second; 0 for any number.
      attempts: how often a batch is tried.
      first_wait: seconds before the second attempt; they double from there, with jitter.
      longest_wait: most seconds between two attempts, unless the service itself asks for more.
      longest_retry_after: most seconds that a service may ask to wait; a longer wait ends the run.
      price: price of one image.
      currency: currency of the price.
      max_cost: most that a run may spend; 0 for any amount.
      max_lost: most images that may be sent without a usable answer; 0 for any number.
      sentinel: batches after which a known image is asked about again; 0 for never.
    """

    in_flight: int = 1
    rate: float = 0.0
    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_retry_after: float = 3600.0
    price: float = 0.0
    currency: str = ""
    max_cost: float = 0.0
    max_lost: int = 0
    sentinel: int = 0


def policy_of(teacher: TeacherSettings) -> RequestPolicy:
    """Returns how the configured teacher is treated."""
    return RequestPolicy(**{name: getattr(teacher, name) for name in RequestPolicy._fields})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sender:
    """What all threads that send batches to one teacher share.

    Attributes:
      teacher: the black box.
      form: how its answers are read.
      classes: number of classes Y.
      ledger: where batches and answers are recorded.
      policy: how often and how fast the teacher may be asked.
      pace: when requests may leave.
    """

    teacher: teachers.Teacher
    form: Form
    classes: int
    ledger: ledger.Ledger
    policy: RequestPolicy
    pace: Pace


def send_batch(sender: Sender, charge: ledger.Charge, batch: dict[bytes, np.ndarray]) -> list[int]:
    """Gets one batch answered; all that came back is in the ledger when this returns or raises.

    Returns the numbers under which the ledger has it.

    Args:
      sender: how the teacher is reached.
      charge: who pays.
      batch: image digest to image ``uint8[H, W, C]``.

    Raises:
      TeacherFailed: the teacher failed for good or gave a useless answer.
      UserError: the cost limit is reached.
      Halted: the run stops; nothing of the batch is under way.
    """
    numbers = []
    while batch:
        sent = _retries(sender)(_attempt, sender, charge, batch)
        numbers += [sent.number] if sent.images else []
        batch = {digest: batch[digest] for digest in sent.busy}
        if batch:  # another run has these images in flight, and its answers will do
            sender.pace.wait(_POLL)
    return numbers


def ask_again(
    sender: Sender, charge: ledger.Charge, digest: bytes, image: np.ndarray
) -> np.ndarray:
    """Returns a fresh answer to an image that has one; the ledger keeps the earlier answer.

    Args:
      sender: how the teacher is reached.
      charge: who pays.
      digest: of the image.
      image: ``uint8[H, W, C]``.

    Returns:
      The raw scores, ``float32[Y]``.

    Raises:
      TeacherFailed: the teacher failed for good or gave a useless answer.
      UserError: the cost limit is reached.
      Halted: the run stops.
    """
    return _retries(sender)(_attempt_again, sender, charge, digest, image)


def _retries(sender: Sender) -> tenacity.Retrying:
    """Returns the retry policy: exponential backoff, or the pause that the service asks for."""
    policy = sender.policy
    backoff = tenacity.wait_exponential(policy.first_wait, policy.longest_wait)
    jitter = tenacity.wait_random(0, policy.first_wait)

    def wait(state: tenacity.RetryCallState) -> float:
        pause = _failure(state).after or 0.0
        _check_pause(sender, pause)
        if pause:
            sender.pace.hold(pause)  # for all threads: the service asks all of them to wait
        if pause >= _PAUSE_SHOWN:
            console.say(f"{sender.teacher.identity} asks to wait for {pause:.0f} seconds")
        return max(pause, min(backoff(state) + jitter(state), policy.longest_wait))

    useless = 0

    def stop(state: tenacity.RetryCallState) -> bool:
        # A whole reply without a usable answer was paid for: it is worth one more attempt, not all.
        nonlocal useless
        useless += _failure(state).whole
        return state.attempt_number >= policy.attempts or useless >= _USELESS

    def give_up(state: tenacity.RetryCallState) -> None:
        remedy = (
            "the service replied, but not in a form that can be read: check its settings"
            if _failure(state).whole
            else "run the same command when the service works again, or allow more time:"
            " --config.teacher.attempts, first_wait, rate"
        )
        raise TeacherFailed(
            f"teacher {sender.teacher.identity} did not answer in {state.attempt_number} attempts,"
            f" the last time because: {_failure(state).reason}. Every earlier answer is kept in"
            f" {sender.ledger.path}; {remedy}"
        )

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(teachers.Unanswered),
        stop=stop,
        wait=wait,
        sleep=sender.pace.wait,
        retry_error_callback=give_up,
    )


def _check_pause(sender: Sender, pause: float) -> None:
    """Ends the run where the service asks for a longer wait than is allowed.

    Raises:
      UserError: it does.
    """
    longest = sender.policy.longest_retry_after
    if pause > longest:
        until = datetime.datetime.now().astimezone() + datetime.timedelta(
            seconds=min(pause, _DATES)
        )
        raise UserError(
            f"teacher {sender.teacher.identity} asks to wait for {pause:.0f} seconds, until"
            f" {until:%Y-%m-%d %H:%M %Z}, and config.teacher.longest_retry_after={longest:g}: run"
            " the same command after that time, or raise it to let the run wait. Every earlier"
            f" answer is kept in {sender.ledger.path}"
        )


def _failure(state: tenacity.RetryCallState) -> teachers.Unanswered:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, teachers.Unanswered)
    return error


def _attempt(
    sender: Sender, charge: ledger.Charge, batch: dict[bytes, np.ndarray]
) -> ledger.SentBatch:
    """Sends the images that have no answer yet; returns what became of all of them."""
    sender.pace.turn()
    sent = sender.ledger.begin_batch(charge, list(batch))
    if sent.images:
        images = np.stack([batch[digest] for digest in sent.images])
        _answers(sender, charge, sent, images)
    return sent


def _attempt_again(
    sender: Sender, charge: ledger.Charge, digest: bytes, image: np.ndarray
) -> np.ndarray:
    sender.pace.turn()
    sent = sender.ledger.begin_batch(charge, [digest], again=True)
    return _answers(sender, charge, sent, image[None])[0]


def _answers(
    sender: Sender, charge: ledger.Charge, sent: ledger.SentBatch, images: np.ndarray
) -> np.ndarray:
    """Returns the raw answers to a batch, which are in the ledger then; raises the first error."""
    answer, problem = _ask(sender, sent, images)
    rows, bad_row = _record(sender, charge, sent, answer=answer)
    if error := problem or bad_row:
        raise error
    return rows


def _ask(
    sender: Sender, sent: ledger.SentBatch, images: np.ndarray
) -> tuple[object, UserError | None]:
    """Returns the teacher's answer, and the error if a part of it cannot be read.

    If there is no answer, the ledger records whether the batch may have been billed.
    """
    try:
        return sender.teacher.ask(images), None
    except teachers.PartlyAnswered as error:
        return error.rows, error
    except teachers.Unanswered as error:
        sender.ledger.record_failure(sent.number, error.billed)
        raise
    except UserError as error:
        sender.ledger.record_failure(sent.number, billed=not isinstance(error, teachers.Refused))
        if isinstance(error, TeacherFailed):
            raise
        raise TeacherFailed(str(error)) from error
    except Exception as error:
        sender.ledger.record_failure(sent.number, billed=True)
        raise TeacherFailed(
            f"teacher {sender.teacher.identity} failed on {len(images)} images:"
            f" {fault_place.describe(error)}. Every earlier answer is kept in"
            f" {sender.ledger.path}; repair the teacher and run the same command"
        ) from error


def _record(
    sender: Sender, charge: ledger.Charge, sent: ledger.SentBatch, *, answer: object
) -> tuple[np.ndarray, answers.BadAnswer | None]:
    """Keeps the good rows of an answer: they were paid for.

    Returns:
      All rows, ``float32[B, Y]``, and the error about a bad one.

    Raises:
      BadAnswer: there are no rows; the batch may have been billed.
    """
    identity, form = sender.teacher.identity, sender.form
    try:
        rows = answers.raw(
            answer, images=len(sent.images), classes=sender.classes, form=form, identity=identity
        )
    except answers.BadAnswer:
        sender.ledger.record_failure(sent.number, billed=True)
        raise
    faults = answers.faults(rows, form)
    good = [place for place, fault in enumerate(faults) if not fault]
    images = [sent.images[place] for place in good]
    sender.ledger.record_answers(charge, sent.number, images=images, answers=rows[good])
    bad = next((answers.explain(fault, form, identity) for fault in faults if fault), None)
    return rows, bad
