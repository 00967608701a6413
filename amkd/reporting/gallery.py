"""Images with the answers of teacher and student, as a part of an HTML page."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from amkd.core.digest import image_digest
from amkd.reporting import metrics, thumbnail
from amkd.reporting.html_parts import escape, folded


@dataclasses.dataclass(frozen=True, eq=False)
class AnsweredImages:
    """Images with the answers of teacher and student; NaN for an image that was not queried.

    Attributes:
      kind: what these images are, such as ``held out``.
      images: ``uint8[M, H, W, C]``.
      teacher: ``float32[M, Y]``, probabilities.
      student: ``float32[M, Y]``, probabilities.
    """

    kind: str
    images: np.ndarray
    teacher: np.ndarray
    student: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Entry:
    """One image of a gallery.

    Attributes:
      image: ``uint8[H, W, C]``.
      teacher: ``float32[Y]``, probabilities.
      student: ``float32[Y]``, probabilities.
      shown: the image as it is shown, ``uint8[H', W', C']``.
      lines: the caption, in plain text.
    """

    image: np.ndarray
    teacher: np.ndarray
    student: np.ndarray
    shown: np.ndarray
    lines: tuple[str, ...]


# Makes an entry of an image and the answers of teacher and student.
EntryOf = Callable[[np.ndarray, np.ndarray, np.ndarray], Entry]


@dataclasses.dataclass(frozen=True, eq=False)
class Gallery:
    """Some images that a person should look at.

    Attributes:
      title: the title above them.
      meaning: why these were chosen, in plain sentences.
      entries: the images, the most remarkable first.
    """

    title: str
    meaning: str
    entries: tuple[Entry, ...]


def galleries(
    answered: AnsweredImages, most: int, entry_of: EntryOf, *, with_least_sure: bool = True
) -> Iterator[Gallery]:
    """Yields the images on which teacher and student disagree most, and those for which the teacher
    is least confident.

    Args:
      answered: M images; an image whose answer is NaN was not queried, and is left out.
      most: the largest number of images in a gallery.
      entry_of: makes the entries.
      with_least_sure: whether to yield the second gallery, which needs answers that are one
        distribution.
    """
    if worst := _entries(
        answered, most_divergent(answered.student, answered.teacher, most), entry_of
    ):
        yield Gallery(
            f"Teacher and student disagree most: {answered.kind} images",
            "The images with the highest KL divergence of the student's probabilities from the"
            " teacher's, in nats. It is high if the student gives a low probability to a class to"
            " which the teacher gives a high one.",
            worst,
        )
    if with_least_sure and (
        unsure := _entries(answered, least_sure(answered.teacher, most), entry_of)
    ):
        yield Gallery(
            f"The teacher is least confident: {answered.kind} images",
            "The images for which the highest class probability of the teacher is lowest. The"
            " answer may be wrong, or the image may be unclear.",
            unsure,
        )


def most_divergent(student: np.ndarray, teacher: np.ndarray, most: int) -> np.ndarray:
    """Returns the indices of the highest divergences above 0, the highest first: ``int[...]``.

    At equal divergences the earlier image comes first.
    """
    asked = np.flatnonzero(~np.isnan(teacher).any(-1))
    found = metrics.divergences(student[asked], teacher[asked])
    order = np.argsort(-found, kind="stable")[:most]
    return asked[order[found[order] > 1e-9]]


def least_sure(teacher: np.ndarray, most: int) -> np.ndarray:
    """Returns the indices of the images with the lowest confidence of the teacher, the lowest
    first.

    A teacher that returns hard labels has full confidence in every answer: the result is empty.
    """
    asked = np.flatnonzero(~np.isnan(teacher).any(-1))
    best = teacher[asked].max(-1, initial=0.0)
    order = np.argsort(best, kind="stable")[:most]
    return asked[order[best[order] < 1 - 1e-6]]


def _entries(answered: AnsweredImages, places: np.ndarray, entry_of: EntryOf) -> tuple[Entry, ...]:
    return tuple(
        entry_of(
            np.asarray(answered.images[place]), answered.teacher[place], answered.student[place]
        )
        for place in places
    )


def html(shown: Sequence[Gallery], *, numbered: bool = False, first: int = 0) -> Iterator[str]:
    """Yields galleries as parts of a page, which needs the style of a contact sheet.

    Args:
      shown: the galleries.
      numbered: whether to show the row of each image in a table of all images, in which row 1 is
        the header and each image has one row.
      first: how many images of a gallery are shown at once, the others on demand; 0 for all.
    """
    rows: dict[bytes, int] = {}
    for one in shown:
        yield f"<h2>{escape(one.title)}</h2><p>{escape(one.meaning)}</p>"
        figures = []
        for number, entry in enumerate(one.entries, 1):
            row = rows.setdefault(image_digest(entry.image), len(rows) + 2)
            figures.append(_figure(entry, number, f"row {row}<br>" if numbered else ""))
        some, more = figures[: first or None], figures[first:] if first else []
        yield f'<div class="sheet">{"".join(some)}</div>'
        if more:
            yield folded(f"{len(more)} more", f'<div class="sheet">{"".join(more)}</div>')


def _figure(entry: Entry, number: int, before: str) -> str:
    said = "<br>".join(map(escape, entry.lines))
    return (
        f'<figure><img alt="image {number}" src="{thumbnail.address(entry.shown)}">'
        f"<figcaption>{before}{said}</figcaption></figure>"
    )
