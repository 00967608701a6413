"""Checks ``--config.NAME=VALUE`` on the command line; reports all problems at once."""

import dataclasses
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from absl import flags
from ml_collections import ConfigDict

from amkd.config.fields import leaves
from amkd.config.names import field_names, unknown_field
from amkd.config.parsing import wrong_type
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.tables import table

# absl's parsers for these types. It accepts any text, and refuses values of other types itself.
_READERS: dict[type, flags.ArgumentParser] = {
    bool: flags.BooleanParser(),
    int: flags.IntegerParser(),
    float: flags.FloatParser(),
}


_OVERRIDE = re.compile(r"--?(no)?config\.([^=]+)(?:=(.*))?", re.DOTALL)


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


def check_table_fields(args: list[str], made: Mapping[str, Any]) -> None:
    """Refuses overrides of fields that a table's configuration does not have.

    Args:
      args: the command line.
      made: the configuration of the table.

    Raises:
      UserError: names the first such field.
    """
    for found in filter(None, map(_OVERRIDE.match, args)):
        value = found[3] if found[3] is not None else str(not found[1])
        part: Any = made
        for depth, name in enumerate(found[2].split(".")):
            if isinstance(part, Mapping | ConfigDict) and name in part:
                part = part[name]
                continue
            parents = ".".join(["config", *found[2].split(".")[:depth]])
            known = ", ".join(part) if isinstance(part, Mapping | ConfigDict) else "no fields"
            told = f"config.{found[2]}: {parents} of this table has {known}, and not {name!r}"
            told += ". A table sets the fields of its runs itself: copy its file, and "
            if found[2] in field_names():
                told += f"add {f'{found[2]}={value}'!r} to the field `set` there"
            else:
                told += "change it there"
            raise UserError(told)


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
    found = _OVERRIDE.match(arg)
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
        in_digits = " in digits, such as 1000" if wanted is int else ""
        yield wrong_type(name, value, wanted) + in_digits
