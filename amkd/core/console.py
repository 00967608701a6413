"""What a person reads: no name can break it, and it ends quietly when nobody reads any more."""

import io
import os
import sys
from typing import Any

_SEEN = "\n\t"  # control characters that only move on
_CONTROLS = {code for code in (*range(32), *range(127, 160)) if chr(code) not in _SEEN}
_REORDERING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}  # a terminal shows other text
_ESCAPES = {
    **{code: f"\\x{code:02x}" for code in _CONTROLS},
    **{code: f"\\u{code:04x}" for code in (*_REORDERING, *range(0xD800, 0xE000))},
    **{0xDC00 + byte: f"\\x{byte:02x}" for byte in range(128, 256)},  # a byte of a path, no UTF-8
}


class ReaderGone(BaseException):
    """Whoever read the output has closed it, as ``head`` does; no ``Exception``, as Ctrl-C is
    none.
    """


def visible(text: object) -> str:
    r"""Returns text in which control characters, and bytes that are no UTF-8, stand as ``\x1b``.

    Such characters come from names of files, classes and labels. They could move the cursor of a
    terminal, and they could not be printed or written.
    """
    return str(text).translate(_ESCAPES)


def storable(text: object) -> str:
    r"""Returns text that UTF-8 can hold: of other text, bytes that are no UTF-8 as ``\udcff``."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def say(message: object, *, error: bool = False, last: bool = False) -> None:
    """Prints a message, whatever names are in it.

    Args:
      message: for a person.
      error: print to the standard error.
      last: nothing is left to do after it, so it does not matter whether anybody reads it.

    Raises:
      ReaderGone: nobody reads it, and it is not the last one.
    """
    stream = sys.stderr if error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = visible(message).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(text, file=stream, flush=True)
    except ReaderGone:
        if not last:
            raise


def guard() -> None:
    """Makes the output of this process safe, that of libraries and of a teacher's code too.

    What the terminal's encoding lacks is escaped, and a reader that goes away raises
    :class:`ReaderGone` instead of an ``OSError``.
    """
    sys.stdout = _guarded(sys.stdout)
    sys.stderr = _guarded(sys.stderr)


class _Guarded(io.TextIOWrapper):
    """A stream of text that knows when its reader has gone."""

    def write(self, text: str) -> int:
        """Writes; see ``io``."""
        return self._while_read(super().write, text)

    def flush(self) -> None:
        """Flushes; see ``io``."""
        self._while_read(super().flush)

    def _while_read(self, do: Any, *given: Any) -> Any:
        try:
            return do(*given)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())  # for what is still buffered
            raise ReaderGone from None


def _guarded(stream: Any) -> Any:
    """Returns a guarded stream in place of one of the process; others stay what they are."""
    if type(stream) is not io.TextIOWrapper:
        return stream
    return _Guarded(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
    )
