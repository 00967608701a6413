"""The command line: flags to a configuration, mistakes to one clear line, and ``--help``."""

import dataclasses
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

from absl import flags

from amkd.config import settings
from amkd.core.errors import UserError
from amkd.tables import table

Mode = TypeVar("Mode", bound=Callable[..., None])


def parse(values: flags.FlagValues, argv: list[str], story: str) -> list[str]:
    """Parses the flags of ``launch.py``; exits with a message where they are wrong.

    Args:
      values: absl's flags, to be filled.
      argv: the command line.
      story: what ``--help`` opens with.

    Returns:
      What absl leaves over: the program's name.
    """
    if any(arg in ("--help", "-h", "-help", "--helpfull") for arg in argv[1:]):
        print(story)
        print(_flag_help(values))
        print("\n".join(_field_help(Path(__file__).parents[2] / "configs" / "default.py")))
        sys.exit(0)
    try:
        _check_fields(argv[1:])
        left = values(argv)
        config = values["config"].value
        if config is not None:
            config.to_dict()  # raises here, and not later, if its file cannot be loaded
    except UserError as error:
        fail(error)
    except Exception as error:  # absl's errors, and whatever a configuration file raises
        message = str(error).strip() or type(error).__name__
        fail(message.splitlines()[-1] if "Traceback" in message else message)
    if len(left) > 1:
        fail(
            f"{left[1]!r} is no flag; flags look like --config=configs/mnist.py; --help lists them"
        )
    if config is None:
        fail("--config is missing: for instance --config=configs/digits.py; --help lists the rest")
    return left


def fail(message: object) -> NoReturn:
    """Ends the program for a user's mistake: its message, and no stack trace."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    sys.exit(2)


def pick(modes: Mapping[str, Mode], name: str) -> Mode:
    """The function of a mode.

    Raises:
      UserError: this kind of configuration has no such mode.
    """
    if name not in modes:
        raise UserError(f"--mode={name}: this configuration has {', '.join(modes)}")
    return modes[name]


def _check_fields(args: list[str]) -> None:
    """Refuses ``--config.x=y`` for a field that does not exist, before absl sees it."""
    known = set(settings.field_names())
    # absl looks for these in the configuration itself.
    of_tables = {field.name for field in dataclasses.fields(table.Table)}
    for arg in args:
        found = re.match(r"--?(no)?config\.([^=]+)", arg)
        if found and found[2] not in known and found[2].split(".")[0] not in of_tables:
            raise UserError(settings.unknown_field(found[2]))


def _flag_help(values: flags.FlagValues) -> str:
    names = ("config", "workdir", "mode", "network", "images", "output", "shard")
    rows = [(f"--{name}", values[name].help or "") for name in names]
    return "Flags:\n" + "\n".join(f"  {name:<12} {text}" for name, text in rows) + "\n"


def _field_help(path: Path) -> Iterator[str]:
    """Every field with its default and its comment, read from the file that documents them."""
    yield f"Fields, as --config.NAME=VALUE, with the defaults of configs/{path.name}:"
    comments: list[str] = []
    for line in path.read_text().splitlines():
        text = line.strip()
        comment = re.match(r"# (.*)", text)
        field = re.match(r"config\.([\w.]+) = (.*)", text)
        if comment:
            comments.append(comment[1])
            continue
        if field and comments:
            group = "train." if "." not in field[1] and field[1] in _recipe_names() else ""
            yield f"  {group + field[1]} = {field[2]}"
            yield from (f"      {line}" for line in comments)
        comments = []


def _recipe_names() -> set[str]:
    return {
        name.removeprefix("train.") for name in settings.field_names() if name.startswith("train.")
    }
