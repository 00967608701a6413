"""The order of the classes: infers it, and refuses a network that learned another order."""

import re
from collections.abc import Sequence
from decimal import Decimal

from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data.dataset import DataSet

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sorts the names of subfolders: by value if all of them are numbers, otherwise as text."""
    if _are_numbers(names):
        return tuple(sorted(names, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(names))


def of(data: DataSet) -> tuple[str, ...]:
    """Returns the names of a data set's classes: their numbers if they have no names."""
    return data.class_names or tuple(map(str, range(data.classes)))


def described(names: Sequence[str]) -> str:
    """Describes in one line the order that :func:`in_order` gives the names of subfolders."""
    kind = "numbers" if _are_numbers(names) else "text"
    return (
        f"the classes are the subfolders, sorted as {kind}: the first of {len(names):,} is"
        f" {names[0]!r}, the last is {names[-1]!r}"
    )


def refuse_other_order(learned: Sequence[str], found: Sequence[str]) -> None:
    """Refuses to evaluate a network on the same classes in another order.

    Args:
      learned: the classes of the network; empty if it does not state them.
      found: the classes of the labels.

    Raises:
      UserError: the same names are in another order.
    """
    one, other = [comparable(name) for name in learned], [comparable(name) for name in found]
    if one != other and sorted(one) == sorted(other):
        place = next(place for place, name in enumerate(one) if name != other[place])
        raise UserError(
            f"config.data.classes: class {place} is {found[place]!r} here, but it was"
            f" {learned[place]!r} when the network was made; set"
            f" --config.data.classes={','.join(learned)!r}, or give a file with these names,"
            " one per line"
        )


def _are_numbers(names: Sequence[str]) -> bool:
    return all(_NUMBER.fullmatch(name) for name in names)
