"""What a reason says: the field, its value and the remedy."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from amkd.core import plugins
from amkd.core.errors import UserError


def choice(name: str, value: str, valid: Sequence[str]) -> Iterator[str]:
    """Unless it is one of these."""
    if value not in valid:
        near = difflib.get_close_matches(value, valid, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        yield f"config.{name}={value!r}: must be one of {', '.join(valid)}{hint}"


def choice_or_own(name: str, value: str, registry: Mapping[str, Any]) -> Iterator[str]:
    """Unless it is one of these, or can be loaded as ``my_module:NAME``."""
    try:
        plugins.resolve(value, registry, name)
    except UserError as error:
        yield str(error)


def least(name: str, value: float, low: float) -> Iterator[str]:
    """Unless it is so much or more."""
    if not value >= low:
        yield f"config.{name}={value!r}: must be at least {low}"


def positive(name: str, value: float) -> Iterator[str]:
    """Unless it is above zero, and finite."""
    if not 0 < value < float("inf"):
        yield f"config.{name}={value!r}: must be positive"


def views(prefix: str, rotate: float, zoom: float) -> Iterator[str]:
    """Unless images can be moved so far."""
    if not 0 <= rotate <= 180:
        yield f"config.{prefix}rotate={rotate!r}: must be degrees, from 0 to 180"
    if not 0 <= zoom < 10:
        yield (
            f"config.{prefix}zoom={zoom!r}: must be at least 0 and below 10; 0.25 is from 0.8"
            " to 1.25"
        )
