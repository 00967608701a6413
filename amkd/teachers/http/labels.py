"""Translates the labels of a service into class numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from amkd.core.errors import UserError
from amkd.core.text import comparable

IGNORED = -1
_FIELD = "config.teacher.labels"


class Labels:
    """Maps the labels of a service to class numbers.

    A label is looked up in the user's map first, then among the class names, then among the class
    names regardless of case. Last, it may be a class number itself. An é of one character and one
    of two are the same everywhere.
    """

    def __init__(self, given: Mapping[str, int], class_names: Sequence[str]) -> None:
        """Checks the map.

        Args:
          given: label to class number, or to ``IGNORED``.
          class_names: names of the data set's classes.

        Raises:
          UserError: a number is out of range, or labels that look the same have two numbers.
        """
        self._given: dict[str, int] = {}
        self._classes = len(class_names)
        for label, number in given.items():
            if self._given.setdefault(comparable(label), number) != number:
                raise UserError(f"{_FIELD}: {label!r} is mapped to two classes; keep one of them")
            if not IGNORED <= number < self._classes:
                raise UserError(
                    f"{_FIELD}: {label!r} is mapped to {number}, and the classes are 0 to"
                    f" {self._classes - 1} ({IGNORED} to ignore a label)"
                )
        self._exact = {comparable(name): number for number, name in enumerate(class_names)}
        self._folded: dict[str, list[int]] = {}
        for name, number in self._exact.items():
            self._folded.setdefault(_folded(name), []).append(number)

    def number(self, label: Any) -> int:
        """Returns the class number of a label, or ``IGNORED``.

        Raises:
          UserError: the label is unknown.
        """
        name = comparable(_text(label))
        if name in self._given:
            return self._given[name]
        if name in self._exact:
            return self._exact[name]
        if len(alike := self._folded.get(_folded(name), [])) == 1:
            return alike[0]
        if name.isdecimal() and name.isascii() and int(name) < self._classes:
            return int(name)
        raise UserError(
            f"the service answered the label {name[:80]!r}, which is no class of the data set: map"
            f" it to a class number by {_FIELD} ({IGNORED} to ignore it)"
        )


def _folded(name: str) -> str:
    """Returns a name regardless of case."""
    return comparable(name.casefold())


def _text(label: Any) -> str:
    """Returns a label as it is written in the user's map."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if isinstance(label, str | int | float) and not isinstance(label, bool):
        return str(label)
    raise UserError(
        f"the service answered a label that is neither text nor number but {type(label).__name__}:"
        " check config.teacher.json.labels"
    )
