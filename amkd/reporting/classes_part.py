"""The part of a run's page about single classes: accuracy or agreement, and confusion."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from amkd.reporting import drawing, interval, interval_chart, palette
from amkd.reporting.html_parts import escape, folded, meanings, percent, table, text
from amkd.reporting.interval_chart import Mark, Row

_MOST_DRAWN = 20  # classes; if there are more, those with the lowest share of the student
_MOST_CONFUSION = 50  # classes; a larger confusion matrix is not shown


@dataclasses.dataclass(frozen=True, eq=False)
class Share:
    """The share of each class's images that the student or the teacher assigns to that class.

    Attributes:
      name: who assigns the classes, in words.
      right: ``int[Y]``, images that are assigned to their class.
      images: ``int[Y]``, images of the class.
    """

    name: str
    right: np.ndarray
    images: np.ndarray

    def of(self, number: int) -> float | None:
        """Returns the share of one class; None if it has no image."""
        images = int(self.images[number])
        return int(self.right[number]) / images if images else None

    def mark(self, place: int, number: int) -> Mark | None:
        """Returns the share of one class in percent, in the colour of a place."""
        share = self.of(number)
        if share is None:
            return None
        low, high = interval.wilson(share, images := int(self.images[number]))
        note = f"on {images:,} images"
        return Mark(place, self.name, 100 * share, 100 * low, 100 * high, note)


def share(name: str, said: np.ndarray, right: np.ndarray, classes: int) -> Share:
    """Counts the images of each class, and how many of them are assigned to it.

    Args:
      name: who assigns the classes.
      said: ``int[M]``, the assigned classes.
      right: ``int[M]``, the classes of the images.
      classes: Y.
    """
    hits = np.bincount(right[said == right], minlength=classes)
    return Share(name, hits, np.bincount(right, minlength=classes))


def parts(
    names: Sequence[str],
    *,
    student: np.ndarray,
    teacher: np.ndarray | None,
    labels: np.ndarray | None,
) -> Iterator[str]:
    """Yields the HTML of the part; nothing if the student was not evaluated.

    Args:
      names: Y names of the classes.
      student: its classes on the evaluation images, ``int[T]``.
      teacher: the teacher's, ``int[T]``; -1 where it was not asked; None if it was never asked.
      labels: the ground-truth classes, ``int[T]``; None if there are none.
    """
    if not len(student):
        return
    asked = np.zeros(len(student), bool) if teacher is None else teacher >= 0
    if labels is not None:
        shares = [share("student", student, labels, len(names))]
        if teacher is not None and asked.any():
            shares.append(share("teacher", teacher[asked], labels[asked], len(names)))
        yield from _by_class("Accuracy by class", _ACCURACY, names, shares)
    elif teacher is not None and asked.any():
        shares = [share("student", student[asked], teacher[asked], len(names))]
        yield from _by_class("Agreement by class", _AGREEMENT, names, shares)
    if teacher is not None and asked.any() and len(names) <= _MOST_CONFUSION:
        counts = np.zeros((len(names), len(names)), int)
        np.add.at(counts, (teacher[asked], student[asked]), 1)
        yield "<h2>Confusion with the teacher</h2>"
        yield text("Rows: the class that the teacher predicts. Columns: the student's class.")
        yield _heat_map(names, counts)
        yield meanings("confusion")


_ACCURACY = (
    "For each ground-truth label: of the test images with this label, the share that the student"
    " classifies correctly, and the share that the teacher classifies correctly. The lines are 95%"
    " intervals (Wilson)."
)
_AGREEMENT = (
    "For each class that the teacher predicts: the share of its evaluation images for which the"
    " student predicts the same class. The lines are 95% intervals (Wilson)."
)


def _by_class(
    title: str, meaning: str, names: Sequence[str], shares: Sequence[Share]
) -> Iterator[str]:
    yield f"<h2>{title}</h2>"
    yield text(meaning)
    known = [number for number in range(len(names)) if shares[0].images[number]]
    worst = sorted(known, key=lambda number: shares[0].of(number) or 0.0)[:_MOST_DRAWN]
    if len(known) > _MOST_DRAWN:
        yield text(
            f"The chart shows the {_MOST_DRAWN} classes with the lowest share, of {len(known)}."
        )
    rows = [
        Row(names[number], tuple(filter(None, marks)))
        for number in (worst if len(known) > _MOST_DRAWN else known)
        if (marks := [one.mark(place, number) for place, one in enumerate(shares)])
    ]
    if rows:
        yield drawing.plots([interval_chart.chart(title, "share of the class's images", rows)])
    head = ["class"]
    for one in shares:
        head += ["images", one.name, "95% interval"]
    cells = ([name, *_cells(shares, number)] for number, name in enumerate(names))
    yield folded("All classes as a table", table(head, cells))


def _cells(shares: Sequence[Share], number: int) -> Iterator[str]:
    for one in shares:
        images, found = int(one.images[number]), one.of(number)
        yield from (str(images), percent(found), interval.text(found, images) or "-")


def _heat_map(names: Sequence[str], counts: np.ndarray) -> str:
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    opacity = (palette.STRONGEST * shares).tolist()
    top = "".join(f"<th>{escape(name)}</th>" for name in ("teacher", *names))
    rows = []
    for name, row, alphas in zip(names, counts.tolist(), opacity, strict=True):
        cells = (
            f'<td style="background: rgba(var(--accent), {alpha:.2f})">{count or ""}</td>'
            for count, alpha in zip(row, alphas, strict=True)
        )
        rows.append(f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>")
    return (
        f'<div class="wide" tabindex="0"><table class="confusion"><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
