"""Folders that are written whole or not at all, and the removal of what killed processes leave."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from amkd.core import files


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yields an empty folder to write into, which takes the place of ``folder`` if all goes well.

    It is hidden, next to ``folder``. Those that killed processes have left there are removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    scratch, lock = _make(folder)
    try:
        new = scratch / "new"
        new.mkdir()  # unlike its parent, with the permissions of a common folder
        yield new
        for path in (*new.rglob("*"), new):
            files.flush(path)
        if folder.exists():
            folder.rename(_before(scratch))
        new.rename(folder)
    finally:
        _remove(scratch, folder)
        os.close(lock)
    files.flush(folder.parent)


def _make(folder: Path) -> tuple[Path, int]:
    """Returns a new scratch folder, and its lock, which ends with this process."""
    while True:
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        lock = os.open(scratch, os.O_RDONLY)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(lock, fcntl.LOCK_EX)
        if scratch.exists():  # no other process removed it as abandoned before it was locked
            return scratch, lock
        os.close(lock)


def _clear(folder: Path) -> None:
    """Removes the scratch folders of processes that are gone."""
    name = re.compile(rf"\.{re.escape(folder.name)}-[a-z0-9_]{{8}}")
    for scratch in [path for path in folder.parent.iterdir() if name.fullmatch(path.name)]:
        with contextlib.suppress(OSError):  # at work, or without locks, or just gone
            lock = os.open(scratch, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(scratch, folder)
            finally:
                os.close(lock)


def _before(scratch: Path) -> Path:
    """Returns where the earlier folder is kept until the new one is in place."""
    return scratch / "before"


def _remove(scratch: Path, folder: Path) -> None:
    """Removes a scratch folder; an earlier folder that nothing has replaced is put back."""
    if _before(scratch).exists() and not folder.exists():
        _before(scratch).rename(folder)
    shutil.rmtree(scratch, ignore_errors=True)


def obstacle(folder: Path) -> str:
    """Returns why a folder cannot be made or written; empty if it can be.

    Nothing is left behind: a file without a name is written to the part of the path that exists.
    """
    place = folder.absolute()
    try:
        while not place.exists():
            if place.is_symlink():
                return f"{place} is a link to a missing file or folder"
            place = place.parent
        if not place.is_dir():
            return f"{place} is not a folder"
        with tempfile.TemporaryFile(dir=place):
            return ""
    except OSError as error:
        return f"{place} cannot be written: {error.strerror}"
