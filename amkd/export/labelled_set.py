"""The labelled set of a run: its images, how they were mixed, and the teacher's answers."""

import dataclasses
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd.config import run_record
from amkd.config.parsing import parse
from amkd.config.settings import Settings
from amkd.config.teacher_answers import Form
from amkd.core import checkpoint
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import class_names
from amkd.data import records as queried
from amkd.data.dataset import DataSet
from amkd.data.lazy_images import Images
from amkd.data.mixing import lam_of
from amkd.data.records import Records
from amkd.ledger import accounts, checksums, reader
from amkd.reporting import metrics
from amkd.run import inputs, round_state, workdir
from amkd.run.facts import RunFacts
from amkd.run.round_state import RoundState
from amkd.tasks import kind_of
from amkd.teachers import answers, loading
from amkd.validation import real_images


class Example(NamedTuple):
    """One queried image.

    Attributes:
      image: ``uint8[H, W, C]``.
      digest: its key in the ledger, in hexadecimal.
      answer: the teacher's class probabilities, ``float32[Y]``.
      round: round in which it was queried.
      first: digest of the image i that it was mixed from; its own for a real image.
      second: digest of the image j.
      lam: weight of image i.
    """

    image: np.ndarray
    digest: str
    answer: np.ndarray
    round: int
    first: str
    second: str
    lam: float

    @property
    def place(self) -> int | None:
        """Number of the class that the teacher predicted; None if it named none."""
        return int(np.argmax(self.answer)) if metrics.names_class(self.answer) else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class LabelledSet:
    """All queries of a run with their answers.

    Attributes:
      settings: the settings of the run.
      record: the record of the run in its workdir.
      classes: names of the Y classes.
      images: ``uint8[M, H, W, C]``, the images to which records refer.
      records: the answered records.
      rounds: ``int32[Q]``, round of each record.
      ledger: the ledger's file.
      form: how answers are read.
    """

    settings: Settings
    record: dict[str, Any]
    classes: tuple[str, ...]
    images: Images
    records: Records
    rounds: np.ndarray
    ledger: Path
    form: Form

    def __len__(self) -> int:
        """Returns the number of examples, Q."""
        return len(self.records)

    def examples(self) -> Iterator[Example]:
        """Yields all examples, a block of images in memory at a time.

        Raises:
          UserError: the ledger lacks an answer, or one is damaged.
        """
        digests = [image_digest(self.images[place]).hex() for place in range(len(self.images))]
        blocks = queried.mixes(self.images, self.records, self.settings.search.as_released)
        start = 0
        with reader.open_read_only(self.ledger) as book:
            for block in blocks:
                part = self.records.take(slice(start, start + len(block)))
                rows = [self._answer(book, image_digest(image)) for image in block]
                read = answers.probabilities(
                    np.array(rows, np.float32).reshape(len(block), -1), self.form
                )
                for place, image in enumerate(block):
                    yield Example(
                        image=image,
                        digest=image_digest(image).hex(),
                        answer=read[place],
                        round=int(self.rounds[start + place]),
                        first=digests[part.i[place]],
                        second=digests[part.j[place]],
                        lam=float(lam_of(part.w[place : place + 1])[0]),
                    )
                start += len(block)

    def _answer(self, book: Any, image: bytes) -> np.ndarray:
        identity = self.record["teacher"]
        found = book.execute(
            "SELECT scores, answer.checksum FROM answer JOIN teacher ON teacher.id = teacher"
            " WHERE identity = ? AND image = ?",
            (identity, image),
        ).fetchone()
        if found is None:
            raise UserError(
                f"ledger {self.ledger} does not have an answer of {identity} that this run had;"
                " restore the ledger with which the run was started"
            )
        if checksums.checksum(identity, image, found[0]) != found[1]:
            raise UserError(
                f"ledger {self.ledger} is damaged: the answer to image {image.hex()[:16]} has"
                " changed; see `python -m amkd.ledger verify`"
            )
        return np.frombuffer(found[0], "<f4")


def of_run(folder: Path, stop: StopSignal) -> LabelledSet:
    """Returns the queries of the run in a workdir so far, with their answers.

    It changes nothing except ``made/``: missing images of a method are made again.

    Raises:
      UserError: there is no run, its images do not exist any more, or there is no answer yet.
    """
    if not run_record.is_in(folder):
        raise UserError(f"{folder} contains no run; give the workdir of a run")
    settings: Settings = parse(run_record.get_config(str(folder)).to_dict())
    if not (task := kind_of(settings.dataset)).names_classes:
        raise UserError(
            f"{folder}: the labels of config.dataset={settings.dataset!r} are {task.labels}, but a"
            " labelled set has one class for each image; use the run's ledger"
        )
    record = run_record.read(folder)
    data = inputs.load_data(settings)
    if record.get("data", "") != data.key:
        raise UserError(f"{folder} was started with other images; restore them")
    settings = real_images.with_real_count(settings, data.drawable_count)
    facts = inputs.facts_of(settings, data)
    state = round_state.restore(checkpoint.Checkpoints(folder / "checkpoints"))
    ledger, identity = workdir.ledger_path(settings, folder), record["teacher"]
    if not len(state.records) or not ledger.exists():
        raise UserError(f"{folder}: its teacher has not answered a query yet; run it first")
    images = _images(settings, data, facts, folder, stop)
    with reader.open_read_only(ledger) as book:
        used = accounts.used(book, record["run"], accounts.DISTILL, identity=identity)
    places = _answered(settings, images, state, used)
    if not len(places):
        raise UserError(f"{folder}: its teacher has not answered a query yet; run it first")
    ends = [one.queries for one in facts.rounds]
    return LabelledSet(
        settings=settings,
        record=record,
        classes=class_names.of(data),
        images=images,
        records=state.records.take(places),
        rounds=np.searchsorted(ends, places, side="right").astype(np.int32),
        ledger=ledger,
        form=Form() if facts.from_labels else settings.teacher.answers,
    )


def _answered(
    settings: Settings, images: Images, state: RoundState, used: Set[bytes]
) -> np.ndarray:
    """Returns the places of the answered records, also of those of a round whose queries were
    interrupted, or ended with the money: ``int64[Q]``.
    """
    fresh = state.records.take(slice(state.answered, None))
    blocks = queried.mixes(images, fresh, settings.search.as_released)
    paid = [image_digest(image) in used for block in blocks for image in block]
    known = np.arange(state.answered)
    return np.concatenate([known, state.answered + np.flatnonzero(np.array(paid, bool))])


def _images(
    settings: Settings, data: DataSet, facts: RunFacts, folder: Path, stop: StopSignal
) -> Images:
    """Returns the images to which records refer; those that a method made are read from the
    workdir.
    """
    white_box = facts.method.first.needs_network
    teacher = loading.load(settings, data, stop) if white_box else None
    first = inputs.first_images(
        settings, data, teacher=teacher, facts=facts, folder=folder, stop=stop
    )
    return facts.method.selector.images(data, first.images, settings)
