"""When the next request may leave: a steady rate, and pauses that a service asks for."""

import threading
import time
from collections.abc import Callable


class Halted(Exception):
    """Waiting was given up because the run stops."""


class Pace:
    """Shared by all threads that send to one teacher.

    Args of the constructor:
      rate: requests a second at most; 0 for any number.
      clock: seconds, ever growing.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()
        self._halt = threading.Event()

    def turn(self) -> None:
        """Waits for this thread's turn, and takes it.

        Raises:
          Halted: the run stops.
        """
        self.wait(0)
        while (rest := self._take()) > 0:
            self.wait(rest)

    def _take(self) -> float:
        """Takes the turn if it has come; seconds to it if not."""
        with self._lock:
            now = self._clock()
            if self._next <= now:
                self._next = now + self._gap
                return 0.0
            return self._next - now

    def hold(self, seconds: float) -> None:
        """Nothing leaves before so many seconds have passed."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def wait(self, seconds: float) -> None:
        """Waits, unless the run stops meanwhile.

        Raises:
          Halted: it does.
        """
        if self._halt.wait(max(seconds, 0)):
            raise Halted

    def halt(self) -> None:
        """Ends all waiting, now and later."""
        self._halt.set()
