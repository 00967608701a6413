"""Chooses how many pairs go into one dispatch of an accelerator: enough to hide the host's work,
but few enough to show progress and to stop soon after a request.
"""

import time
from collections.abc import Callable

_SECONDS = 0.5  # intended time of a dispatch
_GROWTH = 4  # largest factor from one dispatch to the next
_AGREEMENTS = 6  # of several processes: 2 tiles can become 8,192


class DispatchSize:
    """The size of the next dispatch, from the time that earlier ones took.

    A pair's score does not depend on it.

    Args of the constructor:
      unit: the number of pairs of a dispatch is a multiple of this.
      most: pairs of the longest dispatch.
      fixed: whether every dispatch has the longest size.
      clock: returns seconds.
      agree: returns the size on which all processes agree, given that of this process; None for
        one process. The size is agreed on a few times, and then fixed.
    """

    def __init__(
        self,
        unit: int,
        most: int,
        *,
        fixed: bool,
        clock: Callable[[], float] = time.monotonic,
        agree: Callable[[int], int] | None = None,
    ) -> None:
        self._unit, self._most, self._fixed, self._clock = unit, most, fixed, clock
        self.size = most if fixed else min(2 * unit, most)
        self._last: float | None = None
        self._agree, self._agreements = agree, 0

    def done(self, pairs: int) -> None:
        """Records that a dispatch has ended now; it had begun when the one before it ended.

        The first dispatch is not timed, because it includes compilation.
        """
        now = self._clock()
        if self._last is not None and not self._fixed:
            wanted = pairs * _SECONDS / max(now - self._last, 1e-9)
            size = int(min(wanted, self._most, _GROWTH * self.size)) // self._unit * self._unit
            self.size = max(size, self._unit)
            if self._agree:
                self.size = self._agree(self.size)
                self._agreements += 1
                self._fixed = self._agreements == _AGREEMENTS
        self._last = now
