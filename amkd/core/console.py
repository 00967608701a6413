"""Prints messages for people: no name in them can break the output, and the program ends quietly
when their reader goes away.
"""

import atexit
import contextlib
import io
import os
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

from amkd.core.json_lines import JsonLines
from amkd.core.json_lines import line as json_line

_SEEN = "\n\t"  # control characters that only move the cursor forward
_CONTROLS = {code for code in (*range(32), *range(127, 160)) if chr(code) not in _SEEN}
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # reorder text in a terminal
_ESCAPES = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS},
    **{code: f"\\u{code:04x}" for code in (*_REORDERING, *range(0xD800, 0xE000))},
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(128, 256)},  # a byte that is not UTF-8
}


class ReaderGone(BaseException):
    """The reader of the output has closed it, as ``head`` does.

    Like ``KeyboardInterrupt``, it is not an ``Exception``.
    """


def visible(text: object) -> str:
    r"""Returns text in which control characters and bytes that are not UTF-8 are written as
    ``\x1b``.

    Such characters come from names of files, classes and labels. They could move the cursor of a
    terminal, and they could not be printed or written.
    """
    return str(text).translate(_ESCAPES)


def storable(text: object) -> str:
    r"""Returns text that UTF-8 can hold: of other text, bytes that are not UTF-8 as ``\udcff``."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def say(message: object, *, error: bool = False, last: bool = False, **facts: Any) -> None:
    """Prints a message, whatever names are in it.

    Args:
      message: a message for a person.
      error: print to the standard error.
      last: whether this is the last message; then it is no error if the reader has gone.
      **facts: further fields of the line in a JSON log, such as ``event`` and ``level``.

    Raises:
      ReaderGone: the reader has gone, and ``last`` is False.
    """
    stream = sys.stderr if error else sys.stdout
    if isinstance(stream, JsonLines):
        level = "warning" if error else "info"
        try:
            stream.emit(**{"level": level, "message": visible(message), **facts})
        except ReaderGone:
            if not last:
                raise
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = visible(message).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(text, file=stream, flush=True)
    except ReaderGone:
        if not last:
            raise


def mention(message: object, *, error: bool = False) -> None:
    """Prints a message in the middle of work that must not fail because of it.

    If the reader has gone, the next message of the main thread raises ReaderGone.

    Args:
      message: a message for a person.
      error: print to the standard error.
    """
    try:
        say(message, error=error)
    except ReaderGone:
        _Guarded.main_must_know = True
    except OSError:  # the disk is full
        pass


def note(event: str, **facts: Any) -> None:
    """Writes facts to a log in JSON; does nothing if the output is text.

    Raises:
      ReaderGone: nobody reads it.
    """
    if isinstance(sys.stdout, JsonLines):
        sys.stdout.emit(level="info", event=event, **facts)


def is_json() -> bool:
    """Returns whether the output is a log in JSON."""
    return isinstance(sys.stdout, JsonLines)


def last_line(message: str) -> bytes:
    """Returns a last line for the standard error, for a process that is about to be ended."""
    text = json_line(level="error", message=message) if is_json() else f"{message}\n"
    return text.encode(errors="backslashreplace")


def write_json() -> None:
    """Makes every line of this process's output one JSON object, that of libraries too."""
    sys.stdout, sys.stderr = JsonLines(sys.stdout, "info"), JsonLines(sys.stderr, "warning")
    sys.excepthook = _write_error
    for stream in (sys.stdout, sys.stderr):
        atexit.register(_drain, stream)


def _drain(stream: JsonLines) -> None:
    with contextlib.suppress(ReaderGone, OSError, ValueError):  # gone, or closed
        stream.drain()


def _write_error(
    kind: type[BaseException], error: BaseException, place: TracebackType | None
) -> None:
    """Writes an error in the code as one object."""
    trace = "".join(traceback.format_exception(kind, error, place))
    message = f"{kind.__name__}: {error}"
    say(message, error=True, last=True, level="error", event="crashed", traceback=trace)


def guard() -> None:
    """Makes the output of this process safe, that of libraries and of a teacher's code too.

    Characters that the terminal's encoding lacks are escaped, and a reader that goes away raises
    :class:`ReaderGone` instead of an ``OSError``.
    """
    sys.stdout = _guarded(sys.stdout)
    sys.stderr = _guarded(sys.stderr)


class _Guarded(io.TextIOWrapper):
    """A stream of text that detects when its reader has gone; the main thread always learns it."""

    main_must_know = False  # the reader has gone, and the main thread has not heard of it

    def write(self, text: str) -> int:
        """Writes; see ``io``."""
        if _Guarded.main_must_know and threading.current_thread() is threading.main_thread():
            _Guarded.main_must_know = False
            raise ReaderGone
        return self._while_read(super().write, text)

    def flush(self) -> None:
        """Flushes; see ``io``."""
        self._while_read(super().flush)

    def _while_read(self, do: Any, *given: Any) -> Any:
        try:
            return do(*given)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for what is still buffered
            if threading.current_thread() is not threading.main_thread():
                _Guarded.main_must_know = True
            raise ReaderGone from None


def _guarded(stream: Any) -> Any:
    """Returns a guarded stream for a text stream of the process; other streams are unchanged."""
    if type(stream) is not io.TextIOWrapper:
        return stream
    return _Guarded(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
    )
