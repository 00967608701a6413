"""Finds the form of a few answers: probabilities, some of them, hard labels, and how they are
rounded.
"""

import dataclasses

import numpy as np

from amkd.config.teacher_answers import Form
from amkd.core.text import plain
from amkd.teachers import answers

_FEW, _MOST_DIGITS = 4, 6  # decimal digits; above _FEW, half precision is tried first
_PERCENT = 0.02  # of 100, that a sum of percentages may miss


@dataclasses.dataclass(frozen=True)
class AnswerForm:
    """What the answers of a teacher look like.

    Attributes:
      form: the value of ``teacher.answers.form`` that fits them; empty if there are no answers.
      text: the same for people.
      rounding: how the scores are rounded, for people.
      silent: answers that name no class: equal scores for all.
    """

    form: str
    text: str
    rounding: str
    silent: int = 0


def find(rows: np.ndarray) -> AnswerForm:
    """Returns the form of raw answers ``float32[M, Y]``, NaN for a score that was not given."""
    silent = _equal(rows)
    told = rows[~silent].astype(np.float64)
    if not len(told):
        return AnswerForm("", "no answer names a class", "not known", int(silent.sum()))
    form, text = _form(told)
    return AnswerForm(form, text, _rounding(told), int(silent.sum()))


def _equal(rows: np.ndarray) -> np.ndarray:
    """Returns which rows have the same score for all classes, ``bool[M]``."""
    with np.errstate(invalid="ignore"):
        return (rows == rows[:, :1]).all(-1) if rows.shape[-1] > 1 else np.zeros(len(rows), bool)


def _form(rows: np.ndarray) -> tuple[str, str]:
    """Returns the form and its description."""
    finite = np.isfinite(rows)
    counts, values, classes = finite.sum(-1), rows[finite], rows.shape[-1]
    sums = np.nansum(rows, -1)
    if ((counts == classes) & (sums == 1) & (np.nanmax(rows, -1) == 1)).all():
        return "label", "a hard label only: one class and no score"
    if values.min() < 0:
        return "logits", "logits: some scores are negative"
    if (counts == classes).all():
        return _of_all_classes(rows, sums)
    fewest, most = counts.min(), counts.max()
    span = f"{most}" if fewest == most else f"{fewest} to {most}"
    part = f"scores of {span} of {classes} classes"
    if _fits(rows, Form("top_k", top_k=int(most))):
        return "top_k", f"probabilities of the likeliest classes: {part}, whose sum is at most 1"
    if values.max() > 1:
        return "scores", f"{part}, above 1: set teacher.json.scale=0.01 if they are percentages"
    return "scores", f"independent {part}, {_spread(sums)}"


def _of_all_classes(rows: np.ndarray, sums: np.ndarray) -> tuple[str, str]:
    if _fits(rows, Form("probabilities")):
        return "probabilities", "probabilities of all classes, whose sum is 1"
    if (np.abs(sums - 100) <= 100 * _PERCENT).all():
        text = "percentages of all classes, whose sum is 100"
        if (rows == np.rint(rows)).all():
            return "percentages", text
        # The form percentages would round them to whole ones.
        return "scores", f"{text}, with decimal digits"
    if rows.max() > 1:
        return "scores", f"scores of all classes, {_spread(sums)}: perhaps logits"
    return "scores", f"independent scores of all classes, {_spread(sums)}"


def _spread(sums: np.ndarray) -> str:
    return f"whose sums are {plain(sums.min(), 3)} to {plain(sums.max(), 3)}"


def _fits(rows: np.ndarray, form: Form) -> bool:
    return not any(answers.faults(rows.astype(np.float32), form))


def _rounding(rows: np.ndarray) -> str:
    """Returns to how many decimal digits all scores are rounded, for people."""
    values = np.unique(rows[np.isfinite(rows)])
    if np.isin(values, (0, 1)).all():
        return "nothing to round"
    half = (values.astype(np.float16).astype(np.float64) == values).all()
    for digits in range(_MOST_DIGITS + 1):
        if digits > _FEW and half:
            return "numbers of half precision (float16)"
        if np.isclose(np.round(values, digits), values, rtol=2e-7, atol=0).all():
            return f"to {digits} decimal digit{'' if digits == 1 else 's'}"
    return "none found"
