"""Images that a service refuses: all others are sent before the run stops."""

from collections.abc import Iterator
from typing import TypeVar

from amkd.core.errors import TeacherFailed

_AT_FIRST = 2  # refusals after which nothing more is sent, if no image was answered yet
_IN_A_ROW = 3  # the same, after the last answer
_LISTED = 20

Batch = TypeVar("Batch")


class ImageFailures:
    """The images that a service refused, such as for their content; a refusal costs nothing.

    Other images may still be answered. If several are refused after one another, the service is at
    fault, and nothing more is sent.
    """

    def __init__(self) -> None:
        """Starts without a refusal."""
        self._errors: list[TeacherFailed] = []
        self._in_a_row, self._answered = 0, False

    @property
    def alone(self) -> bool:
        """Whether one image is sent at a time, because none was answered yet."""
        return not self._answered

    def parts(self, batch: dict[bytes, Batch]) -> Iterator[dict[bytes, Batch]]:
        """Yields a batch, or its first image and then its other ones if all so far were refused.

        A part must be answered, or refused, before the next one is taken.
        """
        if self._errors and self.alone and len(batch) > 1:
            first, *others = batch
            yield {first: batch[first]}
            batch = {image: batch[image] for image in others}
        yield batch

    def answered(self) -> None:
        """Notes that a batch was answered."""
        self._in_a_row, self._answered = 0, True

    def note(self, error: TeacherFailed) -> None:
        """Notes an error.

        Raises:
          TeacherFailed: the error is no refusal of a single image, or there are too many.
        """
        if error.image is None:
            raise error
        self._errors.append(error)
        self._in_a_row += 1
        if self._in_a_row >= (_IN_A_ROW if self._answered else _AT_FIRST):
            self.check()

    def check(self) -> None:
        """Raises what was noted.

        Raises:
          TeacherFailed: an image was refused.
        """
        if not self._errors:
            return
        first, *others = self._errors
        if not others:
            raise first
        listed = ", ".join(f"sha256={one.image.hex()}" for one in others[:_LISTED] if one.image)
        more = f" and {len(others) - _LISTED:,} more" if len(others) > _LISTED else ""
        raise type(first)(f"{first}. Also refused: {listed}{more}")
