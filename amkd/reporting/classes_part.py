"""The part of a run's page about single classes: accuracy or agreement, and confusion."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from amkd.reporting import drawing, interval, interval_chart, palette
from amkd.reporting.html_parts import escape, folded, meanings, percent, table, text
from amkd.reporting.interval_chart import Mark, Row

_MOST_DRAWN = 20  # classes; if there are more, those where the student is worst
_MOST_CONFUSION = 50  # classes; a larger confusion matrix is not shown


@dataclasses.dataclass(frozen=True, eq=False)
class Share:
    """The share of each class's images that the student or the teacher puts into that class.

    Attributes:
      name: who, in words.
      right: ``int[Y]``, images that are put into their class.
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
    """Counts the images of each class, and how many of them are put into it.

    Args:
      name: who puts them there.
      said: ``int[M]``, where they are put.
      right: ``int[M]``, their classes.
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
    """Yields the HTML of the part; nothing if nothing judged the student.

    Args:
      names: Y names of the classes.
      student: its classes on the judging images, ``int[T]``.
      teacher: the teacher's, ``int[T]``; -1 where it was not asked; None if it was never asked.
      labels: the true classes, ``int[T]``; None if there are none.
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
        yield text("Rows: what the teacher says. Columns: what the student says.")
        yield _heat_map(names, counts)
        yield meanings("confusion")


_ACCURACY = (
    "Of the test images with each label: the share that gets this label from the student, and from"
    " the teacher. The lines are 95% intervals (Wilson)."
)
_AGREEMENT = (
    "Of the judging images that the teacher puts into each class: the share that the student puts"
    " there, too. The lines are 95% intervals (Wilson)."
)


def _by_class(
    title: str, meaning: str, names: Sequence[str], shares: Sequence[Share]
) -> Iterator[str]:
    yield f"<h2>{title}</h2>"
    yield text(meaning)
    known = [number for number in range(len(names)) if shares[0].images[number]]
    worst = sorted(known, key=lambda number: shares[0].of(number) or 0.0)[:_MOST_DRAWN]
    if len(known) > _MOST_DRAWN:
        yield text(f"Shown are the {_MOST_DRAWN} of {len(known)} classes with the lowest share.")
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
