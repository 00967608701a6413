"""The log as JSON: one object in each line, also for lines that libraries print."""

import collections
import datetime
import io
import json
import math
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

# Lines that wait to be written, each with its stream. Whoever holds the lock writes them. No thread
# waits for the lock: the garbage collector may run a finalizer that logs in the middle of a write.
_LINES: collections.deque[tuple[TextIO, str]] = collections.deque()
_LOCK = threading.Lock()
_LAST_WAIT = 5.0  # seconds to wait for a writer at the end of the process
_progress_facts: Callable[[], Mapping[str, Any]] = dict


def _begin_child() -> None:
    """Creates the lock again in a forked process: only the parent has the thread that held it."""
    global _LOCK
    _LOCK = threading.Lock()
    _LINES.clear()  # the parent writes them


os.register_at_fork(after_in_child=_begin_child)


def describe(facts: Callable[[], Mapping[str, Any]] | None) -> None:
    """Adds the progress of the run to every line from now on; None to add nothing more."""
    global _progress_facts
    _progress_facts = facts or dict


def now() -> str:
    """Returns the time as ISO 8601, in UTC, to the millisecond."""
    return stamp(datetime.datetime.now(datetime.UTC))


def stamp(time: datetime.datetime) -> str:
    """Returns a time in UTC as ISO 8601, to the millisecond."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(**facts: Any) -> str:
    """Returns one line of the log, with its end: the time, the progress of the run, and facts."""
    return json.dumps(finite({"time": now(), **_progress_facts(), **facts})) + "\n"


def finite(value: Any) -> Any:
    """Returns a value with None instead of numbers that JSON does not have: NaN and infinities."""
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_lines() -> None:
    """Writes all lines that wait; the caller holds the lock."""
    while _LINES:
        stream, text = _LINES.popleft()
        stream.write(text)
        stream.flush()


class JsonLines(io.TextIOBase):
    """A stream that writes every line that it receives as one object.

    Args of the constructor:
      stream: takes the objects.
      level: the level of lines that libraries or a teacher's code write as text.
    """

    def __init__(self, stream: TextIO, level: str) -> None:
        self._stream, self._level, self._begun = stream, level, ""

    def emit(self, **facts: Any) -> None:
        """Writes one object."""
        _LINES.append((self._stream, line(**facts)))
        while _LINES and _LOCK.acquire(blocking=False):
            try:
                _write_lines()
            finally:
                _LOCK.release()

    def write(self, text: str) -> int:
        """Takes text; writes the lines that are whole."""
        *whole, self._begun = re.split(r"[\r\n]", self._begun + text)
        self._emit(whole)
        return len(text)

    def drain(self) -> None:
        """Writes what is not a whole line, at the end of the process."""
        rest, self._begun = self._begun, ""
        self._emit([rest])
        if _LOCK.acquire(timeout=_LAST_WAIT):  # another thread may be about to write the last lines
            try:
                _write_lines()
            finally:
                _LOCK.release()

    def _emit(self, lines: list[str]) -> None:
        for one in lines:
            if one.strip():
                self.emit(level=self._level, message=one)

    def flush(self) -> None:
        """Flushes the stream below."""
        self._stream.flush()

    def fileno(self) -> int:
        """Returns the descriptor of the stream below."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """See io."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Returns an encoding; JSON escapes everything but ASCII."""
        return "utf-8"
