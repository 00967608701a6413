"""A file or folder under a name that every library can open, whatever bytes its own name has."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amkd.core.console import storable


@contextlib.contextmanager
def named(path: Path) -> Iterator[Path]:
    """Yields a path of UTF-8 to a file or folder: its own, or that of a link for the time being.

    Orbax and other C++ libraries take no other path.

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
