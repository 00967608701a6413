"""Asks the teacher: checks the budget, searches the ledger, and stores every answer at once."""

import collections
import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
from typing import Any

import numpy as np

from amkd import ledger as ledgers
from amkd import teachers
from amkd.config.teacher_answers import Form
from amkd.core import console
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed, UserError
from amkd.ledger.accounts import DISTILL, EVALUATE, PROBE, SENTINEL, SERVE
from amkd.querying import sending, sentinel, splitting
from amkd.querying.images_by_digest import ImagesByDigest
from amkd.querying.pace import Pace
from amkd.querying.refused_images import RefusedImages
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import answers

__all__ = ["DISTILL", "EVALUATE", "PROBE", "SENTINEL", "SERVE", "QueryClient", "ask", "recall"]

_Flying = dict["futures.Future[list[int]]", list[bytes]]  # images of the batches in flight
_POLL = 0.2  # seconds between two checks whether the run must stop


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueryClient:
    """Everything that is needed to ask a teacher on behalf of a run.

    Attributes:
      teacher: the black box.
      ledger: where answers and batches are recorded.
      run: identity of the run in the ledger.
      budget: maximum number of images whose answers the run may use for distillation.
      classes: number of classes Y.
      batch: images in one request.
      form: how answers are read.
      policy: how often and how fast the teacher may be asked, and what it costs.
    """

    teacher: teachers.Teacher
    ledger: ledgers.Ledger
    run: str
    budget: int
    classes: int
    batch: int
    form: Form = dataclasses.field(default_factory=Form)
    policy: RequestPolicy = dataclasses.field(default_factory=RequestPolicy)

    def charge(self, purpose: str, round_: int) -> ledgers.Charge:
        """Returns the account that batches of a purpose and a round are charged to."""
        return ledgers.Charge(
            run=self.run,
            purpose=purpose,
            teacher=self.ledger.teacher(self.teacher.identity),
            round=round_,
            price=self.policy.price,
            currency=self.policy.currency,
            limit=self.policy.max_cost,
            most_in_vain=self.policy.max_lost,
            patience=self.teacher.patience,
        )

    def sender(self) -> sending.Sender:
        """Returns a sender with its own pace."""
        return sending.Sender(
            teacher=self.teacher.of_run(self.run),
            form=self.form,
            classes=self.classes,
            ledger=self.ledger,
            policy=self.policy,
            pace=Pace(self.policy.rate),
        )


def ask(
    client: QueryClient,
    images: Sequence[np.ndarray] | np.ndarray,
    purpose: str,
    *,
    round_: int,
    progress: Callable[[int], None],
) -> np.ndarray:
    """Returns the teacher's answers; sends only images without an answer in the ledger, each once.

    Args:
      client: how to ask.
      images: ``uint8[M, H, W, C]``, or a sequence that makes each image when it is accessed.
      purpose: ``DISTILL``, ``EVALUATE``, ``PROBE`` or ``SERVE``.
      round_: round that needs the answers.
      progress: called with the number of images after every batch, and with 0 from time to time.
        It may raise to stop the sending; answers to images in flight are then awaited and kept.

    Returns:
      Class probabilities ``float32[M, Y]``.

    Raises:
      OutOfMoney: not all images can be paid for; as many as possible were sent.
      UserError: the budget does not allow it (nothing is sent), or the teacher failed or gave an
        unusable answer (earlier answers are kept).
    """
    digests = [image_digest(image) for image in images]
    charge = client.charge(purpose, round_)
    times = collections.Counter(digests)  # in the order of the images
    place = {digest: number for number, digest in enumerate(digests)}
    if purpose == DISTILL:
        used = client.ledger.used(client.run, purpose, charge.teacher)
        _check_budget(client, len(used | times.keys()))
    known = client.ledger.find(charge.teacher, list(times))
    _check_known(client, known)
    client.ledger.record_found(charge, list(known))
    progress(sum(times[digest] for digest in known))
    missing = [one for one in times if one not in known]

    def answered(done: Iterable[bytes]) -> None:
        progress(sum(times[digest] for digest in done))

    paid: set[bytes] = set()
    if client.teacher.has_keys:  # such a service can recognise images in flight
        paid = client.ledger.used(client.run, purpose, charge.teacher, paid_only=True)
    parts = splitting.parts(list(times), known, paid, size=client.batch)
    fresh = _send_missing(
        client,
        charge,
        missing,
        images=ImagesByDigest(images, place),
        parts=parts,
        answered=answered,
    )
    _check_known(client, fresh)  # another run, with other settings, may have been first
    return _read(client, digests, {**known, **fresh})


