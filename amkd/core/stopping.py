"""Stopping on SIGTERM and Ctrl-C: noted at once, obeyed where the state can be saved."""

import signal
from types import FrameType


class Stopped(Exception):
    """The run was asked to stop, and has saved its state."""


class StopSignal:
    """Notes SIGTERM and SIGINT; a second one ends the process at once, whatever it waits for."""

    _NUMBERS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> "StopSignal":
        """Starts to note the two signals."""
        for number in self._NUMBERS:
            signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        # The system itself obeys the second one. An exception would first wait for the threads
        # that ask the teacher, and code outside of Python would hold up any handler.
        for each in self._NUMBERS:
            signal.signal(each, signal.SIG_DFL)

    def check(self) -> None:
        """Raises Stopped if the process was asked to stop."""
        if self.requested:
            raise Stopped
