"""What was probably meant by a flag or a word that the command line does not know."""

import difflib
from collections.abc import Sequence

from amkd.cli import subcommands
from amkd.cli.flag_definitions import MODES
from amkd.config.names import field_names, nearest

_COMMANDS = ("ledger", *subcommands.NAMES)


def unknown_flag(name: str, args: Sequence[str], known: Sequence[str]) -> str:
    """Returns the message that a flag does not exist, with the one that was probably meant.

    Args:
      name: the flag, without its hyphens.
      args: the command line.
      known: the names of all flags.
    """
    if name in field_names():
        return f"--{name}: {_is_a_field(name, _value(name, args))}"
    return f"--{name}: there is no such flag; {_flag_or_field(name, _value(name, args), known)}"


def unknown_word(word: str) -> str:
    """Returns the message that a word is not a flag, with what was probably meant."""
    name, equals, value = word.partition("=")
    if equals and name in field_names():
        return f"{word!r}: {_is_a_field(name, value)}"
    if word in MODES:
        return f"{word!r} is a mode: write --mode={word}"
    if command := difflib.get_close_matches(word, _COMMANDS, 1, 0.7):
        return f"{word!r}: there is no such command; did you mean amkd {command[0]}?"
    if mode := difflib.get_close_matches(word, MODES, 1, 0.7):
        return f"{word!r} is not a flag; did you mean --mode={mode[0]}?"
    return f"{word!r} is not a flag; flags look like --config=mnist; --help lists them"


def _is_a_field(name: str, value: str) -> str:
    return f"{name!r} is a field: write --config.{name}={value}"


def _flag_or_field(name: str, value: str, known: Sequence[str]) -> str:
    group, dot, field = name.partition(".")
    if dot and difflib.get_close_matches(group, ["config"]):
        near = field if field in field_names() else nearest(field)
        return f"did you mean --config.{near}={value}?" if near else "--help lists every field"
    if flag := difflib.get_close_matches(name, known, 1):
        return f"did you mean --{flag[0]}?"
    if near := nearest(name):
        return f"did you mean the field --config.{near}={value}?"
    return "--help lists all flags and fields"


def _value(name: str, args: Sequence[str]) -> str:
    """Returns the value that a command line gives to a flag; a word for it if there is none."""
    for place, arg in enumerate(args):
        flag, equals, value = arg.partition("=")
        if flag not in (f"--{name}", f"-{name}"):
            continue
        if equals:
            return value
        following = next(iter(args[place + 1 :]), "-")
        return "VALUE" if following.startswith("-") else following
    return "VALUE"
