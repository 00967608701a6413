"""Configuration files by name: ``digits``, ``tables/table1``, or a path of the user's own."""

import difflib
import functools
from pathlib import Path

from amkd import configs
from amkd.config import data_file
from amkd.core.errors import UserError


def folder() -> Path:
    """Returns the folder of the shipped configurations."""
    return Path(next(iter(configs.__path__)))


@functools.cache  # a table calls it for each of its runs
def names() -> tuple[str, ...]:
    """Returns the names of the shipped configurations, such as ``digits`` and ``tables/table1``."""
    files = [file.relative_to(folder()) for file in folder().rglob("*.py")]
    plain = [file.with_suffix("").as_posix() for file in files if file.name != "__init__.py"]
    return tuple(sorted(plain))


def find(name: str) -> Path | None:
    """Returns the file of a shipped configuration; ``configs/`` and ``.py`` may be left out.

    Args:
      name: ``digits``, ``tables/table1`` or ``configs/tables/table1.py``.

    Returns:
      The file, or None if no shipped configuration has this name.
    """
    plain = name.removeprefix("configs/").removesuffix(".py")
    return folder() / f"{plain}.py" if plain in names() else None


def locate(name: str) -> Path:
    """Returns the file that ``--config`` names: one that exists, else a shipped one.

    Args:
      name: a path, or the name of a shipped configuration; without a preset.

    Raises:
      UserError: there is neither; the message has the nearest shipped name.
    """
    path = Path(name).expanduser()
    if (path.suffix == ".py" or data_file.is_data(path)) and path.is_file():
        return path
    found = find(name)
    if found is None:
        raise UserError(_missing(name, path))
    return found


def locate_shipped_first(name: str) -> Path:
    """Returns the file that a row of a table names: the shipped one, else a file that exists.

    The shipped tables name their rows ``configs/mnist.py``; a file of that name in the working
    directory must not take its place.

    Raises:
      UserError: as :func:`locate`.
    """
    return find(name) or locate(name)


def _missing(name: str, path: Path) -> str:
    """Returns why a name is not a configuration, with the nearest name."""
    if name and path.is_dir():
        return f"--config={name}: is a folder; name a file in it"
    if name and path.exists():
        return (
            f"--config={name}: this is not the name of a configuration file; it must end in"
            " .py (with get_config(preset=''), like configs/default.py), .yaml, .yml or .json"
        )
    plain = name.removeprefix("configs/").removesuffix(".py")
    endings = (".py", *data_file.SUFFIXES)
    beside = [str(file) for file in path.parent.glob("*") if file.suffix in endings] if name else []
    near = difflib.get_close_matches(plain, names(), 1)
    near = near or difflib.get_close_matches(str(path), beside, 1, 0.8)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}"
    return f"there is no configuration {name!r}, neither such a file nor a shipped one; {hint}"
