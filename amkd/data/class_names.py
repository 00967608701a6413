"""The order of the classes: where it is inferred, and where a network learned another one."""

import re
from collections.abc import Sequence
from decimal import Decimal

from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data.dataset import DataSet

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sorts the names of subfolders: by value where all of them are numbers, else as text."""
    if _are_numbers(names):
        return tuple(sorted(names, key=lambda name: (Decimal(name), name)))
    return tuple(sorted(names))


def of(data: DataSet) -> tuple[str, ...]:
    """Returns the names of a data set's classes: their numbers where it has none."""
    return data.class_names or tuple(map(str, range(data.classes)))


def described(names: Sequence[str]) -> str:
    """Says in a line, for people, what :func:`in_order` made of the names of subfolders."""
    kind = "numbers" if _are_numbers(names) else "text"
    return (
        f"the classes are the subfolders in the order of {kind}: the first of {len(names):,} is"
        f" {names[0]!r}, the last {names[-1]!r}"
    )


def refuse_other_order(learned: Sequence[str], found: Sequence[str]) -> None:
    """Refuses to judge a network by the classes that it learned, but in another order.

    Args:
      learned: the classes of the network; empty where it does not say.
      found: the classes of the labels.

    Raises:
      UserError: the same names are in another order.
    """
    one, other = [comparable(name) for name in learned], [comparable(name) for name in found]
    if one != other and sorted(one) == sorted(other):
        place = next(place for place, name in enumerate(one) if name != other[place])
        raise UserError(
            f"config.data.classes: class {place} is {found[place]!r} here, and was"
            f" {learned[place]!r} when the network was made; set"
            f" --config.data.classes={','.join(learned)!r}, or name a file that has these names,"
            " one a line"
        )


def _are_numbers(names: Sequence[str]) -> bool:
    return all(_NUMBER.fullmatch(name) for name in names)
