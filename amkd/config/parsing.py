"""Turns a nested mapping into frozen settings: every field exists and has its type."""

import os
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from amkd.config.fields import Field, members
from amkd.config.names import unknown_field
from amkd.config.settings import Settings
from amkd.core.errors import UserError

Group = TypeVar("Group")

_TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    tuple: "a list of numbers, such as (0.5, 0.8)",
}


def parse(config: Mapping[str, Any], kind: type[Group] = Settings) -> Group:  # type: ignore[assignment]
    """Freezes a configuration; a field that it lacks has its default.

    Args:
      config: nested mapping, such as a ``ConfigDict``'s ``to_dict()``.
      kind: the class of the settings.

    Raises:
      UserError: fields that do not exist or have another type, all at once.
    """
    problems: list[str] = []
    settings = parse_with_problems(config, problems, kind)
    refuse(problems)
    return settings


def parse_with_problems(
    config: Mapping[str, Any],
    problems: list[str],
    kind: type[Group] = Settings,  # type: ignore[assignment]
) -> Group:
    """Freezes a configuration; a field that is not valid gets its default.

    Args:
      config: nested mapping.
      problems: list to which the problems are added.
      kind: the class of the settings.
    """
    found: Group = _group(kind, kind, config, "", problems)
    return found


def wrong_type(name: str, value: Any, wanted: Any, *, private: bool = False) -> str:
    """Returns the message that a value has the wrong type for a field; hides a private value."""
    shown = "" if private else f"={value!r}"
    return f"config.{name}{shown}: must be {_TYPES[typing.get_origin(wanted) or wanted]}"


def refuse(problems: Iterable[str]) -> None:
    """Raises one error that names every problem; does nothing if there is none.

    Raises:
      UserError: there are problems.
    """
    lines = [f"  {problem}" for problem in problems]
    if lines:
        raise UserError("the configuration cannot work:\n" + "\n".join(lines))


def _group(root: type, kind: type, values: Any, prefix: str, problems: list[str]) -> Any:
    """Makes a group from a mapping; adds what is wrong to ``problems``."""
    if not isinstance(values, Mapping):
        name = prefix.rstrip(".")
        problems.append(
            f"config.{name}={values!r}: must be a group of fields; see configs/default.py"
        )
        return kind()
    known = {member.name.removeprefix(prefix): member for member in members(kind, prefix)}
    problems += [unknown_field(prefix + name, root) for name in values if name not in known]
    found = {}
    for name, member in known.items():
        if name not in values:
            continue
        if member.is_group:
            inside = f"{member.name}."
            found[name] = _group(root, member.type, values[name], inside, problems)
        elif (value := _value(values[name], member.type)) is None:
            private = member.declaration.private
            problems.append(wrong_type(member.name, values[name], member.type, private=private))
        else:
            # The default stays the same for all users; where it is used, it is expanded.
            if member.declaration.path and value != member.default:
                value = _expanded(value, member, problems)
            found[name] = value
    return kind(**found)


def _expanded(value: Any, member: Field, problems: list[str]) -> Any:
    """Returns a path in which ``~`` is replaced by the home of a user."""
    if not isinstance(value, str) or not value.startswith("~"):
        return value
    path = os.path.expanduser(value)
    if path.startswith("~"):
        shown = "" if member.declaration.private else f"={value!r}"
        problems.append(
            f"config.{member.name}{shown}: this home folder does not exist; give the full path of"
            " the file or folder"
        )
    return path


def _value(value: Any, wanted: Any) -> Any:
    """Returns a value as the wanted type; None if it has another type. Integers are accepted as
    floats, and lists as tuples.
    """
    plain = typing.get_origin(wanted) or wanted
    is_sequence = isinstance(value, (tuple, list))
    if plain is tuple and is_sequence and all(isinstance(part, (int, float)) for part in value):
        return tuple(float(part) for part in value)
    if plain is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if (
        plain is not tuple
        and isinstance(value, plain)
        and (plain is bool) == isinstance(value, bool)
    ):
        return value
    return None
