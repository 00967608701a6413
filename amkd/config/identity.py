"""What makes two runs the same: all fields but those declared with ``identity=False``.

Such a field changes neither the result nor which images are queried, so a stopped run may resume
with another value. Each declaration states this itself (:mod:`amkd.config.fields`).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from amkd.config.fields import flatten, leaves
from amkd.config.settings import Settings


def differences(old: Mapping[str, Any], new: Mapping[str, Any], kind: type = Settings) -> list[str]:
    """Returns the fields that matter and differ, as ``config.NAME: OLD -> NEW``.

    Args:
      old: values by dotted name.
      new: other values by dotted name.
      kind: the class of the settings that they come from.
    """
    free = _free(kind)
    names = [name for name in {**old, **new} if name not in free]
    pairs = ((name, old.get(name, "absent"), new.get(name, "absent")) for name in names)
    return [f"config.{name}: {a!r} -> {b!r}" for name, a, b in pairs if a != b]


def identifying(config: Any) -> dict[str, Any]:
    """Returns the values that identify the run, by dotted name: no paths on this machine, and
    nothing that does not affect the result.
    """
    free = _free(type(config))
    return {name: value for name, value in flatten(config).items() if name not in free}


def differing(config: Any, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns the fields that are not at their defaults, by dotted name.

    Args:
      config: the settings.
      also: fields to include although another value does not make another run.
    """
    usual, own, free = flatten(type(config)()), flatten(config), _free(type(config))
    shown = (name for name in own if name in also or name not in free)
    return {name: own[name] for name in shown if own[name] != usual[name]}


def shown_values(config: Any, names: Iterable[str], also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Returns the values of some fields, by dotted name, if they identify the run.

    Args:
      config: the settings.
      names: the names of the fields.
      also: fields to include although another value does not make another run.
    """
    own, free = flatten(config), _free(type(config))
    return {name: own[name] for name in names if name in own and (name in also or name not in free)}


def _free(kind: type) -> set[str]:
    """Returns the fields that may have any value when a workdir is resumed."""
    return {leaf.name for leaf in leaves(kind) if not leaf.declaration.identity}
