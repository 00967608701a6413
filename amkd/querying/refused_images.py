"""Images that a service refuses: all others are sent before the run stops."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from amkd.core import console
from amkd.core.errors import TeacherFailed

# Refusals, of images or of whole requests, after which nothing more is sent, if no image was
# answered yet.
_AT_FIRST = 2
_IN_A_ROW = 10  # the same, after the last answer; and one more for each request at the same time

Batch = TypeVar("Batch")


class RefusedImages:
    """The images that a service refused, such as for their content.

    Other images may still be answered. The images of a refused request are sent again, each alone.
    If several refusals come after one another, the service is at fault, and nothing more is sent.
    """

    def __init__(self, answered: bool, in_flight: int) -> None:
        """Starts without a refusal.

        Args:
          answered: whether the teacher has answered images of this run before.
          in_flight: requests at the same time. A refusal comes faster than an answer, so as many
            may come before an answer that was requested earlier.
        """
        self._first: TeacherFailed | None = None
        self._images: list[bytes] = []
        self._suspected: set[bytes] = set()
        self._in_a_row, self._answered, self._in_flight = 0, answered, in_flight

    @property
    def images(self) -> frozenset[bytes]:
        """The digests of the refused images."""
        return frozenset(self._images)

    @property
    def none_answered(self) -> bool:
        """Whether no image was answered yet."""
        return not self._answered

    def parts(self, batch: dict[bytes, Batch]) -> Iterator[dict[bytes, Batch]]:
        """Yields a batch, or its first image and then its other ones if all so far were refused.

        A part must be answered, or refused, before the next one is taken.
        """
        if self._first and self.none_answered and len(batch) > 1:
            first, *others = batch
            yield {first: batch[first]}
            batch = {image: batch[image] for image in others}
        yield batch

    def apart(self, batches: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
        """Yields the batches; the images of a refused request are now each sent alone."""
        for batch in batches:
            yield from ([image] for image in batch if image in self._suspected)
            if others := [image for image in batch if image not in self._suspected]:
                yield others

    def answered(self) -> None:
        """Notes that a batch was answered."""
        self._in_a_row, self._answered = 0, True

    def note(self, error: TeacherFailed) -> None:
        """Notes an error about a batch.

        Raises:
          TeacherFailed: the error is no refusal of single images, or there are too many.
        """
        if not (error.refused or error.suspected):
            raise error
        self._suspected.update(error.suspected)
        if error.refused:
            self._first = self._first or error
            self._images += error.refused
        if error.answered:  # the service works
            return
        self._in_a_row += len(error.refused) or 1
        if self._in_a_row >= (_IN_A_ROW + self._in_flight if self._answered else _AT_FIRST):
            self.check()
            raise type(error)(
                f"{error}. It refused {self._in_a_row} requests one after the other. If it answers"
                " requests with one image, set config.teacher.batch=1"
            )

    def check(self, *, others_sent: bool = False) -> None:
        """Raises what was noted.

        Args:
          others_sent: whether all other images were sent.

        Raises:
          TeacherFailed: an image was refused.
        """
        if not self._first:
            return
        first, (_, *others) = self._first, self._images
        self._first, error = None, first
        if others:
            error = type(first)(f"{first}. Also refused: {_listed(others)}")
            error.answered, error.batches, error.__cause__ = first.answered, first.batches, first
        error.refused, error.others_sent = tuple(self._images), others_sent
        raise error

    def mention(self) -> None:
        """Prints the refused images, if another error ends the sending before :meth:`check`."""
        if self._first:
            console.mention(f"refused by the teacher: {_listed(self._images)}", error=True)


def _listed(images: list[bytes]) -> str:
    """Lists all of them: no other place has the keys that an import needs."""
    return ", ".join(f"image={digest.hex()}" for digest in images)
