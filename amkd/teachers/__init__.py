"""The black box: a name, and a function from images to answers. Nothing else, unless it is a local
network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from amkd.core.errors import UserError


class Teacher(NamedTuple):
    """A black box.

    Attributes:
      identity: who answers; answers in the ledger belong to it, so another model, or another
        version of it, needs another identity.
      ask: ``uint8[B, H, W, C]`` to scores ``float[B, Y]``, one row per image, NaN where none is
        told, or to class numbers ``int[B]``. Called from as many threads as there are requests in
        flight.
      patience: seconds after which one call has surely ended.
      network: what it is inside, a network and its variables; None for a black box, which all but a
        local one are.
    """

    identity: str
    ask: Callable[[np.ndarray], np.ndarray]
    patience: float = 600.0
    network: tuple[Any, Any] | None = None


class Unanswered(Exception):
    """A call that brought no answer, where another may.

    Attributes:
      reason: in words.
      billed: whether the service may have charged for it.
      after: seconds that it asked to wait, if it did.
      whole: whether a whole reply came that says nothing usable: the next one rarely says more.
    """

    def __init__(
        self, reason: str, billed: bool, after: float | None = None, whole: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.billed, self.after, self.whole = reason, billed, after, whole


class PartlyAnswered(UserError):
    """A reply of which some rows cannot be read; the others were paid for and are kept.

    Attributes:
      rows: as of ``Teacher.ask``, with NaN, or a class number of -1, in place of what cannot be
        read.
    """

    def __init__(self, message: str, rows: np.ndarray) -> None:
        super().__init__(message)
        self.rows = rows


class Refused(UserError):
    """The service will not answer, however often it is asked; it charged for nothing."""
