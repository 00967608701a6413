"""A teacher that follows a script of faults, and short ways to ask it."""

import collections
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from amkd import ledger, teachers
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.querying import client, sending
from amkd.querying.client import DISTILL
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import Refused, Unanswered

CLASSES = 4


def truth(images: np.ndarray) -> np.ndarray:
    """The function that the teacher is: probabilities that differ between images."""
    rows = [np.frombuffer(image_digest(image)[:CLASSES], np.uint8) + 1.0 for image in images]
    return np.stack([(row / row.sum()).astype(np.float32) for row in rows])


def some_images(count: int, first: int = 0) -> np.ndarray:
    """Distinct images, ``uint8[count, 2, 2, 1]``."""
    numbers = np.arange(first, first + count, dtype="<u4")
    return numbers.view(np.uint8).reshape(count, 2, 2, 1)


QUICK = RequestPolicy(first_wait=0.001, longest_wait=0.002)


Step = Callable[[np.ndarray], Any]


def lost(images: np.ndarray) -> object:
    raise Unanswered("timed out", billed=True)


def busy(images: np.ndarray) -> object:
    raise Unanswered("HTTP 503", billed=False)


def later(images: np.ndarray) -> object:
    raise Unanswered("HTTP 429", billed=False, after=0.003)


def refuse(images: np.ndarray) -> object:
    raise Refused("config.teacher.url: HTTP 401; check the key")


def complain(images: np.ndarray) -> object:
    raise UserError("config.teacher.url: garbled; mend it")


def crash(images: np.ndarray) -> object:
    raise ZeroDivisionError("oh")


def one_bad_row(images: np.ndarray) -> object:
    rows = truth(images)
    rows[len(rows) // 2, 0] = np.nan
    return rows


def more_classes(images: np.ndarray) -> object:
    return np.full((len(images), CLASSES + 1), 1 / (CLASSES + 1))


def too_few(images: np.ndarray) -> object:
    return truth(images)[:-1]


FREE = (busy, later, refuse)  # what is surely not billed


FAULTS = (lost, busy, later, refuse, complain, crash, one_bad_row, more_classes, too_few)


class Scripted:
    """A teacher that follows a script call by call, then is sound; it keeps its own books."""

    def __init__(self, *script: Step, pause: float = 0.0) -> None:
        self.script = list(script)
        self.pause = pause
        self.lock = threading.Lock()
        self.calls: list[list[bytes]] = []
        self.begun: list[float] = []
        self.flying = self.most = 0
        self.answered: collections.Counter[bytes] = collections.Counter()
        self.billed = 0  # images, at most

    def __call__(self, images: np.ndarray) -> np.ndarray:
        with self.lock:
            step = self.script[len(self.calls)] if len(self.calls) < len(self.script) else truth
            self.calls.append([image.tobytes() for image in images])
            self.begun.append(time.monotonic())
            self.flying += 1
            self.most = max(self.most, self.flying)
            self.billed += 0 if step in FREE else len(images)
        try:
            time.sleep(self.pause)
            rows = step(images)
            self._note(images, rows)
            return rows
        finally:
            with self.lock:
                self.flying -= 1

    def _note(self, images: np.ndarray, rows: np.ndarray) -> None:
        with self.lock:
            if rows.shape == (len(images), CLASSES):
                self.answered.update(
                    image.tobytes()
                    for image, row in zip(images, rows, strict=True)
                    if np.isfinite(row).all()
                )

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    @property
    def seen(self) -> list[bytes]:
        return [image for call in self.calls for image in call]


def client_of(
    book: ledger.Ledger,
    spy: Step,
    policy: RequestPolicy = QUICK,
    batch: int = 4,
    run: str = "run",
    **more: Any,
) -> client.QueryClient:
    return client.QueryClient(
        teacher=teachers.Teacher("spy", spy, **more),
        ledger=book,
        run=run,
        budget=1000,
        classes=CLASSES,
        batch=batch,
        policy=policy,
    )


def ask(
    query_client: client.QueryClient,
    images: np.ndarray,
    progress: Callable[[int], None] = lambda step: None,
) -> np.ndarray:
    return client.ask(query_client, images, DISTILL, round_=0, progress=progress)


def send(
    query_client: client.QueryClient, images: np.ndarray, sender: sending.Sender | None = None
) -> None:
    """One batch, without what surrounds it."""
    batch = {image_digest(image): image for image in images}
    sending.send_batch(sender or query_client.sender(), query_client.charge(DISTILL, 0), batch)


def states(book: ledger.Ledger) -> list[tuple[str, int, int]]:
    """Every batch's state, images and answers, in the order of sending."""
    return book.rows("SELECT state, images, answered FROM batch ORDER BY id")


def pending(book: ledger.Ledger) -> int:
    return book.rows("SELECT count(*) FROM pending")[0][0]


def found(book: ledger.Ledger, images: np.ndarray) -> int:
    """How many of the images have an answer."""
    return len(book.find(book.teacher("spy"), [image_digest(image) for image in images]))
