"""Compares the confidence of answers with the share of right answers."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from amkd.reporting import drawing, interval, metrics, svg_chart
from amkd.reporting.html_parts import meanings, table, text
from amkd.reporting.svg_chart import Curve, Point

_BINS = 15  # as metrics.calibration_error has


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """The answers of teacher or student to images whose right class is known.

    Attributes:
      name: who answers.
      probabilities: ``float32[M, Y]``, without rows of NaN.
      right: ``int[M]``, the right classes.
    """

    name: str
    probabilities: np.ndarray
    right: np.ndarray


def reliability(answers: Answers) -> tuple[Point, ...]:
    """Returns mean confidence and share of right answers of each bin that contains an answer, with
    Wilson's intervals.
    """
    confidence = answers.probabilities.max(-1).astype(np.float64)
    hit = answers.probabilities.argmax(-1) == answers.right
    place = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    found = []
    for number in np.unique(place):
        own = place == number
        share = float(hit[own].mean())
        low, high = interval.wilson(share, int(own.sum()))
        found.append(Point(float(confidence[own].mean()), share, low, high))
    return tuple(found)


def parts(sides: list[Answers], *, labels: bool) -> Iterator[str]:
    """Yields the part of a page; nothing if there is no answer.

    Args:
      sides: the answers of the student, and of the teacher.
      labels: whether the right classes are ground-truth labels; else they are the teacher's.
    """
    sides = [one for one in sides if len(one.right)]
    if not sides:
        return
    right = "ground-truth label" if labels else "teacher's class"
    yield "<h2>Calibration</h2>"
    yield text(
        "Is an answer with a confidence of 80% right in 80% of the cases? An answer is right if its"
        f" class is the {right}. A point below the dashed line means that the confidence is higher"
        " than the share of right answers. Each point represents the answers of about the same"
        " confidence; if these are few, the interval is wide."
    )
    perfect = Curve(0, "perfect calibration", tuple(Point(x, x, x, x) for x in (0, 1)), "reference")
    curves = [Curve(number, one.name, reliability(one)) for number, one in enumerate(sides)]
    chart = svg_chart.chart(
        "Share of right answers against confidence",
        "confidence",
        [perfect, *curves],
        x_percent=True,
    )
    yield drawing.plots([chart])
    head = ("", "ECE", "Brier score", "95% interval of the Brier score", "images")
    yield table(head, map(_row, sides))
    yield meanings("confidence", "ECE", "Brier score")


def _row(one: Answers) -> list[str]:
    error = metrics.calibration_error(one.probabilities, one.right)
    scores = metrics.brier_scores(one.probabilities, one.right)
    low, high = interval.mean(scores)
    figures = ["-" if error is None else f"{error:.4f}", f"{scores.mean():.4f}"]
    return [
        one.name,
        *figures,
        f"{max(low, 0.0):.4f} to {min(high, 2.0):.4f}",
        f"{len(one.right):,}",
    ]
