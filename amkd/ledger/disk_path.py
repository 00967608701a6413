"""Makes sure that a ledger is a file on disk, even if its name means something else to SQLite.

SQLite itself would interpret ``:memory:`` or ``file:ledger?mode=memory`` as a ledger without a
file. All paid answers would be lost when the process ends.
"""

from collections.abc import Iterator
from pathlib import Path

from amkd.core.errors import UserError


def problems(path: str, name: str = "config.ledger.path") -> Iterator[str]:
    """Yields the reasons why a path cannot be the path of a ledger's file.

    Args:
      path: the path, as it was given.
      name: the field or argument that the path was given in.
    """
    flag = f"--{name}=" if name.startswith("config.") else ""
    remedy = f"name a file on disk, such as {flag}paid/ledger.sqlite"
    shown = f"{name}={path!r}"
    if path.startswith(":memory:") or path.startswith("file:"):
        what = "a ledger in memory" if path.startswith(":memory:") else "an address"
        yield f"{shown}: this is {what} to SQLite, and paid answers would be lost; {remedy}"
        return
    if "\0" in path or not path.strip():
        yield f"{shown}: this is not a file name; {remedy}"
        return
    try:
        place = Path(path).expanduser()
        taken = place.exists() and not place.is_file()
    except RuntimeError:
        yield f"{shown}: the home folder does not exist on this machine; {remedy}"
        return
    except OSError:  # reported when the file is opened
        return
    if taken:
        kind = "a folder" if place.is_dir() else "a device, a pipe or a socket"
        yield f"{shown}: this is {kind}; {remedy}"


def on_disk(path: Path, name: str = "config.ledger.path") -> Path:
    """Returns the absolute path of a ledger's file.

    Args:
      path: the path, as it was given.
      name: the field or argument that the path was given in.

    Raises:
      UserError: it cannot be a file on disk.
    """
    for problem in problems(str(path), name):
        raise UserError(problem)
    return path.absolute()