def _send_missing(
    client: QueryClient,
    charge: ledgers.Charge,
    missing: Sequence[bytes],
    *,
    images: Mapping[bytes, np.ndarray],
    parts: list[list[bytes]],
    answered: Callable[[Iterable[bytes]], None],
) -> dict[bytes, np.ndarray]:
    """Sends the missing ones of the images in these batches, and returns their answers.

    Raises:
      OutOfMoney: not all images can be paid for; as many as possible were sent.
    """
    left = set(missing)
    before = client.ledger.count(client.run, charge.purpose) > 0
    refused = RefusedImages(before, client.policy.in_flight)

    def send(batches: Iterator[dict[bytes, np.ndarray]]) -> None:
        sent = _send_all(
            client, charge, batches, images=images, refused=refused, progress=lambda: answered(())
        )
        # Lost requests cost money, too. If the rest pays for only a part of a batch, it is spent.
        with contextlib.suppress(ledgers.OutOfMoney), contextlib.closing(sent):
            for done in sent:
                answered(done)

    try:
        if client.policy.sentinel and not left:  # an earlier start may have ended before a check
            send(iter(()))
        while left:
            affordable = client.ledger.affordable(charge, len(left))
            if not affordable:
                raise client.ledger.out_of_money(charge, len(left))
            send(
                {digest: images[digest] for digest in part}
                for part in splitting.first(parts, affordable)
            )
            left -= client.ledger.find(charge.teacher, list(left)).keys() | refused.images
            kept = ([image for image in part if image in left] for part in parts)
            parts = list(refused.apart(kept))
        refused.check(others_sent=True)
    except Exception:
        refused.mention()
        raise
    return client.ledger.find(charge.teacher, missing)


def _send_all(
    client: QueryClient,
    charge: ledgers.Charge,
    batches: Iterator[dict[bytes, np.ndarray]],
    *,
    images: Mapping[bytes, np.ndarray],
    refused: RefusedImages,
    progress: Callable[[], None],
) -> Generator[list[bytes], None, None]:
    """Sends all batches, several at once after the first; yields the digests of those answered."""
    sender, in_flight = client.sender(), client.policy.in_flight
    watch = sentinel.Sentinel(client.policy.sentinel, sender, charge, images)
    flying: _Flying = {}

    def ended(threads: futures.Executor, left: int) -> Iterator[list[bytes]]:
        """Yields what ends until only so many batches are in flight."""
        while len(flying) > left:
            yield from _finished(flying, watch, refused, progress)
            _check(threads, watch, progress)

    try:
        with futures.ThreadPoolExecutor(in_flight) as threads:
            try:
                parts = (part for whole in batches for part in refused.parts(whole))
                for number, batch in enumerate(parts):
                    flying[threads.submit(sending.send_batch, sender, charge, batch)] = list(batch)
                    # The first batch is sent alone, and others until one was answered.
                    alone = not number or refused.none_answered
                    yield from ended(threads, 0 if alone else in_flight - 1)
                yield from ended(threads, 0)
                _check(threads, watch, progress, ended=True)
            except KeyboardInterrupt:
                sender.pace.halt()
                _mention_wait(flying)
                raise
            finally:
                # Waiting batches are cancelled; those in flight are paid for, and awaited.
                sender.pace.halt()
    except sentinel.ChangedAnswer as mismatch:
        late = (_answered(asked, future) for future, asked in flying.items())
        raise watch.set_aside(mismatch, [one for one in late if one.images]) from mismatch


def _finished(
    flying: _Flying,
    watch: sentinel.Sentinel,
    refused: RefusedImages,
    progress: Callable[[], None],
) -> Iterator[list[bytes]]:
    """Waits briefly for batches in flight; yields the finished ones, and raises their errors. Only
    notes that single images were refused.
    """
    done, _ = futures.wait(flying, _POLL, futures.FIRST_COMPLETED)
    progress()
    for future in [one for one in flying if one in done]:  # as they were sent
        sent = _answered(flying.pop(future), future)
        if error := future.exception():
            if not isinstance(error, TeacherFailed):
                raise error
            refused.note(error)
        if sent.images:
            watch.note(sent)
            refused.answered()
            yield sent.images


def _answered(images: list[bytes], future: "futures.Future[list[int]]") -> sentinel.Sent:
    """Returns what was answered of a batch that has ended: all of it, unless there was an error."""
    error = future.exception()
    if error is None:
        return sentinel.Sent(images, future.result())
    if isinstance(error, TeacherFailed):
        return sentinel.Sent([*error.answered], [*error.batches])
    return sentinel.Sent([], [])


def _check(
    threads: futures.Executor,
    watch: sentinel.Sentinel,
    progress: Callable[[], None],
    *,
    ended: bool = False,
) -> None:
    """Runs the check of the sentinel if it is due, and waits for the result."""
    if watch.is_due(ended):
        asked = threads.submit(watch.check, ended)
        try:
            while not futures.wait([asked], _POLL).done:
                progress()
        except BaseException as error:  # the run stops; but what the check finds must not be lost
            watch.sender.pace.halt()
            if isinstance(error, KeyboardInterrupt):
                _mention_wait([asked])
            if isinstance(mismatch := asked.exception(), sentinel.ChangedAnswer):
                raise mismatch from None
            raise
        asked.result()


