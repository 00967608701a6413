"""Stopping on SIGTERM and Ctrl-C: noted at once, and obeyed where the state can be saved."""

import contextlib
import functools
import os
import signal
import threading
from types import FrameType

from amkd.core import console

_FORKING = threading.local()  # holds the signal mask that a thread had before it forked


class Stopped(Exception):
    """The run was asked to stop, and has saved its state."""


class StopSignal:
    """Notes SIGTERM and SIGINT; a second one ends the process at once, whatever it
    waits for.

    A process that is forked from this one, as by a teacher that uses ``multiprocessing``, has no
    state to save: SIGTERM ends it, as it ends any process. Ctrl-C reaches all of these processes at
    once. Each of them finishes its current work, as this process does, so that no process waits for
    a result that never comes.
    """

    _NUMBERS = (signal.SIGTERM, signal.SIGINT)

    interruption: Exception | None = None  # what another thread found: the run must end

    def __init__(self) -> None:
        self.requested = False
        self._process = os.getpid()  # a forked process that Ctrl-C also reaches prints nothing

    def install(self) -> "StopSignal":
        """Starts to note the two signals."""
        for number in self._NUMBERS:
            signal.signal(number, self._note)
        _watch_forks()
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        # The operating system handles the second signal. An exception would first wait for the
        # threads that query the teacher, and code outside of Python would delay a handler.
        for each in self._NUMBERS:
            signal.signal(each, signal.SIG_DFL)
        if number == signal.SIGINT and os.getpid() == self._process:
            _answer_ctrl_c()

    def check(self) -> None:
        """Raises Stopped if the process was asked to stop, or the reason why it cannot continue."""
        if self.interruption is not None:
            raise self.interruption
        if self.requested:
            raise Stopped


def _answer_ctrl_c() -> None:
    """Informs the person at a terminal that Ctrl-C was noted: current work may take a while."""
    if os.isatty(2) and not console.is_json():
        # Not print: the signal may have interrupted a print.
        with contextlib.suppress(OSError):
            os.write(2, b"\nstopping after the current work; a second Ctrl-C ends it at once\n")


@functools.cache  # once for each process: what is registered stays
def _watch_forks() -> None:
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_begin_child)


def _hold() -> None:
    """Holds SIGTERM back while a thread forks: the child must not miss one sent while it starts."""
    _FORKING.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _FORKING.mask)


def _begin_child() -> None:
    """Lets SIGTERM end a forked process."""
    handler = signal.getsignal(signal.SIGTERM)
    if isinstance(getattr(handler, "__self__", None), StopSignal):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release()
