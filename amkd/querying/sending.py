"""Sends one batch to the teacher: records it, limits the rate, retries, and stores the answers."""

import asyncio
import dataclasses

import numpy as np
import tenacity

from amkd import ledger, teachers
from amkd.config.teacher_answers import Form
from amkd.core import fault_place
from amkd.core.errors import TeacherFailed, UserError
from amkd.querying import retries
from amkd.querying.pace import Pace
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import answers

_POLL = 0.5  # seconds between two checks whether another run has received an answer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sender:
    """Holds what all threads that send batches to one teacher share.

    Attributes:
      teacher: the black box.
      form: how its answers are read.
      classes: number of classes Y.
      ledger: where batches and answers are recorded.
      policy: how often and how fast the teacher may be asked.
      pace: when requests may be sent.
    """

    teacher: teachers.Teacher
    form: Form
    classes: int
    ledger: ledger.Ledger
    policy: RequestPolicy
    pace: Pace


def send_batch(sender: Sender, charge: ledger.Charge, batch: dict[bytes, np.ndarray]) -> list[int]:
    """Gets the answers to one batch; they are in the ledger when this returns or raises.

    Returns the numbers of the batches in the ledger.

    Args:
      sender: how the teacher is reached.
      charge: the account that pays.
      batch: image digest to image ``uint8[H, W, C]``.

    Raises:
      TeacherFailed: the teacher failed permanently or gave an unusable answer.
      UserError: the cost limit is reached.
      Halted: the run stops; no part of the batch is in flight.
    """
    numbers = []
    while batch:
        with sender.ledger.at_work():
            sent = _retrying(sender)(_attempt, sender, charge, batch)
        numbers += [sent.number] if sent.images else []
        batch = {digest: batch[digest] for digest in sent.busy}
        if batch:  # another run has these images in flight, and its answers can be used
            sender.pace.wait(_POLL)
    return numbers


def ask_again(
    sender: Sender, charge: ledger.Charge, digest: bytes, image: np.ndarray
) -> np.ndarray:
    """Returns a new answer to an image that already has one; the ledger keeps the earlier answer.

    Args:
      sender: how the teacher is reached.
      charge: the account that pays.
      digest: the digest of the image.
      image: ``uint8[H, W, C]``.

    Returns:
      The raw scores, ``float32[Y]``.

    Raises:
      TeacherFailed: the teacher failed permanently or gave an unusable answer.
      UserError: the cost limit is reached.
      Halted: the run stops.
    """
    with sender.ledger.at_work():
        return _retrying(sender)(_attempt_again, sender, charge, digest, image)


def _retrying(sender: Sender) -> tenacity.Retrying:
    return retries.retrying(
        sender.policy,
        sender.pace,
        teacher=sender.teacher.identity,
        ledger=sender.ledger.path,
    )


def _attempt(
    sender: Sender, charge: ledger.Charge, batch: dict[bytes, np.ndarray]
) -> ledger.SentBatch:
    """Sends the images that have no answer yet; returns the result for all images."""
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
    """Stores the raw answers to a batch in the ledger and returns them; raises the first error."""
    answer, problem = _ask(sender, sent, images)
    rows, faults = _record(sender, charge, sent, answer=answer)
    if not faults:
        if problem:
            raise problem
        return rows
    refusals = set(problem.refusals if problem else ()) & faults.keys()
    others = faults.keys() - refusals
    if refusals and others:  # another fault may show that all answers are wrong, so it comes first
        problem = None
    place = min(others or refusals)
    wrong = answers.explain(faults[place], sender.form, sender.teacher.identity)
    named = _naming(problem or wrong, sent.images[place])
    if not others:
        named.refused = tuple(sent.images[one] for one in sorted(refusals))
        named.answered = tuple(
            image for number, image in enumerate(sent.images) if number not in faults
        )
        named.batches = (sent.number,)
    raise named


def _naming(error: TeacherFailed, image: bytes | None) -> TeacherFailed:
    """Returns an error about one image with the image's digest, by which the ledger knows it."""
    if image is None:
        return error
    kind = answers.BadAnswer if isinstance(error, answers.BadAnswer) else TeacherFailed
    return kind(
        f"{error} (the image with the key image={image.hex()}; if only this image fails, an answer"
        " to it can be imported: amkd ledger import, with the column 'image')"
    )


def _ask(
    sender: Sender, sent: ledger.SentBatch, images: np.ndarray
) -> tuple[object, teachers.PartlyAnswered | None]:
    """Returns the teacher's answer, and an error if a part of it cannot be read.

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
        free = isinstance(error, teachers.Refused)
        sender.ledger.record_failure(sent.number, billed=not free)
        failed = error if isinstance(error, TeacherFailed) else TeacherFailed(str(error))
        of_images = isinstance(error, teachers.ImageRefused)
        of_one = len(images) == 1 and getattr(error, "of_image", True)
        named = _naming(failed, sent.images[0] if of_images or of_one else None)
        if of_images or (of_one and free):
            named.refused = tuple(sent.images)
        elif isinstance(error, teachers.Refused) and error.of_image:
            named.suspected = tuple(sent.images)
        raise named from error
    except BaseException as error:
        sender.ledger.record_failure(sent.number, billed=True)
        # SystemExit would end the whole process without a message.
        if not isinstance(error, (Exception, SystemExit, asyncio.CancelledError)):
            raise
        raise TeacherFailed(
            f"teacher {sender.teacher.identity} failed on {len(images)} images:"
            f" {fault_place.describe(error)}. Every earlier answer is kept in"
            f" {sender.ledger.path}; repair the teacher and run the same command again"
        ) from error


def _record(
    sender: Sender, charge: ledger.Charge, sent: ledger.SentBatch, *, answer: object
) -> tuple[np.ndarray, dict[int, str]]:
    """Stores the good rows of an answer, because they were paid for.

    Returns:
      All rows, ``float32[B, Y]``, and the faults of the bad ones by their places.

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
    faults = {place: fault for place, fault in enumerate(answers.faults(rows, form)) if fault}
    good = [place for place in range(len(rows)) if place not in faults]
    images = [sent.images[place] for place in good]
    sender.ledger.record_answers(charge, sent.number, images=images, answers=rows[good])
    return rows, faults
