"""Reads the rows of a table that contain answers of a teacher, one by one, and checks them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd.config.settings import Settings
from amkd.config.teacher_answers import Form
from amkd.core.errors import UserError
from amkd.data import class_names, remote, rows
from amkd.data.dataset import DataSet
from amkd.data.row_faults import RowFaults
from amkd.run import image_keys
from amkd.run.image_keys import Key
from amkd.teachers import answers, loading
from amkd.teachers.answer_table import KEYS, AnswerTable

REMEDY = "Nothing was imported. Correct the rows, or remove them"
_BLOCK = 1024  # answers checked at once


@dataclasses.dataclass(frozen=True)
class AnswerSource:
    """A table of answers, and the way in which it is read.

    Attributes:
      settings: the configuration.
      table: the file.
      field: the name of the table in messages.
      reader: reads the answer in a row.
      roots: folders in which paths are looked for.
      columns: columns that name the image of a row, by the kind of the key.
      base: the address that paths are relative to, or empty.
      leaves_out: whether a row is left out, given its cells.
    """

    settings: Settings
    table: Path
    field: str
    reader: AnswerTable
    roots: list[Path]
    columns: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: KEYS)
    base: str = ""
    leaves_out: Callable[[Mapping[str, Any]], bool] = lambda cells: False

    def key_of(self, row: rows.Row) -> Key:
        """Returns the key of the image that a row names."""
        key = image_keys.key_of(row.cells, self.columns)
        if self.base and key.kind == "path" and not remote.is_remote(key.text):
            return Key(key.kind, f"{self.base}/{key.text}")
        return key


class AnswerRows(NamedTuple):
    """Rows that contain an answer: numbers, keys of their images, and scores ``float32[M, Y]``.

    ``empty`` counts the rows without an answer.
    """

    numbers: list[int]
    keys: list[Key]
    scores: np.ndarray
    empty: int

    def take(self, places: Sequence[int]) -> "AnswerRows":
        """Returns the rows at these places."""
        return AnswerRows(
            [self.numbers[place] for place in places],
            [self.keys[place] for place in places],
            self.scores[list(places)],
            self.empty,
        )


def reader(settings: Settings, data: DataSet, *, alone: bool) -> AnswerTable:
    """Returns what reads the answer in a row of a table; ``alone`` as in :class:`AnswerTable`."""
    names = class_names.of(data)
    labels = loading.label_map(settings.teacher.labels, names)
    return AnswerTable(names, labels, settings.teacher.answers, alone=alone)


def read(source: AnswerSource) -> AnswerRows:
    """Reads all rows that contain an answer, and checks them.

    Raises:
      UserError: names the rows whose answer or image is not valid; or all answers are
        probabilities, but would be read as logits.
    """
    form = source.settings.teacher.answers
    faults, numbers, keys, blocks = RowFaults(source.field), list[int](), list[Key](), []
    block: list[np.ndarray] = []
    empty = 0

    def check() -> None:
        checked = np.array(block, np.float32)
        for number, fault in zip(
            numbers[-len(block) :], answers.faults(checked, form), strict=True
        ):
            if fault:
                faults.add(number, str(answers.explain(fault, form, "of it")))
        blocks.append(checked)
        block.clear()

    for row in rows.read(source.table, source.field):
        if source.leaves_out(row.cells):
            continue
        try:
            scores = source.reader.read(row.cells)
            key = source.key_of(row) if scores is not None else Key("", "")
        except UserError as error:
            faults.add(row.number, str(error))
            continue
        if scores is None:
            empty += 1
            continue
        numbers.append(row.number)
        keys.append(key)
        block.append(scores)
        if len(block) == _BLOCK:
            check()
    if block:
        check()
    faults.refuse(REMEDY)
    scores = np.concatenate(blocks) if blocks else np.empty(0)
    if numbers:
        _refuse_probabilities(scores, form, source.field)
    return AnswerRows(numbers, keys, scores, empty)


def _refuse_probabilities(scores: np.ndarray, form: Form, field: str) -> None:
    """Refuses probabilities that would be read as logits: the ledger would keep them as such."""
    if form.form != "logits" or any(answers.faults(scores, Form("probabilities"))):
        return
    raise UserError(
        f"{field}: all its answers are probabilities, but config.teacher.answers.form='logits'"
        " would read them as logits; nothing was imported. If the teacher answers logits, import"
        " its own scores, as `amkd ledger export` writes them; without these, replace each"
        " probability (0 by 1e-30) by its natural logarithm times"
        f" config.teacher.answers.temperature={form.temperature:g}. If the teacher answers"
        " probabilities, set --config.teacher.answers.form=probabilities, also for the runs"
    )
