"""Decides when the next request may be sent: a steady rate, and pauses requested by a service."""

import threading
import time
from collections.abc import Callable


class Halted(Exception):
    """Raised by a wait that ended because the run stops."""


class Pace:
    """The pace of all threads that send to one teacher."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts without a pause.

        Args:
          rate: maximum number of requests per second; 0 for no limit.
          clock: returns the current time, in seconds.
        """
        self._gap = 1 / rate if rate else 0.0
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()
        self._halt = threading.Event()

    def turn(self) -> None:
        """Waits until this thread may send, and takes its turn.

        Raises:
          Halted: the run stops.
        """
        self.wait(0)
        while (remaining := self._take()) > 0:
            self.wait(remaining)

    def _take(self) -> float:
        """Takes the turn and returns 0; or returns the seconds until the turn comes."""
        with self._lock:
            now = self._clock()
            if self._next <= now:
                self._next = now + self._gap
                return 0.0
            return self._next - now

    def hold(self, seconds: float) -> None:
        """Lets no request be sent for this many seconds."""
        with self._lock:
            self._next = max(self._next, self._clock() + seconds)

    def wait(self, seconds: float) -> None:
        """Waits for this many seconds.

        Raises:
          Halted: the run stops during the wait.
        """
        if self._halt.wait(max(seconds, 0)):
            raise Halted

    def halt(self) -> None:
        """Ends all current and later waits."""
        self._halt.set()
