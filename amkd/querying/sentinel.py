"""The sentinel: from time to time, sends an image again whose answer is known.

A single reply does not show whether it belongs to another request. If a known image suddenly has
another answer, replies may have been mixed up.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from amkd import ledger
from amkd.core.errors import TeacherFailed
from amkd.ledger.accounts import SENTINEL
from amkd.querying import sending
from amkd.teachers import repeated
from amkd.teachers.answers import BadAnswer


class ChangedAnswer(TeacherFailed):
    """Raised for a repeated answer that is not the earlier one."""


class Sent(NamedTuple):
    """What was sent for a batch: digests of its images, and its batch numbers in the ledger."""

    images: list[bytes]
    batches: list[int]


def count(images: int, batch: int, every: int) -> int:
    """Returns the number of the sentinel's queries while this many images are sent.

    Args:
      images: how many images are sent. The first one is sent alone.
      batch: images in one request.
      every: batches between two checks; 0 for no sentinel.
    """
    if not every or not images:
        return 0
    batches = 1 + -(-(images - 1) // batch)
    return -(-batches // every)


@dataclasses.dataclass
class Sentinel:
    """Checks the batches of one round.

    Attributes:
      every: batches between two checks; 0 for none.
      sender: how the teacher is reached.
      charge: the account of the batches that it checks.
      images: the images by digest, ``uint8[H, W, C]``.
    """

    every: int
    sender: sending.Sender
    charge: ledger.Charge
    images: Mapping[bytes, np.ndarray]

    def __post_init__(self) -> None:
        """Starts with the batches that an earlier start of the run has left unchecked."""
        self._unchecked: list[Sent] = []
        self._other, self._moved = "", 0  # where suspect answers are, and how many
        earlier = self.sender.ledger.unchecked(self.charge) if self.every else {}
        for number, images in earlier.items():
            if present := [image for image in images if image in self.images]:
                self._unchecked.append(Sent(present, [number]))

    def note(self, sent: Sent) -> None:
        """Notes a batch that was answered."""
        if self.every:
            self._unchecked.append(sent)

    def is_due(self, ended: bool = False) -> bool:
        """Returns whether a check is due; at the end of a round, one unchecked batch is enough."""
        return bool(self._unchecked) and (ended or len(self._unchecked) >= self.every)

    def check(self, ended: bool = False) -> None:
        """Sends an image of the unchecked batches again, and compares the answers.

        Answers that are suspect are set aside before this returns.

        Args:
          ended: whether the round ends. Then it is an image of the last batch, so that no batch
            counts as unchecked after a restart.

        Raises:
          ChangedAnswer: the answer is different now, or has another form.
          TeacherFailed: there is no answer.
          OutOfMoney: the query cannot be paid for.
        """
        book, own = self.sender.ledger, dataclasses.replace(self.charge, purpose=SENTINEL)
        before = book.used(own.run, SENTINEL, own.teacher)
        fresh = {image for sent in self._unchecked for image in sent.images} - before
        if not fresh:
            return
        last = fresh.intersection(self._unchecked[-1].images) if ended else set()
        image = min(last or fresh)  # digests are practically random, and the same on every machine
        # A different key: a service that respects keys would repeat its earlier reply.
        teacher = self.sender.teacher.of_run(f"{own.run}/sentinel/{book.count(own.run, SENTINEL)}")
        asks = dataclasses.replace(self.sender, teacher=teacher)
        (stored,) = book.find(own.teacher, [image]).values()
        try:
            answer = sending.ask_again(asks, own, image, self.images[image])
        except BadAnswer as problem:
            self._move(self._unchecked)
            raise ChangedAnswer(str(problem)) from problem
        form = self.sender.form
        if not repeated.same(stored, answer, form):
            self._move(self._unchecked)
            told = f"{_best(answer)}, and was {_best(stored)} before"
            raise ChangedAnswer(f"image {image.hex()[:16]} is now {told}")
        self._unchecked.clear()

    def set_aside(self, mismatch: ChangedAnswer, ended: Iterable[Sent]) -> TeacherFailed:
        """Sets aside the answers that were in flight, too; returns the error about all of them.

        Args:
          mismatch: the difference that was found.
          ended: batches that were in flight and were answered.
        """
        late = list(ended)
        self._move(late)
        batches = sorted(number for sent in [*self._unchecked, *late] for number in sent.batches)
        book, identity, moved = self.sender.ledger, self.sender.teacher.identity, self._moved
        other = self._other
        span = f"batch {batches[0]}" if len(batches) == 1 else f"batches {batches[0]} to"
        span += f" {batches[-1]}" if len(batches) > 1 else ""
        return TeacherFailed(
            f"the sentinel (config.teacher.sentinel={self.every}) sent an image to teacher"
            f" {identity} again, and the answer is not the same: {mismatch}. Replies may have"
            " reached the wrong requests, so that answers are stored for the wrong images. All"
            f" answers since the last good check are suspect ({span} of the ledger): these {moved}"
            f" answers are set aside in {book.path} under the identity {other!r}. Check the proxies"
            " and other software between this machine and the service:"
            " config.teacher.http.fresh_connections=True and config.teacher.in_flight=1 prevent"
            " most proxies from mixing up replies. Then run the same command again: it sends these"
            f" {moved} images again. If the service itself gives different answers to the same"
            " image, set config.teacher.sentinel=0"
        )

    def _move(self, suspects: list[Sent]) -> None:
        """Moves answers to another teacher in the ledger."""
        images = [image for sent in suspects for image in sent.images]
        batches = [number for sent in suspects for number in sent.batches]
        if not self._other:
            identity = self.sender.teacher.identity
            self._other = f"{identity} (set aside after batch {max(batches)})"
        self._moved += self.sender.ledger.set_aside(
            self.charge, self._other, images=images, batches=batches
        )


def _best(row: np.ndarray) -> str:
    best = int(np.nanargmax(row))
    return f"class {best} ({row[best]:.3g})"
