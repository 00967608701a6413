"""Asking the teacher: look up first, stay within the budget, keep every answer as it comes."""

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from amkd import ledger as ledgers
from amkd import teachers
from amkd.errors import UserError

DISTILL, EVALUATE = "distill", "evaluate"  # purposes; only the first counts against the budget


class Desk(NamedTuple):
    """Where a run asks its questions.

    Attributes:
      teacher: the black box.
      ledger: answers paid for.
      run: identity of the run in the ledger.
      budget: most images whose answers the run may use for distillation.
      classes: number of classes Y.
      batch: images in one call of the teacher.
    """

    teacher: teachers.Teacher
    ledger: ledgers.Ledger
    run: str
    budget: int
    classes: int
    batch: int


def ask(desk: Desk, images: np.ndarray, purpose: str, round_: int, progress: Callable[[int], None]) -> np.ndarray:
    """The teacher's answers; only images that the ledger does not hold are sent, each once.

    Args:
      desk: where to ask.
      images: ``uint8[M, H, W, C]``.
      purpose: ``DISTILL`` or ``EVALUATE``.
      round_: round the answers are for.
      progress: told the number of images after every batch; may raise to stop.

    Returns:
      ``float32[M, Y]``.

    Raises:
      UserError: the budget does not allow it (nothing is sent), or the teacher failed or answered
        garbage (what was answered before is kept).
    """
    ledger, digests = desk.ledger, [ledgers.digest(image) for image in images]
    teacher = ledger.teacher(desk.teacher.identity)
    times = collections.Counter(digests)  # in the order of the images
    place = dict(zip(digests, range(len(digests)), strict=True))
    if purpose == DISTILL:
        _check_budget(desk, len(ledger.used(desk.run, purpose, teacher) | times.keys()))
    known = ledger.find(teacher, list(times))
    _check_known(desk, known)
    ledger.note_found(desk.run, purpose, teacher, list(known), round_)
    progress(sum(times[address] for address in known))
    missing = [address for address in times if address not in known]
    for part in _batches(missing, desk.batch):
        answers = _send(desk, images[[place[address] for address in part]])
        good = teachers.good_rows(answers, len(part), desk.classes)
        paid = [address for address, row in zip(part, good, strict=True) if row is not None]
        if paid:  # of a batch with garbage in it too: it was paid for
            rows = np.stack([row for row in good if row is not None])
            ledger.add_paid(desk.run, purpose, teacher, paid, rows, round_)
        teachers.check(answers, len(part), desk.classes, desk.teacher.identity)
        known.update(ledger.find(teacher, part))  # another run's, if it was faster
        progress(sum(times[address] for address in part))
    return np.stack([known[address] for address in digests])


def _batches(missing: list[bytes], size: int) -> Iterator[list[bytes]]:
    """The first batch is a single image: a teacher that answers garbage is caught at its price."""
    if missing:
        yield missing[:1]
    for start in range(1, len(missing), size):
        yield missing[start : start + size]


def recall(desk: Desk, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Answers that this run has already had; never asks the teacher.

    Args:
      desk: where they were asked.
      blocks: the images, in blocks of ``uint8[B, H, W, C]``.

    Returns:
      ``float32[M, Y]``, M being the images of all blocks.

    Raises:
      UserError: the ledger no longer holds them.
    """
    digests = [ledgers.digest(image) for block in blocks for image in block]
    known = desk.ledger.find(desk.ledger.teacher(desk.teacher.identity), list(set(digests)))
    lost = len(set(digests) - known.keys())
    if lost:
        raise UserError(
            f"ledger {desk.ledger.path} lacks {lost} answers of {desk.teacher.identity} that this run had."
            " Nothing was sent. Put the ledger back that the run was started with (config.ledger.path, and"
            " the same teacher), or start in a new workdir"
        )
    _check_known(desk, known)
    return np.array([known[address] for address in digests], np.float32).reshape(len(digests), desk.classes)


def _check_budget(desk: Desk, total: int) -> None:
    if total > desk.budget:
        raise UserError(
            f"config.budget={desk.budget}: the next queries would make it {total}; nothing was sent."
            " Raise the budget in a new workdir (--config.ledger.path keeps what was paid for)"
        )


def _check_known(desk: Desk, known: dict[bytes, np.ndarray]) -> None:
    if any(len(answer) != desk.classes for answer in known.values()):
        raise UserError(
            f"ledger {desk.ledger.path} holds answers of {desk.teacher.identity} that do not have"
            f" {desk.classes} classes; give this teacher another identity, or name another ledger"
        )


def _send(desk: Desk, images: np.ndarray) -> object:
    try:
        return desk.teacher.ask(images)
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"teacher {desk.teacher.identity} failed on {len(images)} images: {type(error).__name__}: {error}."
            f" Every answer before is kept in {desk.ledger.path}; mend the teacher and run the same command"
        ) from error
