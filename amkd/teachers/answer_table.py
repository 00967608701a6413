"""A teacher's answers in the rows of a table, such as answers that were paid for elsewhere.

An answer is a class, a class and its score, or a score for each class:

=================  ==================================================================
column             meaning
=================  ==================================================================
``answer``         the class that the teacher named
``score``          the score of that class
``score:NAME``     the score of the class NAME
``scores``         all scores: a list in the order of the classes, or an object by name
=================  ==================================================================

In a table that contains only answers, these names are accepted, too: ``class``; ``probability`` or
``confidence``; the name of a class; ``p0``, ``p1``, ... in the order of the classes.
"""

import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data.rows import text_of
from amkd.teachers.http.service_labels import Labels

_CLASS, _SCORE = ("answer", "class"), ("score", "probability", "confidence")
_SCORES, _EACH = "scores", "score:"


@dataclasses.dataclass(frozen=True)
class _Columns:
    """The columns that contain the parts of an answer; empty for a part without a column."""

    named: str
    score: str
    scores: str
    each: tuple[tuple[str, int], ...]


class AnswerTable:
    """Reads the answers in the rows of a table."""

    def __init__(
        self, names: Sequence[str], labels: Mapping[str, int], form: Form, *, alone: bool
    ) -> None:
        """Prepares to read.

        Args:
          names: the names of the classes.
          labels: class numbers by label of the teacher.
          form: how the answers will be read.
          alone: whether the table contains only answers; in a table of images, with their
            ground-truth labels, only the first list of columns above counts.

        Raises:
          UserError: the labels do not fit the classes.
        """
        self._names, self._form, self._alone = tuple(names), form, alone
        self._labels = Labels(labels, names)
        self._numbers = {comparable(name): number for number, name in enumerate(names)}
        self._columns = functools.lru_cache(self._find_columns)

    def read(self, cells: Mapping[str, Any]) -> np.ndarray | None:
        """Returns the scores in a row, ``float32[Y]``; None if the row contains no answer.

        A score that is not given is NaN.

        Raises:
          UserError: it contains something that is not an answer.
        """
        columns = self._columns(tuple(cells))
        if columns.scores and (found := cells[columns.scores]) is not None and found != "":
            return self._all_scores(found)
        texts = [(text_of(cells[column]), place) for column, place in columns.each]
        if any(text for text, _ in texts):
            row = np.full(len(self._names), math.nan, np.float32)
            for text, place in texts:
                row[place] = _number(text)
            return row
        name = text_of(cells[columns.named]) if columns.named else ""
        if not name:
            return None
        return self._one_class(name, text_of(cells[columns.score]) if columns.score else "")

    def _find_columns(self, present: tuple[str, ...]) -> _Columns:
        several = {column.strip(): column for column in present}

        def first(candidates: Sequence[str]) -> str:
            wanted = candidates if self._alone else candidates[:1]
            return next((several[name] for name in wanted if name in several), "")

        each = [
            (column, self._class_of(name.removeprefix(_EACH)))
            for name, column in several.items()
            if name.startswith(_EACH)
        ]
        if not each and self._alone:
            each = self._bare_columns(several)
        if len({place for _, place in each}) < len(each):
            raise UserError("two columns contain scores of the same class; keep one of them")
        return _Columns(first(_CLASS), first(_SCORE), first((_SCORES,)), tuple(each))

    def _bare_columns(self, several: Mapping[str, str]) -> list[tuple[str, int]]:
        """Returns the columns whose names are class names, or p0, p1, ..."""
        numbered = {f"p{place}": place for place in range(len(self._names))}
        if numbered.keys() <= several.keys():
            return [(several[name], place) for name, place in numbered.items()]
        kept = {*_CLASS, *_SCORE, _SCORES, *itertools.chain(*KEYS.values())}
        return [
            (column, self._numbers[comparable(name)])
            for name, column in several.items()
            if name not in kept and comparable(name) in self._numbers
        ]

    def _class_of(self, name: str) -> int:
        try:
            return self._numbers[comparable(name)]
        except KeyError:
            raise UserError(
                f"the column '{_EACH}{name}' does not name a class; the classes are"
                f" {', '.join(self._names[:20])}"
            ) from None

    def _one_class(self, name: str, score: str) -> np.ndarray:
        place = self._labels.only(name)
        if score:
            row = np.full(len(self._names), math.nan, np.float32)
            row[place] = _number(score)
            return row
        if self._form.form != "label":
            raise UserError(
                "names a class without a score, but config.teacher.answers.form="
                f"{self._form.form!r} needs scores: add the column score, or a column score:NAME"
                " for each class (or, if no answer of this teacher has scores, set it to 'label')"
            )
        return np.eye(len(self._names), dtype=np.float32)[place]

    def _all_scores(self, found: Any) -> np.ndarray:
        if isinstance(found, str):
            try:
                found = json.loads(found)
            except ValueError as error:
                raise UserError(f"its scores are not JSON ({error})") from error
        row = np.full(len(self._names), math.nan, np.float32)
        if isinstance(found, Mapping):
            for name, score in found.items():
                row[self._labels.only(name)] = _number(text_of(score))
            return row
        if not isinstance(found, Sequence) or len(found) != len(row):
            count = len(found) if isinstance(found, Sequence) else "no"
            raise UserError(f"contains {count} scores, but there are {len(row)} classes")
        row[:] = [_number(text_of(score)) for score in found]
        return row


KEYS = {
    "path": ("path", "file", "filename"),
    "sha256": ("sha256",),
    "image": ("image", "digest"),
}  # how a table of answers names an image: columns by kind of key


def _number(text: str) -> float:
    """Returns a score, NaN for none; ``93%`` is .93."""
    if not text:
        return math.nan
    try:
        found = float(text.removesuffix("%"))
    except ValueError:
        raise UserError(f"{text!r} is not a score; write a number") from None
    if not math.isfinite(found):
        raise UserError(f"{text!r} is not a score; leave the cell empty if there is no score")
    return found / 100 if text.endswith("%") else found
