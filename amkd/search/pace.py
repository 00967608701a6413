"""Chooses how many pairs go into one dispatch of an accelerator: enough to hide the host's work,
but few enough to show progress and to stop soon after a request.
"""

import time
from collections.abc import Callable

_SECONDS = 0.5  # intended time of a dispatch
_GROWTH = 4  # largest factor from one dispatch to the next


class Pace:
    """The size of the next dispatch, from the time that earlier ones took.

    A pair's score does not depend on it.

    Args of the constructor:
      unit: the number of pairs of a dispatch is a multiple of this.
      most: pairs of the longest dispatch.
      fixed: whether every dispatch has the longest size.
      clock: returns seconds.
    """

    def __init__(
        self, unit: int, most: int, *, fixed: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._unit, self._most, self._fixed, self._clock = unit, most, fixed, clock
        self.size = most if fixed else min(2 * unit, most)
        self._last: float | None = None

    def done(self, pairs: int) -> None:
        """Records that a dispatch has ended now; it had begun when the one before it ended.

        The first dispatch is not timed, because it includes compilation.
        """
        now = self._clock()
        if self._last is not None and not self._fixed:
            wanted = pairs * _SECONDS / max(now - self._last, 1e-9)
            size = int(min(wanted, self._most, _GROWTH * self.size)) // self._unit * self._unit
            self.size = max(size, self._unit)
        self._last = now
