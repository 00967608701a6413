"""Chooses how many pairs go into one dispatch of an accelerator: enough to hide the host's work,
and few enough to show progress and to stop soon after a request.
"""

import time
from collections.abc import Callable

_SECONDS = 0.5  # that a dispatch shall take
_GROWTH = 4  # at most, from one dispatch to the next


class Pace:
    """The size of the next dispatch, from the time that earlier ones took.

    A pair's score does not depend on it.

    Args of the constructor:
      unit: pairs of which a dispatch has a multiple.
      most: pairs of the longest dispatch.
      fixed: whether all are the longest.
      clock: seconds.
    """

    def __init__(
        self, unit: int, most: int, *, fixed: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unit, self._most, self._fixed, self._clock = unit, most, fixed, clock
        self.size = most if fixed else min(2 * unit, most)
        self._last: float | None = None

    def done(self, pairs: int) -> None:
        """Notes that a dispatch has ended now; the one before it had ended when this one began.

        The first one is not timed, because it compiles.
        """
        now = self._clock()
        if self._last is not None and not self._fixed:
            wanted = pairs * _SECONDS / max(now - self._last, 1e-9)
            size = int(min(wanted, self._most, _GROWTH * self.size)) // self._unit * self._unit
            self.size = max(size, self._unit)
        self._last = now
