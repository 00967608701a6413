"""Checks of single fields against their declared choices and ranges."""

import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

from amkd.config.fields import Declaration, flatten, leaves


def problems(settings: Any, prefix: str = "") -> Iterator[str]:
    """Yields the problem of each single field of a group: its name, value and remedy.

    Args:
      settings: the group, of the right types.
      prefix: dotted name of the group, with a dot at its end.
    """
    values = flatten(settings, prefix)
    for leaf in leaves(type(settings), prefix):
        yield from _problem(leaf.name, values[leaf.name], leaf.declaration)


def choice(name: str, value: str, valid: Sequence[str]) -> Iterator[str]:
    """Yields a problem unless a value is among the valid ones; hints at the nearest."""
    if value not in valid:
        near = difflib.get_close_matches(value, valid, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        yield f"config.{name}={value!r}: must be one of {', '.join(valid)}{hint}"


def range_text(declaration: Declaration) -> str:
    """Returns the declared range in words, such as "at least 0 and below 1"; empty for none."""
    low, high = declaration.least, declaration.below
    parts = []
    if low is not None:
        parts.append(f"at least {low}")
    if declaration.above is not None:
        parts.append("positive" if not declaration.above else f"above {declaration.above}")
    if declaration.most is not None:
        parts.append(f"at most {declaration.most}")
    if high is not None:
        parts.append(f"below {high}" if math.isfinite(high) else "finite")
    return " and ".join(parts)


def _problem(name: str, value: Any, declaration: Declaration) -> Iterator[str]:
    if declaration.choices:
        for part in value.split(",") if declaration.several else (value,):
            yield from choice(name, part, declaration.choices)
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(_in_range(number, declaration) for number in numbers):
        must = "each must be" if isinstance(value, tuple) else "must be"
        remedy = f"; {declaration.remedy}" if declaration.remedy else ""
        yield f"config.{name}={value!r}: {must} {range_text(declaration)}{remedy}"


def _in_range(value: Any, declaration: Declaration) -> bool:
    """Returns whether a value is in the declared range; NaN is in none."""
    return (
        (declaration.least is None or value >= declaration.least)
        and (declaration.above is None or value > declaration.above)
        and (declaration.most is None or value <= declaration.most)
        and (declaration.below is None or value < declaration.below)
    )
