"""Checks the folders that a run will write to, before the first query."""

import os
from collections.abc import Iterator
from pathlib import Path

from amkd.config.data import HUB, is_of_files, source_of
from amkd.config.settings import Settings
from amkd.core import folders
from amkd.core.errors import UserError
from amkd.data import remote
from amkd.run import workdir

_NO_CACHE = ("digits", "memory")  # data sets that are not cached


def check(settings: Settings, folder: Path | None) -> None:
    """Refuses a run that could not write its results.

    Raises:
      UserError: names every invalid field.
    """
    if found := list(problems(settings, folder)):
        raise UserError("\n".join(found))


def problems(settings: Settings, folder: Path | None) -> Iterator[str]:
    """Yields the problems with the folders and files that a run will write to.

    Args:
      settings: the configuration.
      folder: the workdir, or None.
    """
    if folder and (why := folders.obstacle(folder)):
        yield f"--workdir={folder}: {why}; choose another"
    if settings.ledger.path:
        yield from _of_ledger(workdir.ledger_path(settings, Path()))
    cache = Path(settings.cache_dir).expanduser()
    for part in _kept_in_cache(settings):
        why = folders.obstacle(cache / part)
        if why and not _is_filled(cache / part):
            yield (
                f"config.cache_dir={settings.cache_dir!r}: {why}; set --config.cache_dir to"
                f" a writable folder: the run needs its subfolder {part}"
            )


def _of_ledger(path: Path) -> Iterator[str]:
    why = folders.obstacle(path.parent)
    if not why and path.exists() and not os.access(path, os.W_OK):
        why = "the file cannot be written"
    if why:
        yield f"config.ledger.path={path}: {why}; choose another file"


def _kept_in_cache(settings: Settings) -> Iterator[str]:
    """Yields the parts of the cache that the run needs."""
    if is_of_files(settings.dataset):
        yield "pictures"
    if settings.dataset.startswith(HUB):
        yield "hf"
    plan = settings.data
    if any(map(remote.is_remote, (plan.folder, plan.test_folder, plan.manifest))):
        yield "remote"
    if source_of(settings.dataset) == "tfds" or plan.real not in ("", *_NO_CACHE):
        yield "arrays"
    if settings.teacher.kind == "flax":
        yield "teachers"


def _is_filled(part: Path) -> bool:
    """Returns whether an earlier run has filled a part of a cache that is now read-only."""
    try:
        return any(part.iterdir())
    except OSError:
        return False
