"""The dotted names of fields: all names, earlier names, and the name that was probably meant."""

import difflib
import functools
from collections.abc import Mapping
from typing import Any

from amkd.config.fields import leaves
from amkd.config.settings import Settings


@functools.cache
def field_names(kind: type = Settings) -> tuple[str, ...]:
    """Returns every field's dotted name."""
    return tuple(leaf.name for leaf in leaves(kind))


def former_names(kind: type = Settings) -> dict[str, str]:
    """Returns a map from the names of fields in earlier versions to their names today."""
    found = {}
    for leaf in leaves(kind):
        if leaf.declaration.was:
            group, dot, _ = leaf.name.rpartition(".")
            found[f"{group}{dot}{leaf.declaration.was}"] = leaf.name
    return found


def renamed(flat: Mapping[str, Any], kind: type = Settings) -> dict[str, Any]:
    """Returns values that an earlier version kept by dotted name, by today's names."""
    now = former_names(kind)
    return {now.get(name, name): value for name, value in flat.items()}


def unknown_field(name: str, kind: type = Settings) -> str:
    """Returns the message that a field does not exist, with its name today or the nearest name."""
    now = former_names(kind).get(name)
    if now:
        return f"config.{name} is now called config.{now}"
    known = list(field_names(kind))
    if inside := [field for field in known if field.startswith(f"{name}.")]:
        return f"config.{name} is a group of fields; name one of them, such as config.{inside[0]}"
    near = nearest(name, kind)
    hint = f"; did you mean config.{near}?" if near else "; --help lists every field"
    return f"config.{name}: there is no such field{hint}"


def nearest(name: str, kind: type = Settings) -> str | None:
    """Returns the field that was probably meant; None if no name is similar."""
    known = list(field_names(kind))
    leaf = name.rpartition(".")[2]
    same_leaf = sorted(
        (full for full in known if full.rpartition(".")[2] == leaf),
        key=lambda full: full.count("."),
    )
    if leaf == name and same_leaf:
        return same_leaf[0]
    alike = difflib.get_close_matches(name, known, 1, 0.6) or same_leaf
    alike = alike or [
        full
        for full in known
        if difflib.SequenceMatcher(None, leaf, full.rpartition(".")[2]).ratio() > 0.75
    ]
    return alike[0] if alike else None
