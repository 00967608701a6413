"""Asking the teacher: look up first, stay within the budget, keep every answer as it comes."""

import collections
import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent import futures
from typing import NamedTuple

import numpy as np

from amkd import ledger as ledgers
from amkd import teachers
from amkd.config.teacher_answers import Form
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.ledger.accounts import DISTILL, EVALUATE
from amkd.querying import sending
from amkd.querying.pace import Pace
from amkd.teachers import answers

__all__ = ["DISTILL", "EVALUATE", "Desk", "ask", "recall"]

_LOOK = 0.2  # seconds between two looks at whether the run is to stop


class Desk(NamedTuple):
    """Where a run asks its questions.

    Attributes:
      teacher: the black box.
      ledger: answers paid for.
      run: identity of the run in the ledger.
      budget: most images whose answers the run may use for distillation.
      classes: number of classes Y.
      batch: images in one request.
      form: how answers are read.
      terms: how the teacher is treated.
    """

    teacher: teachers.Teacher
    ledger: ledgers.Ledger
    run: str
    budget: int
    classes: int
    batch: int
    form: Form = Form()
    terms: sending.Terms = sending.Terms()

    def purse(self, purpose: str, round_: int) -> ledgers.Purse:
        """What a batch's sending is charged to."""
        number, terms = self.ledger.teacher(self.teacher.identity), self.terms
        money = (terms.price, terms.currency, terms.max_cost)
        return ledgers.Purse(self.run, purpose, number, round_, *money, self.teacher.patience)

    def post(self) -> sending.Post:
        """A way to the teacher."""
        pace = Pace(self.terms.rate)
        return sending.Post(self.teacher, self.form, self.classes, self.ledger, self.terms, pace)


def ask(
    desk: Desk, images: np.ndarray, purpose: str, round_: int, progress: Callable[[int], None]
) -> np.ndarray:
    """The teacher's answers; only images that the ledger does not hold are sent, each once.

    Args:
      desk: where to ask.
      images: ``uint8[M, H, W, C]``.
      purpose: ``DISTILL`` or ``EVALUATE``.
      round_: round the answers are for.
      progress: told the number of images after every batch, and 0 now and then; may raise to stop,
        which ends the sending and waits for what is in flight.

    Returns:
      Class probabilities ``float32[M, Y]``.

    Raises:
      UserError: the budget does not allow it (nothing is sent), or the teacher failed or answered
        garbage (what was answered before is kept).
    """
    digests = [image_digest(image) for image in images]
    purse = desk.purse(purpose, round_)
    times = collections.Counter(digests)  # in the order of the images
    place = dict(zip(digests, range(len(digests)), strict=True))
    if purpose == DISTILL:
        _check_budget(desk, len(desk.ledger.used(desk.run, purpose, purse.teacher) | times.keys()))
    known = desk.ledger.find(purse.teacher, list(times))
    _check_known(desk, known)
    desk.ledger.note_found(purse, list(known))
    progress(sum(times[address] for address in known))
    missing = [address for address in times if address not in known]
    batches = (
        {address: images[place[address]] for address in part}
        for part in _batches(missing, desk.batch)
    )
    with contextlib.closing(_deliver_all(desk, purse, batches, progress)) as delivered:
        for done in delivered:
            progress(sum(times[address] for address in done))
    fresh = desk.ledger.find(purse.teacher, missing)
    _check_known(desk, fresh)  # another run, of other settings, may have been first
    return _read(desk, digests, {**known, **fresh})


def _batches(missing: list[bytes], size: int) -> Iterator[list[bytes]]:
    """The first batch is a single image: a teacher that answers garbage is caught at its price."""
    if missing:
        yield missing[:1]
    for start in range(1, len(missing), size):
        yield missing[start : start + size]


def _deliver_all(
    desk: Desk,
    purse: ledgers.Purse,
    batches: Iterator[dict[bytes, np.ndarray]],
    progress: Callable[[int], None],
) -> Generator[list[bytes], None, None]:
    """Sends all batches, several at once after the first; yields the addresses of each as it is
    done.
    """
    post = desk.post()
    with futures.ThreadPoolExecutor(desk.terms.in_flight) as threads:
        flying: dict[futures.Future, list[bytes]] = {}
        try:
            for number, batch in enumerate(batches):
                flying[threads.submit(sending.deliver, post, purse, batch)] = list(batch)
                while flying and (number == 0 or len(flying) >= desk.terms.in_flight):
                    yield from _landed(flying, progress)
            while flying:
                yield from _landed(flying, progress)
        finally:
            post.pace.halt()  # what waits gives up; what is in flight is paid for, and awaited


def _landed(
    flying: dict[futures.Future, list[bytes]], progress: Callable[[int], None]
) -> Iterator[list[bytes]]:
    """Waits a moment for batches in flight; raises what went wrong with one."""
    done, _ = futures.wait(flying, _LOOK, futures.FIRST_COMPLETED)
    progress(0)
    for future in done:
        images = flying.pop(future)
        future.result()
        yield images


def recall(desk: Desk, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Answers that this run has already had; never asks the teacher.

    Args:
      desk: where they were asked.
      blocks: the images, in blocks of ``uint8[B, H, W, C]``.

    Returns:
      Class probabilities ``float32[M, Y]``, M being the images of all blocks.

    Raises:
      UserError: the ledger no longer holds them.
    """
    digests = [image_digest(image) for block in blocks for image in block]
    known = desk.ledger.find(desk.ledger.teacher(desk.teacher.identity), list(set(digests)))
    lost = len(set(digests) - known.keys())
    if lost:
        raise UserError(
            f"ledger {desk.ledger.path} lacks {lost} answers of {desk.teacher.identity} that this"
            " run had."
            " Nothing was sent. Put the ledger back that the run was started with"
            " (config.ledger.path, and"
            " the same teacher), or start in a new workdir"
        )
    _check_known(desk, known)
    return _read(desk, digests, known)


def _read(desk: Desk, digests: list[bytes], known: dict[bytes, np.ndarray]) -> np.ndarray:
    rows = np.array([known[address] for address in digests], np.float32).reshape(
        len(digests), desk.classes
    )
    return answers.probabilities(rows, desk.form)


def _check_budget(desk: Desk, total: int) -> None:
    if total > desk.budget:
        raise UserError(
            f"config.budget={desk.budget}: the next queries would make it {total}; nothing"
            " was sent."
            " Raise the budget in a new workdir (--config.ledger.path keeps what was paid for)"
        )


def _check_known(desk: Desk, known: dict[bytes, np.ndarray]) -> None:
    if any(len(answer) != desk.classes for answer in known.values()):
        raise UserError(
            f"ledger {desk.ledger.path} holds answers of {desk.teacher.identity} that do not have"
            f" {desk.classes} classes; give this teacher another identity, or name another ledger"
        )
    rows = np.array(list(known.values()), np.float32).reshape(len(known), desk.classes)
    for fault in answers.faults(rows, desk.form):
        if fault:
            raise UserError(
                f"ledger {desk.ledger.path} holds an answer of {desk.teacher.identity} that is"
                f" {fault}:"
                f" config.teacher.answers.form={desk.form.form!r} does not fit what it"
                " answered before"
            )
