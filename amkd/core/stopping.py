"""Stopping on SIGTERM and Ctrl-C: noted at once, obeyed where the state can be saved."""

import signal
from types import FrameType


class Stopped(Exception):
    """The run was asked to stop, and has saved its state."""


class StopSignal:
    """Notes SIGTERM and SIGINT; a second one ends the process at once."""

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> "StopSignal":
        """Starts to note the two signals."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise SystemExit(128 + number)
        self.requested = True

    def check(self) -> None:
        """Raises Stopped if the process was asked to stop."""
        if self.requested:
            raise Stopped
