"""One batch on its way to the teacher: noted as sent, paced, tried again, and kept as it is
answered.
"""

from typing import NamedTuple

import numpy as np
import tenacity

from amkd import ledger, teachers
from amkd.config.teacher import TeacherSettings
from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.querying.pace import Pace
from amkd.teachers import answers

_LONGEST = 86400.0  # seconds that a service is waited for, whatever it asks
_TOLD = 60.0  # seconds of waiting that a person is told of


class Terms(NamedTuple):
    """How a teacher is treated, whatever it answers.

    Attributes:
      in_flight: requests under way at once.
      rate: requests a second at most; 0 for any number.
      attempts: how often a batch is tried.
      first_wait: seconds before the second attempt; it doubles from there, with jitter.
      longest_wait: most seconds between two attempts, unless the service itself asks for more.
      price: of one image.
      currency: what the price is counted in.
      max_cost: most that a run may spend; 0 for any amount.
    """

    in_flight: int = 1
    rate: float = 0.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    price: float = 0.0
    currency: str = ""
    max_cost: float = 0.0


def terms_of(teacher: TeacherSettings) -> Terms:
    """Returns how the configured teacher is treated."""
    return Terms(**{name: getattr(teacher, name) for name in Terms._fields})


class Post(NamedTuple):
    """Between one run and its teacher.

    Attributes:
      teacher: the black box.
      form: what it answers.
      classes: number of classes Y.
      ledger: where batches and answers are noted.
      terms: how the teacher is treated.
      pace: when requests may leave.
    """

    teacher: teachers.Teacher
    form: Form
    classes: int
    ledger: ledger.Ledger
    terms: Terms
    pace: Pace


def deliver(post: Post, purse: ledger.Purse, batch: dict[bytes, np.ndarray]) -> None:
    """Has one batch answered; whatever comes back is in the ledger when this returns or raises.

    Args:
      post: the way to the teacher.
      purse: who pays.
      batch: images ``uint8[H, W, C]`` by their addresses.

    Raises:
      UserError: the teacher failed for good or answered garbage, or the money does not suffice.
      Halted: the run stops; nothing is under way.
    """
    while batch:
        busy = _attempts(post)(_attempt, post, purse, batch)
        batch = {address: batch[address] for address in busy}
        if batch:  # another run has them in flight: its answers will do
            post.pace.wait(0.5)


def _attempts(post: Post) -> tenacity.Retrying:
    terms = post.terms
    backoff = tenacity.wait_exponential_jitter(
        terms.first_wait, terms.longest_wait, jitter=terms.first_wait
    )

    def wait(state: tenacity.RetryCallState) -> float:
        asked = min(_failure(state).after or 0.0, _LONGEST)
        if asked:
            post.pace.hold(asked)  # the service has had enough of all of us
        if asked >= _TOLD:
            print(f"{post.teacher.identity} asks to wait for {asked:.0f} seconds", flush=True)
        return max(asked, backoff(state))

    def stop(state: tenacity.RetryCallState) -> bool:
        # A whole reply that says nothing usable has been paid for: it is worth one more try, not
        # all of them.
        return state.attempt_number >= (
            min(terms.attempts, 2) if _failure(state).whole else terms.attempts
        )

    def give_up(state: tenacity.RetryCallState) -> None:
        raise UserError(
            f"teacher {post.teacher.identity} did not answer in {state.attempt_number} attempts,"
            " the last time because:"
            f" {_failure(state).reason}. Every answer before is kept in {post.ledger.path}; run"
            " the same command when"
            " it is well again, or be more patient: --config.teacher.attempts, first_wait, rate"
        )

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(teachers.Unanswered),
        stop=stop,
        wait=wait,
        sleep=post.pace.wait,
        retry_error_callback=give_up,
    )


def _failure(state: tenacity.RetryCallState) -> teachers.Unanswered:
    assert state.outcome is not None
    error = state.outcome.exception()
    assert isinstance(error, teachers.Unanswered)
    return error


def _attempt(post: Post, purse: ledger.Purse, batch: dict[bytes, np.ndarray]) -> list[bytes]:
    """Sends what is neither answered nor in flight; returns what another run has in flight."""
    post.pace.turn()
    sent = post.ledger.send(purse, list(batch))
    if sent.images:
        images = np.stack([batch[address] for address in sent.images])
        _keep(post, purse, sent, *_ask(post, sent, images))
    return sent.busy


def _ask(post: Post, sent: ledger.Sent, images: np.ndarray) -> tuple[object, UserError | None]:
    """The teacher's answer, and what is wrong with a part of it.

    Where there is no answer, the ledger knows whether it may have been billed.
    """
    try:
        return post.teacher.ask(images), None
    except teachers.PartlyAnswered as error:
        return error.rows, error
    except teachers.Unanswered as error:
        post.ledger.unanswered(sent.batch, error.billed)
        raise
    except UserError as error:
        post.ledger.unanswered(sent.batch, billed=not isinstance(error, teachers.Refused))
        raise
    except Exception as error:
        post.ledger.unanswered(sent.batch, billed=True)
        raise UserError(
            f"teacher {post.teacher.identity} failed on {len(images)} images:"
            f" {type(error).__name__}: {error}."
            f" Every answer before is kept in {post.ledger.path}; mend the teacher and run the"
            " same command"
        ) from error


def _keep(
    post: Post, purse: ledger.Purse, sent: ledger.Sent, answer: object, problem: UserError | None
) -> None:
    """Keeps the good rows of an answer, of a batch with garbage in it too: they were paid for."""
    try:
        rows = answers.raw(answer, len(sent.images), post.classes, post.form, post.teacher.identity)
    except answers.BadAnswer:
        post.ledger.unanswered(sent.batch, billed=True)
        raise
    faults = answers.faults(rows, post.form)
    good = [place for place, fault in enumerate(faults) if not fault]
    post.ledger.answered(purse, sent.batch, [sent.images[place] for place in good], rows[good])
    if problem is not None:
        raise problem
    for fault in faults:
        if fault:
            raise answers.explain(fault, post.form, post.teacher.identity)
