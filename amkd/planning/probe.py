"""Sends a few images to a teacher before the real spending: ``--mode=probe``.

The answers are kept in the ledger under the teacher's identity, whatever form they have. A later
run, or another probe, does not query these images again.
"""

import contextlib
import dataclasses
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd import ledger
from amkd.config.settings import Settings
from amkd.core import console
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed, UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet, draw_real
from amkd.ledger import limits
from amkd.planning import cost as costs
from amkd.planning.cost import Cost
from amkd.planning.first_images import known_images
from amkd.querying import client
from amkd.querying.request_policy import policy_of
from amkd.run import checks, image_paths, importing, inputs, output_folders, workdir
from amkd.run.facts import RunFacts
from amkd.teachers import Teacher, answers, loading


class Call(NamedTuple):
    """One call of the teacher that returned an answer.

    Attributes:
      images: how many images it contained.
      began: when, in seconds.
      ended: when, in seconds.
    """

    images: int
    began: float
    ended: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Probe:
    """What a probe found.

    Attributes:
      settings: the configuration.
      data: the data set.
      teacher: the teacher.
      images: ``uint8[M, H, W, C]``, distinct images that round 0 will query.
      answered: ``bool[M]``, whether an image has an answer.
      rows: ``float32[M, Y]``, the raw answers; NaN where there is none.
      held: images whose answers were in the ledger before.
      calls: the calls that returned answers.
      spent: what the probe has cost.
      cost: what the run will send after it.
      problem: why not all images have an answer; None if all have.
    """

    settings: Settings
    data: DataSet
    teacher: Teacher
    images: np.ndarray
    answered: np.ndarray
    rows: np.ndarray
    held: int
    calls: tuple[Call, ...]
    spent: float
    cost: Cost
    problem: UserError | None


class _Timed:
    """Notes how long each call of a teacher takes; may be called from several threads."""

    def __init__(self, ask: Callable[[np.ndarray], np.ndarray]) -> None:
        self.calls: list[Call] = []
        self._ask, self._lock = ask, threading.Lock()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        began = time.perf_counter()
        found = self._ask(images)
        with self._lock:
            self.calls.append(Call(len(images), began, time.perf_counter()))
        return found


def probe(settings: Settings, folder: Path, stop: StopSignal) -> Probe:
    """Queries ``teacher.probe_images`` images that the ledger has no answers to.

    Args:
      settings: the configuration.
      folder: the workdir of the run that is to come.
      stop: whether to stop.

    Raises:
      UserError: nothing can be queried. Errors of the teacher are in the result.
    """
    output_folders.check(settings, folder)
    with workdir.locked(folder):
        workdir.owner(settings, folder)  # refuses a folder of something else
        data = inputs.load_data(settings)
        counted = inputs.with_real_count(settings, data)
        checks.check_data(counted, data)
        facts = inputs.facts_of(counted, data)
        teacher = loading.load(settings, data, stop, labels=facts.from_labels)
        known = known_images(counted, facts, data, sound=True)
        images = _distinct(settings, data, known)
        path = workdir.ledger_path(settings, folder)
        importing.check_classes(data, teacher, path)
        with contextlib.closing(ledger.Ledger(path)) as book:
            return _ask(
                settings,
                folder,
                stop,
                data=data,
                facts=facts,
                teacher=teacher,
                known=known,
                images=images,
                book=book,
            )


def _distinct(settings: Settings, data: DataSet, known: np.ndarray) -> np.ndarray:
    """Returns the first images of round 0, each once; real ones if a method makes its images."""
    if not len(known):
        count = min(settings.teacher.probe_images, data.drawable_count)
        known = draw_real(data, count, settings.seed)
    places_: dict[bytes, int] = {}
    for place, image in enumerate(known):
        places_.setdefault(image_digest(image), place)
        if len(places_) == settings.teacher.probe_images:
            break
    return known[list(places_.values())]


def _ask(
    settings: Settings,
    folder: Path,
    stop: StopSignal,
    *,
    data: DataSet,
    facts: RunFacts,
    teacher: Teacher,
    known: np.ndarray,
    images: np.ndarray,
    book: ledger.Ledger,
) -> Probe:
    """Queries the images, and reads the answers from the ledger; see :func:`probe`."""
    run = uuid.uuid4().hex
    about = f"probe of {settings.dataset}, {len(images)} images"
    about = importing.description_with_classes(about, settings, data)
    book.begin_run(run, console.storable(about), console.storable(folder.absolute()))
    timed = _Timed(teacher.of_run(run).ask)
    if facts.from_labels:  # they cost nothing
        settings = dataclasses.replace(
            settings, teacher=dataclasses.replace(settings.teacher, price=0.0)
        )
    asking = _client(settings, data, dataclasses.replace(teacher, ask=timed), book, run)
    held = len(images) - client.unanswered(asking, images)
    problem = _problem(asking, images, settings, stop)
    digests = [image_digest(image) for image in images]
    found = book.find(book.teacher(teacher.identity), digests)
    nothing = np.full(data.classes, np.nan, np.float32)
    sound = {digest: row for digest, row in found.items() if len(row) == data.classes}
    cost_held = costs.held(settings, data, facts=facts, known=known, folder=folder, teacher=teacher)
    return Probe(
        settings=settings,
        data=data,
        teacher=teacher,
        images=images,
        answered=np.array([digest in sound for digest in digests], bool),
        rows=np.array([sound.get(digest, nothing) for digest in digests], np.float32),
        held=held,
        calls=tuple(timed.calls),
        spent=book.spent(run),
        cost=costs.cost_of(settings, data, facts=facts, known=known, held=cost_held),
        problem=problem,
    )


def _problem(
    asking: client.QueryClient, images: np.ndarray, settings: Settings, stop: StopSignal
) -> UserError | None:
    """Sends the images; returns why not all were answered, None if all were."""
    try:
        client.ask(asking, images, client.PROBE, round_=0, progress=lambda _: stop.check())
    except TeacherFailed as error:
        return image_paths.naming_files(settings, error)
    except UserError as error:
        return error
    return None


def _client(
    settings: Settings, data: DataSet, teacher: Teacher, book: ledger.Ledger, run: str
) -> client.QueryClient:
    """Returns a client that keeps answers of any form."""
    plan = settings.teacher
    return client.QueryClient(
        teacher=teacher,
        ledger=book,
        run=run,
        budget=plan.probe_images,
        classes=data.classes,
        batch=plan.batch,
        form=answers.ANY,
        policy=policy_of(plan)._replace(
            max_lost=limits.most_in_vain(plan, plan.probe_images), sentinel=0
        ),
    )
