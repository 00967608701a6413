"""The teacher as a black box: an identity and a function from images to answers.

Only a local Flax teacher also shows its network, which white-box methods need.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from amkd.core import console
from amkd.core.errors import TeacherFailed
from amkd.core.redaction import redact


@dataclasses.dataclass(frozen=True)
class Teacher:
    """A black-box image classifier.

    Contract of ``ask``: it takes ``uint8[B, H, W, C]`` and returns one row per image, in their
    order. A row holds the scores of all classes, ``float[B, Y]``, with NaN for a score that the
    service did not give; or it is one class number, ``int[B]``. ``ask`` may be called from several
    threads at once. It raises :class:`Unanswered` if another attempt may succeed, :class:`Refused`
    or another ``UserError`` if none will, and :class:`PartlyAnswered` if some rows are unusable.
    Any other exception ends the run, and the call counts as billed. ``ask`` may have a method
    ``of_run``, which takes the identity of a run and returns the same function for that run.

    Attributes:
      identity: the name of the teacher in the ledger. The ledger keeps answers by identity, and no
        answer is requested twice. So a different model, or a different version of a model, needs a
        different identity.
      ask: the function, see above.
      patience: seconds after which a call has certainly ended.
      network: network and variables of a local teacher; None for a black box.
    """

    identity: str
    ask: Callable[[np.ndarray], np.ndarray]
    patience: float = 600.0
    network: tuple[Any, Any] | None = None

    def __post_init__(self) -> None:
        """Converts the identity to text that the ledger can store: a file name may not be UTF-8."""
        object.__setattr__(self, "identity", console.storable(self.identity))

    @property
    def has_keys(self) -> bool:
        """Whether its requests carry keys, by which a service can recognise a repeated request."""
        return hasattr(self.ask, "of_run")

    def of_run(self, run: str) -> Self:
        """Returns this teacher for one run: the requests of each run have different keys."""
        bind = getattr(self.ask, "of_run", None)
        return self if bind is None else dataclasses.replace(self, ask=bind(run))


class Unanswered(Exception):
    """Raised for a call that brought no answer; another attempt may bring one.

    Attributes:
      reason: why there is no answer, for messages; without secrets.
      billed: whether the service may have charged for the call.
      after: seconds that the service asks to wait; None if it does not ask.
      whole: whether a complete reply came without a usable answer. Another attempt rarely helps.
    """

    def __init__(
        self, reason: str, billed: bool, *, after: float | None = None, whole: bool = False
    ) -> None:
        reason = redact(reason)
        super().__init__(reason)
        self.reason, self.billed, self.after, self.whole = reason, billed, after, whole


class PartlyAnswered(TeacherFailed):
    """Raised for a reply with some unusable rows; the other rows were paid for and are kept.

    Attributes:
      rows: what ``Teacher.ask`` returned, with NaN or the class number -1 for an unusable row.
      refusals: places of the unusable rows if the service reports an error about each of these
        images; empty if another row is unusable.
    """

    def __init__(self, message: str, rows: np.ndarray, refusals: tuple[int, ...] = ()) -> None:
        super().__init__(message)
        self.rows, self.refusals = rows, refusals


class ImageRefused(TeacherFailed):
    """Raised if the reply contains an error about each of its images; the service may charge it."""


class Refused(TeacherFailed):
    """Raised if the service refuses to answer; it charged nothing, and no retry will help.

    Attributes:
      of_image: whether the reason may be an image of the request.
    """

    def __init__(self, message: str, *, of_image: bool = False) -> None:
        super().__init__(message)
        self.of_image = of_image
