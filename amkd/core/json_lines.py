"""The log as JSON: one object in each line, also for lines that libraries print."""

import datetime
import io
import json
import math
import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

# Lines of two threads must not mix. The garbage collector may run a finalizer that logs in the
# middle of a line: its thread must not wait for itself.
_LOCK = threading.RLock()
_standing: Callable[[], Mapping[str, Any]] = dict


def _begin_child() -> None:
    """Makes the lock anew in a forked process, which must not wait for a thread that it does not
    have.
    """
    global _LOCK
    _LOCK = threading.RLock()


os.register_at_fork(after_in_child=_begin_child)


def describe(standing: Callable[[], Mapping[str, Any]] | None) -> None:
    """Adds to every line from now on where the run stands; None to add nothing more."""
    global _standing
    _standing = standing or dict


def now() -> str:
    """Returns the time as ISO 8601, in UTC, to the millisecond."""
    return stamp(datetime.datetime.now(datetime.UTC))


def stamp(time: datetime.datetime) -> str:
    """Returns a time in UTC as ISO 8601, to the millisecond."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(**facts: Any) -> str:
    """Returns one line of the log, with its end: the time, where the run stands, and facts."""
    return json.dumps(finite({"time": now(), **_standing(), **facts})) + "\n"


def finite(value: Any) -> Any:
    """Returns a value with None in place of numbers that JSON has not: NaN and infinities."""
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


class JsonLines(io.TextIOBase):
    """A stream that writes every line that it is given as one object.

    Args of the constructor:
      stream: takes the objects.
      level: the level of lines that libraries or a teacher's code write as text.
    """

    def __init__(self, stream: TextIO, level: str) -> None:
        self._stream, self._level, self._begun = stream, level, ""

    def emit(self, **facts: Any) -> None:
        """Writes one object."""
        text = line(**facts)
        with _LOCK:
            self._stream.write(text)
            self._stream.flush()

    def write(self, text: str) -> int:
        """Takes text; writes the lines that are whole."""
        *whole, self._begun = re.split(r"[\r\n]", self._begun + text)
        self._emit(whole)
        return len(text)

    def drain(self) -> None:
        """Writes what is not a whole line, at the end of the process."""
        rest, self._begun = self._begun, ""
        self._emit([rest])

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
        """JSON escapes all else than ASCII."""
        return "utf-8"