def _mention_wait(flying: Iterable["futures.Future[Any]"]) -> None:
    """Says after an interrupt that the teacher's answers are waited for, if any are in flight."""
    if not all(one.done() for one in flying):
        console.mention("interrupted; waiting for answers in flight, which are paid for")


def unanswered(client: QueryClient, images: np.ndarray) -> int:
    """Counts the distinct images that have no answer in the ledger."""
    digests = {image_digest(image) for image in images}
    teacher = client.ledger.teacher(client.teacher.identity)
    return len(digests) - len(client.ledger.find(teacher, list(digests)))


def look_up(client: QueryClient, images: np.ndarray, purpose: str, *, round_: int) -> np.ndarray:
    """Returns the answers that the ledger has, and records their use; never asks the teacher.

    Args:
      client: how to ask.
      images: ``uint8[B, H, W, C]``.
      purpose: the purpose of these queries.
      round_: round that needs the answers.

    Returns:
      Class probabilities ``float32[B, Y]``; rows of NaN for images without an answer.

    Raises:
      UserError: an answer in the ledger cannot be read with these settings.
    """
    digests = [image_digest(image) for image in images]
    charge = client.charge(purpose, round_)
    known = client.ledger.find(charge.teacher, list(set(digests)))
    _check_known(client, known)
    client.ledger.record_found(charge, list(known))
    rows = np.full((len(images), client.classes), np.nan, np.float32)
    held = [place for place, digest in enumerate(digests) if digest in known]
    rows[held] = _read(client, [digests[place] for place in held], known)
    return rows


def paid_for(client: QueryClient, blocks: Iterable[np.ndarray], purpose: str) -> np.ndarray:
    """Returns which images the run has answers to, ``bool[M]``; never asks the teacher.

    Args:
      client: the client that asked for them.
      blocks: the images, in blocks of ``uint8[B, H, W, C]``.
      purpose: the purpose of these queries.
    """
    teacher = client.ledger.teacher(client.teacher.identity)
    used = client.ledger.used(client.run, purpose, teacher)
    return np.array([image_digest(image) in used for block in blocks for image in block], bool)


def recall(client: QueryClient, blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Returns answers that this run has already had; never asks the teacher.

    Args:
      client: the client that asked for them.
      blocks: the images, in blocks of ``uint8[B, H, W, C]``.

    Returns:
      Class probabilities ``float32[M, Y]``, where M is the number of images in all blocks.

    Raises:
      UserError: the ledger no longer contains them.
    """
    digests = [image_digest(image) for block in blocks for image in block]
    teacher = client.ledger.teacher(client.teacher.identity)
    known = client.ledger.find(teacher, list(set(digests)))
    if lost := len(set(digests) - known.keys()):
        raise UserError(
            f"{lost} answers of {client.teacher.identity} that this run already used are missing"
            f" from ledger {client.ledger.path}. Nothing was sent. Restore the ledger that the run"
            " was started with (config.ledger.path, and the same teacher), or start in a new"
            " workdir"
        )
    _check_known(client, known)
    return _read(client, digests, known)


def _read(client: QueryClient, digests: list[bytes], known: dict[bytes, np.ndarray]) -> np.ndarray:
    rows = np.array([known[digest] for digest in digests], np.float32)
    return answers.probabilities(rows.reshape(len(digests), client.classes), client.form)


def _check_budget(client: QueryClient, total: int) -> None:
    if total > client.budget:
        raise UserError(
            f"config.budget={client.budget}: the run would then have used {total} images, which is"
            " more than the budget; nothing was sent. Increase config.budget in a new workdir (with"
            " the same --config.ledger.path, paid answers are reused)"
        )


def _check_known(client: QueryClient, known: dict[bytes, np.ndarray]) -> None:
    if any(len(answer) != client.classes for answer in known.values()):
        raise UserError(
            f"ledger {client.ledger.path} contains answers of {client.teacher.identity} that do not"
            f" have {client.classes} classes; give this teacher another config.teacher.identity, or"
            " use another ledger (config.ledger.path)"
        )
    rows = np.array(list(known.values()), np.float32).reshape(len(known), client.classes)
    for fault in answers.faults(rows, client.form):
        if fault:
            raise UserError(
                f"ledger {client.ledger.path} contains an answer of {client.teacher.identity} that"
                f" is {fault}: config.teacher.answers.form={client.form.form!r} does not fit the"
                " earlier answers of this teacher; set the form that fits them"
            )
