"""Pictures beside what teacher and student say of them, as a part of an HTML page."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from amkd.core.digest import image_digest
from amkd.reporting import metrics, thumbnail
from amkd.reporting.html_parts import escape, folded


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """Images that a teacher has answered, and what a student says of them.

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
    """One picture of a gallery.

    Attributes:
      image: ``uint8[H, W, C]``.
      teacher: ``float32[Y]``, probabilities.
      student: ``float32[Y]``, probabilities.
      picture: what is shown of it, ``uint8[H', W', C']``.
      lines: what stands below, in plain text.
    """

    image: np.ndarray
    teacher: np.ndarray
    student: np.ndarray
    picture: np.ndarray
    lines: tuple[str, ...]


# Makes an entry of an image and the answers of teacher and student.
EntryOf = Callable[[np.ndarray, np.ndarray, np.ndarray], Entry]


@dataclasses.dataclass(frozen=True, eq=False)
class Gallery:
    """Some pictures that are worth a look.

    Attributes:
      title: the title above them.
      meaning: why these were chosen, in plain sentences.
      entries: the pictures, the most remarkable first.
    """

    title: str
    meaning: str
    entries: tuple[Entry, ...]


def galleries(
    judged: Judged, most: int, entry_of: EntryOf, *, with_least_sure: bool = True
) -> Iterator[Gallery]:
    """Yields the pictures on which both disagree most, and those of which the teacher is least
    sure.

    Args:
      judged: M images; one whose answer is NaN was not asked about, and is left out.
      most: pictures in a gallery.
      entry_of: makes the entries.
      with_least_sure: whether to yield the second, which is for answers of one distribution.
    """
    if worst := _entries(judged, most_divergent(judged.student, judged.teacher, most), entry_of):
        yield Gallery(
            f"Teacher and student disagree most: {judged.kind} pictures",
            "The highest divergence: KL divergence of the student's probabilities from the"
            " teacher's, in nats. It is high where the student gives little to what the teacher"
            " finds likely.",
            worst,
        )
    if with_least_sure and (unsure := _entries(judged, least_sure(judged.teacher, most), entry_of)):
        yield Gallery(
            f"The teacher is least sure: {judged.kind} pictures",
            "The lowest probability of the teacher's own best class. Its answer may be wrong"
            " here, or the picture unclear.",
            unsure,
        )


def most_divergent(student: np.ndarray, teacher: np.ndarray, most: int) -> np.ndarray:
    """Returns the places of the highest divergences above 0, the highest first: ``int[...]``.

    At equal divergences the earlier image comes first.
    """
    asked = np.flatnonzero(~np.isnan(teacher).any(-1))
    found = metrics.divergences(student[asked], teacher[asked])
    order = np.argsort(-found, kind="stable")[:most]
    return asked[order[found[order] > 1e-9]]


def least_sure(teacher: np.ndarray, most: int) -> np.ndarray:
    """Returns the places of the teacher's lowest best probabilities, the lowest first; none of a
    teacher that answers a class alone, and is always sure.
    """
    asked = np.flatnonzero(~np.isnan(teacher).any(-1))
    best = teacher[asked].max(-1, initial=0.0)
    order = np.argsort(best, kind="stable")[:most]
    return asked[order[best[order] < 1 - 1e-6]]


def _entries(judged: Judged, places: np.ndarray, entry_of: EntryOf) -> tuple[Entry, ...]:
    return tuple(
        entry_of(np.asarray(judged.images[place]), judged.teacher[place], judged.student[place])
        for place in places
    )


def html(shown: Sequence[Gallery], *, numbered: bool = False, first: int = 0) -> Iterator[str]:
    """Yields galleries as parts of a page, which takes the style of a contact sheet.

    Args:
      shown: the galleries.
      numbered: whether to show the row that each picture has in a table of all of them, in which
        row 1 is the head and a picture stands once.
      first: how many pictures of a gallery are shown at once, the others on demand; 0 for all.
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
        f'<figure><img alt="picture {number}" src="{thumbnail.address(entry.picture)}">'
        f"<figcaption>{before}{said}</figcaption></figure>"
    )
