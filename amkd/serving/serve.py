"""Serves the student of a finished run: ``--mode=serve``."""

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd import ledger
from amkd.config import run_record
from amkd.config.settings import Settings
from amkd.core import console, devices, extras
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.export import onnx
from amkd.ledger import limits
from amkd.models.saved_network import SavedNetwork
from amkd.querying.client import QueryClient
from amkd.querying.request_policy import policy_of
from amkd.run import importing, inputs, workdir
from amkd.serving.answering import Cascade, Patience, Student
from amkd.serving.server import NAME, Model, Server
from amkd.teachers import Teacher, loading

_FILES = {"onnx": "student.onnx", "onnx_int8": "student.int8.onnx"}
_POLL = 0.2  # seconds between two looks at whether to stop


def serve(
    settings: Settings,
    folder: Path,
    saved: SavedNetwork,
    *,
    host: str,
    port: int,
    stop: StopSignal,
) -> None:
    """Serves until the process is asked to stop.

    Args:
      settings: the configuration of the run.
      folder: its workdir.
      saved: its student.
      host: address to listen on.
      port: the port to listen on; 0 for any free one.
      stop: whether to stop.

    Raises:
      UserError: it cannot start.
    """
    with opened(settings, folder, saved, stop) as (model, told):
        try:
            server = Server(model, host, port)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"--host={host} --port={port} cannot be opened ({error}); choose another port"
            ) from error
        with server:
            place = f"http://{host}:{server.server_port}/v2/models/{NAME}"
            console.say(f"{place}: {told}; Ctrl-C ends it", last=True)
            thread = threading.Thread(target=server.serve_forever, args=(_POLL,), daemon=True)
            thread.start()
            while not stop.requested:
                time.sleep(_POLL)
            server.shutdown()
            server.drain()
    counts = model.cascade.counts
    console.say(
        f"answered {counts.requests:,} requests: {counts.student:,} images by the student,"
        f" {counts.teacher:,} by the teacher",
        last=True,
    )


@contextlib.contextmanager
def opened(
    settings: Settings, folder: Path, saved: SavedNetwork, stop: StopSignal
) -> Iterator[tuple[Model, str]]:
    """Yields what is served, and a few words about it.

    Args:
      settings: the configuration of the run.
      folder: its workdir.
      saved: its student.
      stop: whether to stop.

    Raises:
      UserError: the student or the teacher cannot be loaded.
    """
    with contextlib.ExitStack() as stack:
        student, told = _student(settings, folder, saved)
        threshold, query_client = settings.serve.threshold, None
        if threshold:
            query_client = stack.enter_context(_query_client(settings, folder, saved, stop))
            told += f"; below {threshold:g}, {query_client.teacher.identity} answers"
        card = saved.card
        patience = Patience(settings.serve.wait_seconds, settings.serve.pause_seconds)
        cascade = Cascade(
            student, threshold=threshold, query_client=query_client, patience=patience, stop=stop
        )
        yield (
            Model(
                cascade,
                str(card["sha256"])[:12],
                tuple(card["shape"]),
                card["classes"],
                settings.serve.max_batch,
            ),
            told,
        )


def _student(settings: Settings, folder: Path, saved: SavedNetwork) -> tuple[Student, str]:
    """Returns what computes the student's answers, and its name for people."""
    wanted = settings.serve.student
    if wanted == "auto":
        wanted = "onnx" if _has_file(folder, saved) and _has_runtime() else "jax"
    if wanted == "jax":
        kept = saved._replace(variables=devices.place(saved.variables))
        return _one_at_a_time(kept.predict), "the saved student"
    path = folder / "export" / _FILES[wanted]
    extras.require("onnxruntime", extra="onnx", field=f"config.serve.student={wanted}")
    _check_file(path, wanted, saved)
    return onnx.load(path), str(path)


