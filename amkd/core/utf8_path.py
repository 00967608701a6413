"""A file or folder under a name that every library can open, whatever bytes its own name has."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amkd.core.console import storable


@contextlib.contextmanager
def named(path: Path) -> Iterator[Path]:
    """Yields a UTF-8 path to a file or folder: its own path, or that of a temporary link.

    Orbax and other C++ libraries do not accept other paths.

    Args:
      path: an absolute path.
    """
    if storable(path) == str(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as place:
        link = Path(place) / "link"
        link.symlink_to(path)
        yield link
