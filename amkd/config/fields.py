"""The fields of a configuration: one declaration contains all that is known about a field.

A group of fields is a frozen dataclass. Each of its attributes is declared with :func:`field`, or
with :func:`group` where it is a group itself. The defaults, the file ``configs/default.py``,
``--help``, the checks of single fields and the identity of a run all follow from that.
"""

import dataclasses
import functools
import typing
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

Value = TypeVar("Value")

_KEY = "declaration"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Declaration:
    """What is declared about a field in addition to its name, its type and its default.

    Attributes:
      help: what the field means, in plain sentences.
      choices: the values it may have; empty for any.
      several: whether the value is one or more of the choices, with commas between them.
      least: lowest value allowed.
      above: the value must be above this.
      below: the value must be below this; infinity for any finite value.
      most: highest value allowed.
      remedy: what an error states after the range, such as what to choose instead.
      identity: whether another value makes another run. False for fields that change neither the
        result nor which images are queried: a workdir may be resumed with another value.
      path: whether it names a file or a folder, where ``~`` is the user's home.
      was: the field's name in earlier versions; empty if it had no other.
      private: whether the value may contain a secret by mistake, so that no message shows it.
    """

    help: str
    choices: tuple[str, ...] = ()
    several: bool = False
    least: float | None = None
    above: float | None = None
    below: float | None = None
    most: float | None = None
    remedy: str = ""
    identity: bool = True
    path: bool = False
    was: str = ""
    private: bool = False


class Field(NamedTuple):
    """A field in its place.

    Attributes:
      name: its dotted name, such as ``search.lam_low``.
      type: the annotated type; a dataclass for a group.
      default: the default; an instance of the type for a group.
      declaration: all else.
    """

    name: str
    type: Any
    default: Any
    declaration: Declaration

    @property
    def is_group(self) -> bool:
        """Whether it holds fields itself."""
        return dataclasses.is_dataclass(self.type)


def field(default: Value, help: str, **declared: Any) -> Value:
    """Declares a field.

    Args:
      default: the default; it has the annotated type.
      help: what the field means.
      **declared: the other attributes of :class:`Declaration`.
    """
    metadata = {_KEY: Declaration(help=help, **declared)}
    # Typed as the attribute it becomes, as the standard library types its own.
    return typing.cast(Value, dataclasses.field(default=default, metadata=metadata))


def group(kind: type[Value], help: str) -> Value:
    """Declares a group of fields, with the defaults of its class."""
    metadata = {_KEY: Declaration(help=help)}
    return typing.cast(Value, dataclasses.field(default_factory=kind, metadata=metadata))


def members(kind: type, prefix: str = "") -> tuple[Field, ...]:
    """Returns the fields and groups that are directly in a group, in the order of declaration."""
    return _members(kind, prefix)


@functools.cache  # a table of many runs calls it for each of them
def _members(kind: type, prefix: str) -> tuple[Field, ...]:
    types, defaults = typing.get_type_hints(kind), kind()
    return tuple(
        Field(
            prefix + declared.name,
            types[declared.name],
            getattr(defaults, declared.name),
            declared.metadata[_KEY],
        )
        for declared in dataclasses.fields(kind)
    )


def leaves(kind: type, prefix: str = "") -> tuple[Field, ...]:
    """Returns every field of a group and of the groups inside it."""
    return _leaves(kind, prefix)


@functools.cache
def _leaves(kind: type, prefix: str) -> tuple[Field, ...]:
    found: list[Field] = []
    for member in members(kind, prefix):
        found += leaves(member.type, f"{member.name}.") if member.is_group else [member]
    return tuple(found)


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Returns every value of a group by its dotted name."""
    flat: dict[str, Any] = {}
    for name in (declared.name for declared in dataclasses.fields(settings)):
        value = getattr(settings, name)
        inside = dataclasses.is_dataclass(value)
        flat.update(flatten(value, f"{prefix}{name}.") if inside else {prefix + name: value})
    return flat


def choices(kind: type, name: str) -> tuple[str, ...]:
    """Returns the values that a field of a group may have."""
    return next(member.declaration.choices for member in members(kind) if member.name == name)


def reset(settings: Any, names: Iterable[str]) -> Any:
    """Returns a group with some of its fields at their defaults; other names are ignored."""
    usual = type(settings)()
    for name in names:
        group, _, rest = name.partition(".")
        if hasattr(usual, group):
            default, own = getattr(usual, group), getattr(settings, group)
            inside = reset(own, [rest]) if rest and dataclasses.is_dataclass(own) else default
            settings = dataclasses.replace(settings, **{group: inside})
    return settings