def _one_at_a_time(student: Student) -> Student:
    """Returns a student that answers one request after another: each needs memory for all
    activations of its images, and one alone uses all cores.
    """
    alone = threading.Lock()

    def answer(images: np.ndarray) -> np.ndarray:
        with alone:
            return student(images)

    return answer


def _has_runtime() -> bool:
    try:
        extras.require("onnxruntime", extra="onnx", field="config.serve.student=auto")
    except UserError:
        return False
    return True


def _has_file(folder: Path, saved: SavedNetwork) -> bool:
    try:
        _check_file(folder / "export" / _FILES["onnx"], "onnx", saved)
    except UserError:
        return False
    return True


def _check_file(path: Path, format: str, saved: SavedNetwork) -> None:
    """Refuses a file that is not the export of this student."""
    try:
        card = json.loads((path.parent / "card.json").read_text())
        known = card["formats"][format]["sha256"], card["sha256"]
        found = hashlib.sha256(path.read_bytes()).hexdigest(), saved.card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"config.serve.student={format!r}: there is no export of this student at {path}"
            f" ({type(error).__name__}); create it with --mode=export"
            f" --config.export.formats={format}"
        ) from error
    if known != found:
        raise UserError(
            f"config.serve.student={format!r}: {path} is the export of another student, or has"
            f" changed; create it again with --mode=export --config.export.formats={format}"
        )


@contextlib.contextmanager
def _query_client(
    settings: Settings, folder: Path, saved: SavedNetwork, stop: StopSignal
) -> Iterator[QueryClient]:
    """Yields what queries the run's teacher, on its own account, which outlives the process."""
    plan = settings.teacher
    teacher = _teacher(settings, folder, saved, stop)
    run, data = serving_run(run_record.read(folder)["run"]), _bare(settings, saved)
    path = workdir.ledger_path(settings, folder)
    if data.class_names:  # earlier versions did not keep them
        importing.check_classes(data, teacher, path)
    about = importing.description_with_classes("served student", settings, data)
    with contextlib.closing(ledger.Ledger(path)) as book:
        book.begin_run(run, about, console.storable(folder.absolute()))
        most = limits.most_in_vain(plan, settings.budget)
        yield QueryClient(
            teacher=teacher,
            ledger=book,
            run=run,
            budget=settings.budget,
            classes=saved.card["classes"],
            batch=plan.batch,
            form=plan.answers,
            policy=policy_of(plan)._replace(max_lost=most, sentinel=0),
        )


def serving_run(run: str) -> str:
    """Returns the identity in the ledger under which a run's student is served: always the same,
    so that ``teacher.max_cost`` holds for all that the served student has spent.
    """
    return hashlib.sha256(f"served student of {run}".encode()).hexdigest()[:32]


def _teacher(settings: Settings, folder: Path, saved: SavedNetwork, stop: StopSignal) -> Teacher:
    """Loads the run's teacher; a service needs no image of the data set for that."""
    if settings.teacher.kind == "labels":
        raise UserError(
            "config.serve.threshold: ground-truth labels (config.teacher.kind='labels') do not"
            " exist for new images; set it to 0"
        )
    data = inputs.load_data(settings) if settings.teacher.kind == "flax" else _bare(settings, saved)
    teacher = loading.load(settings, data, stop)
    before = run_record.read(folder)["teacher"]
    if teacher.identity != before:
        raise UserError(
            f"config.serve.threshold: {folder} was distilled from {before}, but the teacher is now"
            f" {teacher.identity}; use the same teacher, or set the threshold to 0"
        )
    return teacher


def _bare(settings: Settings, saved: SavedNetwork) -> DataSet:
    """Returns a data set without images, of the student's shape and classes."""
    card: dict[str, Any] = saved.card
    nothing = np.empty((0, *card["shape"]), np.uint8)
    return DataSet(
        name=settings.dataset,
        classes=card["classes"],
        teacher_images=nothing,
        teacher_labels=np.empty(0, np.int32),
        pool_images=nothing,
        test_images=nothing,
        test_labels=None,
        class_names=tuple(card.get("class_names") or ()),
    )
