"""Keeps the scans of one search, so that a search that was stopped continues from its last save.

A scan scores all remaining pairs in the order of their ranks. A search has one scan, or several
(``vanilla_al`` has one for each lambda). Their order identifies them: the same search begins the
same scans in the same order.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from amkd.search.top_k import Scored


class Scan(NamedTuple):
    """The progress of a scan.

    Attributes:
      done: how many of the remaining pairs were scored; those of the lowest ranks.
      found: the k pairs of lowest score among them, in order.
    """

    done: int
    found: Scored


_NOTHING = Scan(0, Scored(np.empty(0, np.float32), *(np.empty(0, np.int32) for _ in range(3))))


class Scans:
    """Keeps the scans of one search at intervals.

    Args of the constructor:
      kept: the scans of this search that were saved before: the ended ones and the one in progress.
      save: saves the ended scans and the one in progress.
      seconds: between two saves.
      agree: returns the number of process 0, given that of this process; None for one process.
        Several processes must save at the same place, because all of them have a share of the scan.
      clock: returns seconds.

    Attributes:
      alone: whether there is only one process, which may save at any place.
    """

    def __init__(
        self,
        *,
        kept: Sequence[Scan],
        save: Callable[[tuple[Scan, ...]], None],
        seconds: float,
        agree: Callable[[int], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kept, self._save, self._seconds = kept, save, seconds
        self._agree, self._clock = agree, clock
        self._ended: tuple[Scan, ...] = ()
        self._saved_at = self._begun_at = clock()
        self._first = self._next_look = 0
        self.alone = agree is None

    def begin(self, length: int) -> Scan:
        """Returns the progress of the next scan.

        Of several processes, only process 0 knows what was found.

        Args:
          length: pairs of the longest dispatch.
        """
        number = len(self._ended)
        scan = self._kept[number] if number < len(self._kept) else _NOTHING
        done = self._agree(scan.done) if self._agree else scan.done
        self._begun_at, self._first, self._next_look = self._clock(), done, done + length
        return scan._replace(done=done)

    def is_due(self, done: int) -> bool:
        """Returns whether to save the scan now, the same in all processes.

        Of several processes, only process 0 uses its clock, and only at places on which all agreed.

        Args:
          done: how many pairs the scan has scored.
        """
        if self._agree is None:
            return self._clock() - self._saved_at >= self._seconds
        if done < self._next_look:
            return False
        further = self._agree(self._pairs_until_due(done))
        self._next_look = done + max(further, 1)
        return further == 0

    def _pairs_until_due(self, done: int) -> int:
        """Returns how many pairs will be scored until the next save, from the speed so far."""
        now = self._clock()
        left = self._seconds - (now - self._saved_at)
        rate = (done - self._first) / max(now - self._begun_at, 1e-9)
        return max(int(rate * left), 1) if left > 0 else 0

    def save(self, scan: Scan) -> None:
        """Saves the scan in progress, and all that have ended."""
        self._save((*self._ended, scan))
        self._saved_at = self._clock()

    def end(self, scan: Scan) -> None:
        """Notes that the scan has ended; the next save includes it."""
        self._ended = (*self._ended, scan)
