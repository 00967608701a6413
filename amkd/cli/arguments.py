"""The command line: flags to a configuration, mistakes to one clear line, and ``--help``.

Imports no JAX, so that ``--help`` and a mistake show at once.
"""

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

from absl import flags

from amkd.cli import field_help
from amkd.config import shipped
from amkd.config.names import field_names, unknown_field
from amkd.core import console
from amkd.core.errors import UserError
from amkd.tables import table

Mode = TypeVar("Mode", bound=Callable[..., None])


def parse(values: flags.FlagValues, argv: list[str], story: str) -> list[str]:
    """Parses the flags; exits with a message where they are wrong.

    Args:
      values: absl's flags, to be filled.
      argv: the command line.
      story: what ``--help`` opens with.

    Returns:
      What absl leaves over: the program's name.
    """
    if any(arg in ("--help", "-h", "-help", "--helpfull") for arg in argv[1:]):
        console.say("\n".join([story, _flag_help(values), *field_help.lines()]))
        sys.exit(0)
    try:
        _check_fields(argv[1:])
        left = values([argv[0], *_with_files(argv[1:])])
        config = values["config"].value
        if config is not None:
            config.to_dict()  # raises here, and not later, if its file cannot be loaded
    except UserError as error:
        fail(error)
    except Exception as error:  # absl's errors, and whatever a configuration file raises
        message = str(error).strip() or type(error).__name__
        fail(message.splitlines()[-1] if "Traceback" in message else message)
    if len(left) > 1:
        fail(f"{left[1]!r} is no flag; flags look like --config=mnist; --help lists them")
    if config is None:
        fail("--config is missing: for instance --config=digits; --help lists the rest")
    return left


def _with_files(args: list[str]) -> list[str]:
    """The command line with the file of ``--config`` in the place of a shipped name."""
    found = list(args)
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag not in ("--config", "-config"):
            continue
        if equals:
            found[place] = f"{flag}={_file(value)}"
        elif place + 1 < len(args):
            found[place + 1] = _file(args[place + 1])
    return found


def _file(config: str) -> str:
    """``NAME`` or ``NAME:PRESET`` with the path of its file."""
    name, colon, preset = config.partition(":")
    return f"{shipped.locate(name)}{colon}{preset}"


def fail(message: object) -> NoReturn:
    """Ends the program for a user's mistake: its message, and no stack trace."""
    raise UserError(str(message))


def pick(modes: Mapping[str, Mode], name: str) -> Mode:
    """The function of a mode.

    Raises:
      UserError: this kind of configuration has no such mode.
    """
    if name not in modes:
        raise UserError(
            f"--mode={name}: this configuration has no such mode; choose one of {', '.join(modes)}"
        )
    return modes[name]


def _check_fields(args: list[str]) -> None:
    """Refuses ``--config.x=y`` for a field that does not exist, before absl sees it."""
    names = [found[2] for arg in args if (found := re.match(r"--?(no)?config\.([^=]+)", arg))]
    if not names:
        return
    known = set(field_names())
    # absl looks for these in the configuration itself.
    of_tables = {one.name for one in dataclasses.fields(table.Table)}
    for name in names:
        if name not in known and name.split(".")[0] not in of_tables:
            raise UserError(unknown_field(name))


def _flag_help(values: flags.FlagValues) -> str:
    names = ("config", "workdir", "mode", "network", "images", "output", "shard")
    rows = [(f"--{name}", values[name].help or "") for name in names]
    return "Flags:\n" + "\n".join(f"  {name:<12} {text}" for name, text in rows) + "\n"
