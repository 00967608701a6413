"""Checks ``--config.NAME=VALUE`` on the command line; reports all problems at once."""

import dataclasses
import re
import typing
from collections.abc import Iterator

from absl import flags

from amkd.config.fields import leaves
from amkd.config.names import field_names, unknown_field
from amkd.config.parsing import wrong_type
from amkd.config.settings import Settings
from amkd.tables import table

# absl's parsers for these types. It accepts any text, and refuses values of other types itself.
_READERS: dict[type, flags.ArgumentParser] = {
    bool: flags.BooleanParser(),
    int: flags.IntegerParser(),
    float: flags.FloatParser(),
}


def split(args: list[str]) -> tuple[list[str], list[str]]:
    """Returns the command line without the overrides that cannot work, and the reasons."""
    sound, problems = [], []
    for arg in args:
        problem = _problem(arg)
        if problem:
            problems.append(problem)
        else:
            sound.append(arg)
    return sound, problems


def explain(message: str) -> str:
    """Rewrites absl's message about a value that it cannot read in plain words."""
    found = re.match(r"flag --(config\.[\w.]+)=(.*?): ", message, re.DOTALL)
    if not found:
        return message
    types = {f"config.{leaf.name}": leaf.type for leaf in leaves(Settings)}
    if found[1] in types:
        return wrong_type(found[1].removeprefix("config."), found[2], types[found[1]])
    return f"{found[1]}={found[2]!r}: is not a valid value; see the field's configuration file"


def _problem(arg: str) -> str:
    """Returns what is wrong with an argument; empty if it is not an override, or a sound one."""
    found = re.match(r"--?(no)?config\.([^=]+)(?:=(.*))?", arg, re.DOTALL)
    if not found:
        return ""
    name, value = found[2], found[3]
    if name not in field_names():
        # absl itself looks for these in the configuration.
        of_tables = {one.name for one in dataclasses.fields(table.Table)}
        return "" if name.split(".")[0] in of_tables else unknown_field(name)
    return "" if value is None else next(_misread(name, value), "")


def _misread(name: str, value: str) -> Iterator[str]:
    wanted = next(leaf.type for leaf in leaves(Settings) if leaf.name == name)
    reader = _READERS.get(typing.get_origin(wanted) or wanted)
    if reader is None:
        return
    try:
        reader.parse(value)
    except (TypeError, ValueError):
        yield wrong_type(name, value, wanted)
