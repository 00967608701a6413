"""Reads the entry of one image in the reply of a JSON service: scores, or one class number."""

import json
import math
import re
from typing import Any

import numpy as np

from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.teachers import ImageRefused, Unanswered
from amkd.teachers.http import reply_path as paths
from amkd.teachers.http.service_labels import Labels

_FIELD = "config.teacher.json"
_EXCERPT = 200  # characters of a service's message about an image
_NUMBER = re.compile(
    r"\s*(?P<number>[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)\s*(?P<percent>%?)\s*", re.ASCII | re.I
)


class EntryReader:
    """Reads entries by the paths of a template."""

    def __init__(self, template: Template, labels: Labels, classes: int) -> None:
        self._template, self._labels, self._classes = template, labels, classes
        self._scores_path = paths.optional("scores", template.scores)
        self._labels_path = paths.optional("labels", template.labels)
        self._text_path = paths.optional("text", template.text)
        self._error_path = paths.optional("error", template.error)

    @property
    def useless(self) -> np.ndarray:
        """The row of an entry that cannot be read: NaN scores, or the class number -1."""
        return np.asarray(-1) if self._scores_path is None else np.full(self._classes, math.nan)

    def __call__(self, entry: Any) -> np.ndarray:
        """Returns scores ``float64[Y]``, NaN for a missing one; or one class number ``int64[]``.

        Raises:
          ImageRefused: the entry contains an error of the service.
          Unanswered: a score is too large, or a text that must contain JSON does not.
          UserError: the entry does not have the form of the template, or has an unknown label.
        """
        entry = self._content(entry)
        if self._scores_path is None:
            return np.asarray(self._class(entry), np.int64)
        scores, steps = self._scores_path.walk(entry)
        if isinstance(scores, dict):
            return self._labels.row(list(scores), self._numbers(list(scores.values())))
        if not isinstance(scores, list):
            raise self._scores_path.misfit("is neither a list nor an object in", entry)
        numbers = self._numbers(scores)
        if self._labels_path is None:
            return self._dense(numbers)
        labels, label_steps = self._labels_path.walk(entry)
        if labels and all(map(math.isnan, numbers)):
            raise self._scores_path.misfit("finds no score in", entry)
        if not isinstance(labels, list) or len(labels) != len(numbers):
            raise self._labels_path.misfit(
                f"is not a list of {len(numbers)} labels, one per score, in", entry
            )
        if not paths.in_step(label_steps, steps):
            raise self._labels_path.misfit(
                f"selects other elements than {self._scores_path.field}={self._scores_path.text!r}"
                " does in",
                entry,
            )
        return self._labels.row(labels, numbers)

    def _content(self, entry: Any) -> Any:
        """Returns the part with scores and labels: the entry, or the JSON of a text in it."""
        if self._error_path and (told := self._error_path.search(entry)):
            words = redact(told if isinstance(told, str) else json.dumps(told))
            raise ImageRefused(f"the service answered an error for an image: {words[:_EXCERPT]}")
        if self._text_path is None:
            return entry
        text = self._text_path.search(entry)
        if not isinstance(text, str):
            raise self._text_path.misfit("finds no text in", entry)
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Unanswered(
                f"{self._text_path.field}={self._text_path.text!r} finds a text of {len(text)}"
                " characters that is not JSON",
                billed=True,
                whole=True,
            ) from None

    def _class(self, entry: Any) -> int:
        assert self._labels_path is not None  # checked at load
        label = self._labels_path.search(entry)
        if label is None or isinstance(label, list | dict):
            raise self._labels_path.misfit("is not a single label in", entry)
        return self._labels.only(label)

    def _numbers(self, values: list[Any]) -> list[float]:
        """Returns scores as numbers; null becomes NaN, and NaN itself is refused."""
        try:
            return [self._number(value) for value in values]
        except OverflowError:
            raise Unanswered(
                "the reply has a score that is too large for a number", billed=True, whole=True
            ) from None

    def _number(self, value: Any) -> float:
        """Returns one score, which may be a text such as ``0.93``, ``9.3e-1`` or ``93%``."""
        if value is None:
            return math.nan
        scale, where = self._template.scale, f"{_FIELD}.scores={self._template.scores!r}"
        if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
            if match["percent"] and scale != 1:
                raise UserError(
                    f"{where} finds scores with a percent sign in the reply, which are already"
                    f" divided by 100: set {_FIELD}.scale=1"
                )
            value = float(match["number"]) / (100 if match["percent"] else 1)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(
                f"{where} finds a {type(value).__name__} among the scores of the reply's entry: set"
                ' it to the path of the scores only, each a number or a text like "0.93" or "93%"'
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(
                f"{where} finds NaN or infinity among the scores of the reply's entry: the service"
                " did not work on this image"
            )
        return value * scale

    def _dense(self, numbers: list[float]) -> np.ndarray:
        if len(numbers) != self._classes:
            raise UserError(
                f"{_FIELD}.scores={self._template.scores!r} finds {len(numbers)} scores, but"
                f" {self._classes} classes are expected: if the service reports only the best ones,"
                f" set {_FIELD}.labels to the path of their labels"
            )
        return np.asarray(numbers, np.float64)
