"""The names of the classes where they are inferred: their order, and what a person reads of it."""

import re
from collections.abc import Sequence
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sorts the names of subfolders: by value where all of them are numbers, else as text."""
    if _are_numbers(names):
        return tuple(sorted(names, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(names))


def described(names: Sequence[str]) -> str:
    """Says in a line, for people, what :func:`in_order` made of the names of subfolders."""
    kind = "numbers" if _are_numbers(names) else "text"
    return (
        f"{len(names):,} classes, the subfolders in the order of {kind}: the first is"
        f" {names[0]!r}, the last {names[-1]!r}"
    )


def _are_numbers(names: Sequence[str]) -> bool:
    return all(_NUMBER.fullmatch(name) for name in names)
