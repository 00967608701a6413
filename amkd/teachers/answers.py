"""Checks a teacher's answers, and reads them as class probabilities.

The ledger keeps raw rows, ``float32[Y]`` each: the scores as received, and NaN for a score that
the service did not give. Reading a row is a pure function, so another temperature or form costs no
query. A row with more information than its form needs is reduced: soft answers that are read as
``label`` become their arg-max.
"""

from collections.abc import Iterator

import ml_dtypes
import numpy as np

from amkd.config.teacher_answers import Form
from amkd.core.errors import TeacherFailed

ANY = Form(form="any")  # for a probe: rows are kept, whatever they mean
FORMS = ("probabilities", "logits", "top_k", "scores", "percentages", "label")
_PARTIAL = ("top_k", "scores", "label", "any")  # forms in which some classes may have no score
_TOLERANCE = 1e-3  # of a sum of probabilities
# How far a sum of probabilities may be from 1 if they were computed in a short type.
_SHORT = ((np.dtype(np.float16), 2.0**-8), (np.dtype(ml_dtypes.bfloat16), 2.0**-7))
_DIGITS = range(2, 7)  # decimal digits that scores may have been rounded to
_ROUNDING = 0.1  # the largest error of a sum of rounded scores, for any number of scores


class BadAnswer(TeacherFailed):
    """Raised for an answer that does not have the configured form."""


def raw(answers: object, *, images: int, classes: int, form: Form, identity: str) -> np.ndarray:
    """Turns one batch of answers into rows, whatever their values are.

    Args:
      answers: ``[B, Y]`` scores, or, of form ``label``, also class numbers, ``int[B]`` or
        ``int[B, 1]``.
      images: number of images B.
      classes: number of classes Y.
      form: how the answers are read.
      identity: identity of the teacher, for messages.

    Returns:
      ``float32[B, Y]``; a class number becomes a one-hot row, one out of range a row of zeros.

    Raises:
      BadAnswer: the answers are not numbers, or their shape is wrong.
    """
    try:
        found = np.asarray(answers)
        with np.errstate(over="ignore"):  # infinity is reported later
            rows = found.astype(np.float32)
    except Exception as error:  # whatever a user's array type raises
        raise BadAnswer(
            f"teacher {identity} did not answer with numbers: {error}; it must answer"
            f" {_wanted(form)}"
        ) from error
    rows = _without_one_column(rows, images, classes)
    if form.form in ("label", "any") and rows.shape == (images,):
        numbers = np.where(np.isin(rows, np.arange(classes)), rows, classes).astype(int)
        return np.eye(classes + 1, classes, dtype=np.float32)[numbers]
    if rows.shape != (images, classes):
        remedy = (
            "if these are class numbers, set --config.teacher.answers.form=label"
            if rows.shape == (images,) and form.form != "any"
            else "check that the data set and the teacher have the same number of classes"
        )
        raise BadAnswer(
            f"teacher {identity} answered shape {found.shape} instead of {(images, classes)}: it"
            f" must answer {_wanted(form)}; {remedy}"
        )
    return rows


def _without_one_column(rows: np.ndarray, images: int, classes: int) -> np.ndarray:
    """Returns class numbers ``[B, 1]``, as of an arg-max that keeps its axis, as ``[B]``.

    Fractions are no class numbers, but perhaps the scores of one of two classes.
    """
    fraction = np.isfinite(rows) & (rows != np.rint(rows))
    if rows.shape != (images, 1) or classes == 1 or fraction.any():
        return rows
    return rows[:, 0]


def faults(rows: np.ndarray, form: Form) -> list[str]:
    """Describes what is wrong with each row of ``float32[B, Y]``; an empty text for a good row."""
    texts, rows = [""] * len(rows), rows.astype(np.float64)
    for wrong, text in reversed(list(_checks(rows, form))):  # so that the first check wins
        for place in np.flatnonzero(wrong):
            finite = rows[place][np.isfinite(rows[place])]
            texts[place] = text.format(total=finite.sum(), lowest=finite.min(initial=0))
    return texts


def _checks(rows: np.ndarray, form: Form) -> Iterator[tuple[np.ndarray, str]]:
    """Yields for each check the rows that fail it, ``bool[B]``, and the text of the fault."""
    if form.form in _PARTIAL:
        yield np.isnan(rows).all(-1), "no score at all"
        rows = np.nan_to_num(rows, nan=0.0, posinf=np.inf, neginf=-np.inf)
    yield ~np.isfinite(rows).all(-1), "NaN or infinity"
    if form.form == "any":
        yield np.abs(rows).max(-1) == 0, "a class number out of range, or scores of 0 only"
    if form.form in ("logits", "any"):
        return
    with np.errstate(invalid="ignore"):
        total: np.ndarray = rows.sum(-1)
    if form.form == "label":
        yield np.abs(rows).max(-1) == 0, "a class number out of range, or scores of 0 only"
        return
    yield rows.min(-1) < 0, "{lowest:g}, which is negative"
    if form.form == "probabilities":
        yield (
            _beyond_rounding(np.abs(total - 1), rows),
            "probabilities that sum to {total:g} and not to 1",
        )
    if form.form in ("top_k", "scores"):
        yield rows.max(-1) == 0, "no score above 0"
    if form.form == "top_k":
        yield _beyond_rounding(total - 1, rows), "scores that sum to {total:g}, more than 1"
    if form.form == "percentages":
        whole = _whole(total)
        off = np.abs(total - whole) > max(0.005 * rows.shape[-1], _TOLERANCE) * whole
        yield off, "percentages that sum to {total:g}"
        yield np.rint(100 / whole[:, None] * rows).max(-1) == 0, "percentages that all round to 0"


