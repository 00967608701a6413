"""Converts the labels of a service to class numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.core.text import comparable

IGNORED = -1
_FIELD = "config.teacher.labels"
_SHOWN = 12  # unknown labels that an error names
_MOST_IGNORED = 500  # labels that are remembered


class Labels:
    """Maps the labels of a service to class numbers.

    A label is looked up in the user's map first, then among the class names, then among the class
    names regardless of case. Different Unicode forms of é are treated as the same letter. Last, a
    label may be a class number itself. If the name of a class is a number, it is not clear whether
    3 is a name or a position, and such a label is refused.

    Attributes:
      are_places: whether every number is certainly a class number.
      ignored: the first few hundred labels that were ignored because they are not classes.
    """

    def __init__(
        self, given: Mapping[str, int], class_names: Sequence[str], ignore_unknown: bool = False
    ) -> None:
        """Checks the map.

        Args:
          given: label to class number, or to ``IGNORED``.
          class_names: names of the data set's classes.
          ignore_unknown: whether all other labels are ignored instead of refused.

        Raises:
          UserError: a number is out of range, or labels that look the same have two numbers.
        """
        self._ignores, self.ignored = ignore_unknown, set[str]()
        self._given: dict[str, int] = {}
        self._names, self._classes = class_names, len(class_names)
        for label, number in given.items():
            if self._given.setdefault(comparable(label), number) != number:
                raise UserError(f"{_FIELD}: {label!r} is mapped to two classes; keep one of them")
            if not IGNORED <= number < self._classes:
                raise UserError(
                    f"{_FIELD}: {label!r} is mapped to {number}, but the classes are 0 to"
                    f" {self._classes - 1} ({IGNORED} to ignore a label)"
                )
        self._numbered = has_number(class_names)
        in_order = all(name == str(number) for number, name in enumerate(class_names))
        self.are_places = not given and (in_order or not self._numbered)
        self._exact = {comparable(name): number for number, name in enumerate(class_names)}
        self._folded: dict[str, list[int]] = {}
        for name, number in self._exact.items():
            self._folded.setdefault(_folded(name), []).append(number)

    def number(self, label: Any) -> int:
        """Returns the class number of a label, or ``IGNORED``.

        Raises:
          UserError: the label is unknown.
        """
        found = self._found(label)
        if found is None:
            raise _unknown([label])
        return found

    def _found(self, label: Any) -> int | None:
        """Returns the same as :meth:`number`, but None for an unknown label."""
        name = comparable(_text(label))
        if name in self._given:
            return self._given[name]
        named, place = self._named(name), _place_of(name, self._names)
        # A text that is a class name is a name. A 3 without quotes may be a position instead.
        sure = named == place or (named is not None and isinstance(label, str))
        if place is not None and self._numbered and not sure:
            raise self._ambiguous(name, named, place)
        found = place if named is None else named
        if found is None and self._ignores:
            if len(self.ignored) < _MOST_IGNORED:
                self.ignored.add(name)
            return IGNORED
        return found

    def only(self, label: Any) -> int:
        """Returns the class number of an image's only label.

        Raises:
          UserError: the label is unknown, or ignored.
        """
        number = self.number(label)
        if number == IGNORED:
            raise UserError(
                f"the service answered the label {redact(str(label))[:80]!r}, which {_FIELD}"
                " ignores, but an image's only label must be a class: map it to a class"
            )
        return number

    def row(self, labels: Sequence[Any], scores: Sequence[float]) -> np.ndarray:
        """Returns ``float64[Y]``, NaN for a class without a label.

        Scores of several labels of one class are added up. A label without a score may be the best
        one: then the row is unusable.

        Raises:
          UserError: a label is unknown or has no score.
        """
        found = [self._found(label) for label in labels]
        if None in found:
            raise _unknown([label for label, at in zip(labels, found, strict=True) if at is None])
        places = [at for at in found if at is not None]
        nothing = set(places) == {IGNORED} or (self._ignores and not labels)
        if nothing:  # the service found no class, so all classes get the same score
            return np.full(self._classes, 1 / self._classes)
        row = np.full(self._classes, math.nan)
        for label, place, score in zip(labels, places, scores, strict=True):
            if place == IGNORED:
                continue
            if math.isnan(score):
                raise UserError(
                    f"the service answered the label {redact(str(label))[:80]!r} without a score"
                )
            row[place] = score if math.isnan(row[place]) else row[place] + score
        return row

    def _named(self, name: str) -> int | None:
        """Returns the number of the class with a name; in any case, if only one class fits."""
        if name in self._exact:
            return self._exact[name]
        alike = self._folded.get(_folded(name), [])
        return alike[0] if len(alike) == 1 else None

    def _ambiguous(self, name: str, named: int | None, place: int) -> UserError:
        """Returns the error about a number that may be a name or a position."""
        counted = f"the class {self._names[place]!r}, if the service counts the classes from 0"
        read = (
            "no class, if it is a name"
            if named is None
            else f"the class {self._names[named]!r}, if it is a name"
        )
        return UserError(
            f"the service answered the label {redact(name)}, which is {read}, or {counted}: write a"
            f' map of all its labels to the names of the classes, {{"{name}": "NAME", ...}}, to a'
            f" file, and set {_FIELD} to this file; if answers were stored before, their labels may"
            " have been read as names: give the teacher another config.teacher.identity"
        )


def _unknown(labels: Sequence[Any]) -> UserError:
    """Returns the error about labels of one reply that are not classes."""
    shown = [repr(redact(comparable(_text(label)))[:80]) for label in labels[:_SHOWN]]
    if len(labels) == 1:
        return UserError(
            f"the service answered the label {shown[0]}, which is not a class of the data set: map"
            f" it to a class number with {_FIELD} ({IGNORED} to ignore it)"
        )
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return UserError(
        f"the service answered the labels {', '.join(shown)}{more}, which are not classes of the"
        f" data set: map them to class numbers with {_FIELD} ({IGNORED} to ignore one), or ignore"
        " all such labels with --config.teacher.json.unknown=ignore"
    )


def has_number(names: Sequence[str]) -> bool:
    """Returns whether the name of a class is a number."""
    return any(map(_is_number, names))


def _place_of(name: str, names: Sequence[str]) -> int | None:
    """Returns the position, from 0, that a label means if it is not a name; otherwise None."""
    short = name.isdecimal() and name.isascii() and len(name) < 20  # int() refuses 5,000 digits
    return int(name) if short and int(name) < len(names) else None


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def _folded(name: str) -> str:
    """Returns a name regardless of case."""
    return comparable(name.casefold())


def _text(label: Any) -> str:
    """Returns a label as it is written in the user's map."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    finite = not isinstance(label, float) or math.isfinite(label)
    if isinstance(label, str | int | float) and not isinstance(label, bool) and finite:
        return str(label)
    found = "null" if label is None else type(label).__name__
    raise UserError(
        f"the service answered a label that is neither text nor a number but {found}: check"
        " config.teacher.json.labels"
    )
