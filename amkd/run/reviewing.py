"""Collects images of a finished run for a person to look at, and records the person's corrections
of classes.
"""

import csv
import dataclasses
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core import csv_text
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data import class_names
from amkd.data.dataset import DataSet
from amkd.ledger import accounts, corrections, reader
from amkd.models.saved_network import load_network
from amkd.querying import client
from amkd.reporting import gallery
from amkd.reporting.gallery import AnsweredImages, Entry, Gallery
from amkd.run import answered_images, image_paths, inputs
from amkd.run.stored_run import StoredRun
from amkd.tasks import kind_of
from amkd.validation import real_images

COLUMNS = ("image", "file", "teacher", "teacher_score", "student", "student_score", "correct")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Review:
    """The parts of a run that a person reviews.

    Attributes:
      run: the run.
      data: its data set.
      names: Y names of the classes.
      answered: held-out and queried real images with the answers of teacher and student.
    """

    run: StoredRun
    data: DataSet
    names: tuple[str, ...]
    answered: tuple[AnsweredImages, ...]

    def galleries(self, most: int) -> list[Gallery]:
        """Returns the images to look at first.

        Args:
          most: the largest number of images of one kind.
        """
        entry_of = answered_images.entry_of(self.data.task, self.names)
        return [one for part in self.answered for one in gallery.galleries(part, most, entry_of)]


def collect(run: StoredRun) -> Review:
    """Loads a finished run's data, student and answers; sends no query.

    Raises:
      UserError: the run is not finished, or a part of it cannot be read.
    """
    if not run.finished:
        raise UserError(f"{run.folder} is not finished; review the run after its end")
    if not kind_of(run.settings.dataset).names_classes:
        raise UserError(
            f"{run.folder}: the labels of config.dataset={run.settings.dataset!r} are lanes, but a"
            " review corrects classes; use WORKDIR/report.html"
        )
    saved, data = load_network(run.folder / "student"), inputs.load_data(run.settings)
    if data.key != run.data:
        raise UserError(
            f"{run.folder} was made from other images than there are now, so that it is not known"
            " which of them were held out; restore the images of the run"
        )
    with reader.open_read_only(run.ledger) as db:
        used = accounts.used(db, run.run, client.DISTILL, identity=run.teacher)
    settings = real_images.with_real_count(run.settings, data.drawable_count)
    facts = inputs.facts_of(settings, data)
    real, digests = answered_images.queried_real(settings, facts, data, used)
    found = answered_images.of_run(
        test_images=data.test_images,
        test_answers=_answers(run, data, [image_digest(image) for image in data.test_images]),
        real_images=real,
        real_answers=_answers(run, data, digests),
        predict=saved.predict,
    )
    return Review(run=run, data=data, names=class_names.of(data), answered=tuple(found))


def _answers(run: StoredRun, data: DataSet, digests: list[bytes]) -> np.ndarray:
    """Returns the answers in the ledger, ``float32[M, Y]``; NaN where there is none."""
    known = run.answers(digests, data.classes)
    nothing = np.full(data.classes, np.nan, np.float32)
    rows = [known.get(digest, nothing) for digest in digests]
    return np.array(rows, np.float32).reshape(len(digests), data.classes)


def write_csv(review: Review, shown: Iterable[Gallery]) -> str:
    """Returns the text of ``review.csv``: the images of all galleries, each of them once.

    Args:
      review: the run.
      shown: the galleries.
    """
    entries = {image_digest(entry.image): entry for one in shown for entry in one.entries}
    paths = image_paths.find(review.run.settings, set(entries))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for digest, entry in entries.items():
        cells = (paths.get(digest, ""), *_said(entry, review.names), "")
        writer.writerow([digest.hex(), *map(csv_text.protect, cells)])
    return text.getvalue()


def _said(entry: Entry, names: tuple[str, ...]) -> Iterator[str]:
    for row in (entry.teacher, entry.student):
        yield names[int(row.argmax())]
        yield f"{row.max():.4f}"


class CorrectCounts(NamedTuple):
    """How often teacher and student are right, on the corrected images that both have answered.

    Attributes:
      images: the number of these images.
      teacher: how many of them the teacher has right.
      student: how many of them the student has right.
    """

    images: int
    teacher: int
    student: int


def read_csv(review: Review, path: Path) -> dict[bytes, int]:
    """Returns the classes that a person has written into ``review.csv``, by image digest.

    Rows without a class are left out.

    Raises:
      UserError: the file cannot be read; or the class or the image of a row is not known, or an
        image has two classes. All such rows are named, and no row is used.
    """
    known = {
        image_digest(image).hex(): image_digest(image)
        for part in review.answered
        for image in part.images
    }
    numbers = {comparable(name): number for number, name in enumerate(review.names)}
    lower = {name.casefold(): number for name, number in numbers.items()}
    if len(lower) < len(numbers):  # some names differ only by upper and lower case
        lower = {}
    found: dict[bytes, int] = {}
    problems = []
    for line, row in _rows(path):
        image, text = row["image"].strip().lower(), csv_text.restore(row["correct"].strip())
        if not text:
            continue
        number = numbers.get(comparable(text), lower.get(comparable(text).casefold()))
        if image not in known:
            problems.append(f"row {line}: image {image[:16]!r} is not an image of this run")
        elif number is None:
            problems.append(f"row {line}: {text!r} is not one of the classes")
        elif found.setdefault(known[image], number) != number:
            problems.append(f"row {line}: image {image[:16]!r} has another class in a row above")
    if problems:
        listed = "\n".join(f"  {one}" for one in problems[:10])
        more = f"\n  and {len(problems) - 10} more" if len(problems) > 10 else ""
        classes = ", ".join(review.names[:20]) + (", ..." if len(review.names) > 20 else "")
        raise UserError(
            f"--read={path}: no correction was saved; correct these rows (the classes are"
            f" {classes}):\n{listed}{more}"
        )
    return found


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields the rows with their numbers; the header is row 1, and missing cells are empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--read={path}: cannot be read ({error}); give a CSV file") from error
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","  # some spreadsheets write ";"
    reader_ = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = reader_.fieldnames or ()
    if missing := [name for name in ("image", "correct") if name not in names]:
        raise UserError(
            f"--read={path}: has no column {missing[0]!r}; give the file that `amkd review` wrote,"
            " with its header row"
        )
    for number, row in enumerate(reader_, 2):
        yield number, {name: row.get(name) or "" for name in ("image", "correct")}


def take(review: Review, classes: dict[bytes, int]) -> tuple[corrections.Recorded, CorrectCounts]:
    """Records corrections in the run's ledger; returns their counts, and how often teacher and
    student are right.
    """
    recorded = corrections.record(review.run.ledger, review.names, classes)
    right = np.zeros(3, int)
    seen: set[bytes] = set()
    for part in review.answered:
        for image, teacher, student in zip(part.images, part.teacher, part.student, strict=True):
            digest = image_digest(image)
            if digest not in classes or digest in seen or np.isnan(teacher).any():
                continue
            seen.add(digest)
            number = classes[digest]
            right += (1, int(teacher.argmax() == number), int(student.argmax() == number))
    return recorded, CorrectCounts(*map(int, right))
