"""The file and line of a user's own code at which an error was raised."""

import sysconfig
import traceback
from pathlib import Path

_LIBRARIES = tuple(
    str(Path(folder))
    for folder in {
        *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
        str(Path(__file__).parents[1]),
    }
)


def describe(error: BaseException) -> str:
    """Returns an error in one line: its kind, its message, and where the user's code raised it."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    where = place(error)
    return f"{told} ({where})" if where else told


def place(error: BaseException) -> str:
    """Returns ``FILE, line N``: the innermost line of the user's own code; empty for none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_own(frame.filename)]
    return f"{own[-1].filename}, line {own[-1].lineno}" if own else ""


def _is_own(file: str) -> bool:
    return not file.startswith(("<", *_LIBRARIES))