def _beyond_rounding(excess: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Returns which sums differ from 1 by more than the tolerance and than rounding explains."""
    wrong = np.greater(excess, _TOLERANCE)
    wrong[wrong] = excess[wrong] > _slack(rows[wrong])
    return wrong


def _slack(rows: np.ndarray) -> np.ndarray:
    """Returns how far each sum of probabilities may be from 1, ``float64[B]`` of [B, Y].

    It follows from the numbers themselves. If all have few digits, each may be off by half a unit
    of the last digit. If all are numbers of a short type, they were computed in that type.
    """
    slack = np.full(len(rows), _TOLERANCE)
    with np.errstate(over="ignore", invalid="ignore"):
        for dtype, allowed in _SHORT:
            short = (rows.astype(dtype).astype(np.float64) == rows).all(-1)
            slack[short] = np.maximum(slack[short], allowed)
        unknown = np.ones(len(rows), bool)
        for digits in _DIGITS:
            few = unknown & np.isclose(np.round(rows, digits), rows, rtol=2e-7, atol=0).all(-1)
            allowed = np.minimum((rows > 0).sum(-1) * 0.5 * 10.0**-digits + 1e-6, _ROUNDING)
            slack[few], unknown[few] = np.maximum(slack, allowed)[few], False
    return slack


def _whole(total: np.ndarray) -> np.ndarray:
    """Returns what rows should sum to: 1 for shares, 100 for percentages."""
    return np.where(total <= 2, 1.0, 100.0)


def explain(fault: str, form: Form, identity: str) -> BadAnswer:
    """Returns the error about a bad row."""
    hint = ""
    if form.form == "probabilities" and ("sum" in fault or "negative" in fault):
        hint = (
            "; if it answers logits, percentages or independent scores, set"
            " --config.teacher.answers.form to that form"
        )
    if form.form == "top_k" and "sum" in fault:
        hint = (
            "; if several classes may be likely at once, the scores are independent: set"
            " config.teacher.answers.form='scores'"
        )
    return BadAnswer(f"teacher {identity} answered {fault}: it must answer {_wanted(form)}{hint}")


def _wanted(form: Form) -> str:
    return {
        "probabilities": "class probabilities, one row per image",
        "logits": "finite logits, one row per image",
        "top_k": "one row per image of scores between 0 and 1, whose sum is at most 1, and NaN for"
        " a class without a score",
        "scores": "one row per image of scores of at least 0, and NaN for a class without a score",
        "percentages": "one row per image of percentages or shares that sum to 100 or 1, except"
        " for rounding",
        "label": "one class number per image, or one row of scores",
        "any": "one score per class, or one class number, for each image",
    }[form.form]


def probabilities(rows: np.ndarray, form: Form) -> np.ndarray:
    """Reads good rows as class probabilities: ``float32[M, Y]`` to ``float32[M, Y]``."""
    if not len(rows) or form == ANY:
        return rows
    if form.form == "probabilities":
        return _exact(rows)
    read = {
        "logits": _softmax,
        "top_k": _spread,
        "scores": _share,
        "percentages": _percent,
        "label": _hard,
    }[form.form]
    return read(rows.astype(np.float64), form).astype(np.float32)


def _exact(rows: np.ndarray) -> np.ndarray:
    """Divides rows by their sums if rounding moved these away from 1; other rows do not change."""
    total: np.ndarray = rows.astype(np.float64).sum(-1, keepdims=True)
    off = np.abs(total - 1) > _TOLERANCE
    return np.where(off, (rows / total).astype(np.float32), rows) if off.any() else rows


def _softmax(rows: np.ndarray, form: Form) -> np.ndarray:
    odds = np.exp((rows - rows.max(-1, keepdims=True)) / form.temperature)
    return odds / odds.sum(-1, keepdims=True)


def _spread(rows: np.ndarray, form: Form) -> np.ndarray:
    """Keeps the k highest scores and spreads the rest of 1 evenly, none above the highest score."""
    scores = np.where(np.isnan(rows), -1.0, rows)
    kept = np.zeros(rows.shape, bool)
    np.put_along_axis(
        kept, np.argsort(-scores, axis=-1, kind="stable")[:, : form.top_k or None], True, axis=-1
    )
    kept &= scores >= 0
    mass = np.where(kept, scores, 0).sum(-1, keepdims=True)
    others = np.maximum((~kept).sum(-1, keepdims=True), 1)
    share = np.minimum(np.maximum(1 - mass, 0) / others, scores.max(-1, keepdims=True))
    spread = np.where(kept, scores, share)
    return spread / spread.sum(-1, keepdims=True)


def _share(rows: np.ndarray, form: Form) -> np.ndarray:
    """Divides independent scores by their sum; a class without a score gets 0."""
    scores = np.nan_to_num(rows, nan=0.0)
    return scores / scores.sum(-1, keepdims=True)


def _percent(rows: np.ndarray, form: Form) -> np.ndarray:
    rounded = np.rint(100 / _whole(rows.sum(-1))[:, None] * rows)
    return rounded / rounded.sum(-1, keepdims=True)


def _hard(rows: np.ndarray, form: Form) -> np.ndarray:
    return np.eye(rows.shape[-1])[np.nanargmax(rows, -1)]
