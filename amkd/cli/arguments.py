"""The command line: parses the flags into a configuration, reports a mistake in one clear line, and
prints ``--help``.

It does not import JAX, so that ``--help`` and error messages appear at once.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from absl import flags

import amkd
from amkd.cli import field_help, hints, overrides
from amkd.config import config_file, data_file, run_record, shipped
from amkd.core import console
from amkd.core.errors import UserError
from amkd.tables import table

_OVERRIDES = ("--config.", "-config.", "--noconfig.", "-noconfig.")
_NO_CONFIG = (
    "--config is missing: give one, for example --config=digits; see --help. You can omit --config"
    " only if --workdir already contains a run"
)
_BEGIN = "Check --workdir, or give --config, for example --config=digits, to begin a run there"
_NAMES = (
    *("config", "workdir", "mode", "network", "images", "output", "shard", "host", "port", "log"),
    *("coordinator", "process_id", "num_processes", "distributed"),
)
Mode = TypeVar("Mode", bound=Callable[..., None])


def parse(values: flags.FlagValues, argv: list[str], story: str, problems: list[str]) -> list[str]:
    """Parses the flags; collects the problems with ``--config.NAME=VALUE``.

    Args:
      values: absl's flags, to be filled.
      argv: the command line.
      story: the text at the top of ``--help``.
      problems: list to which problems with single fields are added; these fields then have their
        defaults.

    Returns:
      What absl does not parse: the program's name.

    Raises:
      UserError: there is any other problem.
    """
    if any(arg in ("--help", "-h", "-help", "--helpfull") for arg in argv[1:]):
        console.say("\n".join([story, _flag_help(values), *field_help.lines()]))
        sys.exit(0)
    if "--version" in argv[1:]:
        console.say(f"amkd {amkd.__version__}")
        sys.exit(0)
    sound, wrong = overrides.split(argv[1:])
    problems += wrong
    sys.argv[1:] = sound  # where config_flags looks for overrides
    try:
        args = _with_files(sound)
        if not any(values_of(args, "config")) and any(arg.startswith(_OVERRIDES) for arg in args):
            raise UserError(_no_config(sound))  # absl would call the fields unknown flags
        left = values([argv[0], *args])
        config = values["config"].value
        if config is not None:
            config.to_dict()  # raises here, and not later, if its file cannot be loaded
    except UserError:
        raise
    except Exception as error:  # absl's errors, and whatever a configuration file raises
        _explain_file(sound)
        if isinstance(error, flags.UnrecognizedFlagError):
            told = hints.unknown_flag(error.flagname, sound, _NAMES)
            raise UserError(told) from error
        raise UserError(overrides.explain(_last_line(error))) from error
    if len(left) > 1:
        raise UserError(hints.unknown_word(left[1]))
    if config is None:
        raise UserError(_no_config(sound))
    return left


def _no_config(args: list[str]) -> str:
    """Returns the message that ``--config`` is missing, and what is in ``--workdir``."""
    given = next(values_of(args, "workdir"), "")
    if not given:
        return _NO_CONFIG
    workdir = Path(given).expanduser()
    if not workdir.exists():
        return f"--config is missing, and --workdir={given} does not exist. {_BEGIN}"
    told = f"--config is missing, and --workdir={given} contains no run. {_BEGIN}"
    if (workdir / "ledger.sqlite").exists():
        told += f". If files of its run were lost, {run_record.another(workdir)}"
    return told


def _last_line(error: Exception) -> str:
    message = str(error).strip() or type(error).__name__
    return message.splitlines()[-1] if "Traceback" in message else message


def _explain_file(args: list[str]) -> None:
    """Raises an error that explains what is wrong with the configuration file, or with a field
    that is not one of a table's.
    """
    for config in values_of(args, "config"):
        name, _, preset = config.partition(":")
        made = config_file.load(shipped.locate(name), preset)
        if table.is_table(made):
            overrides.check_table_fields(args, made)


def values_of(args: list[str], name: str) -> Iterator[str]:
    """Yields the values given to a flag on a command line, before absl parses it."""
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag in (f"--{name}", f"-{name}"):
            yield value if equals else next(iter(args[place + 1 :]), "")


def _with_files(args: list[str]) -> list[str]:
    """Returns the command line; a shipped name in ``--config`` is replaced by its file."""
    found = list(args)
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag not in ("--config", "-config"):
            continue
        if equals:
            found[place] = f"{flag}={_file(value)}"
        elif place + 1 < len(args):
            found[place + 1] = _file(args[place + 1])
    return [*_of_workdir(args), *found]


def _of_workdir(args: list[str]) -> list[str]:
    """Returns ``--config`` of the run in ``--workdir``; an empty list if ``--config`` is given, or
    there is no run.
    """
    workdir = Path(next(values_of(args, "workdir"), "")).expanduser()
    if any(values_of(args, "config")) or not run_record.is_in(workdir):
        return []
    return [f"--config={run_record.__file__}:{workdir}"]


def _file(config: str) -> str:
    """Returns ``NAME`` or ``NAME:PRESET`` in the form that absl accepts: the path of its file."""
    name, _, preset = config.partition(":")
    path = shipped.locate(name)
    if data_file.is_data(path):
        config_file.load(path, preset)  # absl would treat the preset as part of the path
    return config_file.argument(path, preset)


def pick(modes: Mapping[str, Mode], name: str) -> Mode:
    """Returns the function of a mode.

    Raises:
      UserError: this kind of configuration has no such mode.
    """
    if name not in modes:
        raise UserError(
            f"--mode={name}: this configuration has no such mode; choose one of {', '.join(modes)}"
        )
    return modes[name]


def _flag_help(values: flags.FlagValues) -> str:
    rows = [(f"--{name}", values[name].help or "") for name in _NAMES]
    return "Flags:\n" + "\n".join(f"  {name:<15} {text}" for name, text in rows) + "\n"
