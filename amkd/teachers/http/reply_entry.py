"""Reads the entry of one picture in the reply of a JSON service: scores, or one class number."""

import math
from typing import Any

import numpy as np

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.teachers import Unanswered
from amkd.teachers.http import reply_path as paths
from amkd.teachers.http.labels import IGNORED, Labels

_FIELD = "config.teacher.json"


class EntryReader:
    """Reads entries by the paths of a template."""

    def __init__(self, template: Template, labels: Labels, classes: int) -> None:
        self._template, self._labels, self._classes = template, labels, classes
        self._scores_path = paths.optional("scores", template.scores)
        self._labels_path = paths.optional("labels", template.labels)

    @property
    def useless(self) -> np.ndarray:
        """The row of an entry that cannot be read: NaN scores, or the class number -1."""
        return np.asarray(-1) if self._scores_path is None else np.full(self._classes, math.nan)

    def __call__(self, entry: Any) -> np.ndarray:
        """Returns scores ``float64[Y]``, NaN for a missing one; or one class number ``int64[]``.

        Raises:
          Unanswered: a score is too large.
          UserError: the entry is not as the template says, or has an unknown label.
        """
        if self._scores_path is None:
            return np.asarray(self._class(entry), np.int64)
        scores = self._scores_path.search(entry)
        if isinstance(scores, dict):
            return self._sparse(list(scores), self._numbers(list(scores.values())))
        if not isinstance(scores, list):
            raise self._scores_path.misfit("is neither a list nor an object in", entry)
        numbers = self._numbers(scores)
        if self._labels_path is None:
            return self._dense(numbers)
        labels = self._labels_path.search(entry)
        if labels and not numbers:
            raise self._scores_path.misfit("finds no score in", entry)
        if not isinstance(labels, list) or len(labels) != len(numbers):
            raise self._labels_path.misfit(
                f"is no list of {len(numbers)} labels, one per score, in", entry
            )
        return self._sparse(labels, numbers)

    def _class(self, entry: Any) -> int:
        assert self._labels_path is not None  # checked at load
        label = self._labels_path.search(entry)
        if label is None or isinstance(label, list | dict):
            raise self._labels_path.misfit("is no single label in", entry)
        number = self._labels.number(label)
        if number == IGNORED:
            raise UserError(
                f"the service answered the label {redact(str(label))[:80]!r}, which"
                " config.teacher.labels ignores, and a picture's only label must be a class: map it"
                " to one"
            )
        return number

    def _numbers(self, values: list[Any]) -> list[float]:
        """Returns scores as numbers; null becomes NaN."""
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int | float | None):
                raise UserError(
                    f"{_FIELD}.scores={self._template.scores!r} has a {type(value).__name__} among"
                    " the numbers of the reply's entry: set it to the path of the scores alone"
                )
        try:
            return [math.nan if value is None else value * self._template.scale for value in values]
        except OverflowError:
            raise Unanswered(
                "the reply has a score of more digits than a number has", billed=True, whole=True
            ) from None

    def _dense(self, numbers: list[float]) -> np.ndarray:
        if len(numbers) != self._classes:
            raise UserError(
                f"{_FIELD}.scores={self._template.scores!r} has {len(numbers)} scores, and"
                f" {self._classes} classes are expected: if the service tells the best ones only,"
                f" set {_FIELD}.labels to the path of their labels"
            )
        return np.asarray(numbers, np.float64)

    def _sparse(self, labels: list[Any], numbers: list[float]) -> np.ndarray:
        """Returns a row with the given scores; scores of several labels of one class add up."""
        places = [self._labels.number(label) for label in labels]
        if labels and set(places) == {IGNORED}:  # it saw none of the classes, and so prefers none
            return np.full(self._classes, 1 / self._classes)
        row = np.full(self._classes, math.nan)
        for place, score in zip(places, numbers, strict=True):
            if place != IGNORED:
                row[place] = score if math.isnan(row[place]) else row[place] + score
        return row
