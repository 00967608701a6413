"""Translates the labels of a service into class numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from amkd.core.errors import UserError
from amkd.core.redaction import redact

IGNORED = -1
_FIELD = "config.teacher.labels"


class Labels:
    """Maps the labels of a service to class numbers.

    A label is looked up in the user's map first, then among the class names, then among the class
    names regardless of case. Last, it may be a class number itself.
    """

    def __init__(self, given: Mapping[str, int], class_names: Sequence[str]) -> None:
        """Checks the map.

        Args:
          given: label to class number, or to ``IGNORED``.
          class_names: names of the data set's classes.

        Raises:
          UserError: a number is out of range.
        """
        self._given, self._classes = dict(given), len(class_names)
        for label, number in self._given.items():
            if not IGNORED <= number < self._classes:
                raise UserError(
                    f"{_FIELD}: {label!r} is mapped to {number}, and the classes are 0 to"
                    f" {self._classes - 1} ({IGNORED} to ignore a label)"
                )
        self._exact = {name: number for number, name in enumerate(class_names)}
        self._folded: dict[str, list[int]] = {}
        for number, name in enumerate(class_names):
            self._folded.setdefault(name.casefold(), []).append(number)

    def number(self, label: Any) -> int:
        """Returns the class number of a label, or ``IGNORED``.

        Raises:
          UserError: the label is unknown.
        """
        name = _text(label)
        if name in self._given:
            return self._given[name]
        if name in self._exact:
            return self._exact[name]
        if len(alike := self._folded.get(name.casefold(), [])) == 1:
            return alike[0]
        if name.isdecimal() and name.isascii() and int(name) < self._classes:
            return int(name)
        raise UserError(
            f"the service answered the label {redact(name)[:80]!r}, which is no class of the data"
            f" set: map it to a class number by {_FIELD} ({IGNORED} to ignore it)"
        )


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
