"""Sends the instructions of process 0 to the processes that follow it: to select and to train.

If there is only one process, nothing is sent.
"""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any, TypedDict

import flax
import jax
import numpy as np

from amkd.config.settings import Settings
from amkd.core import broadcast, checkpoint, keys, mesh, processes
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.lazy_images import Images
from amkd.data.records import Records
from amkd.methods import find
from amkd.models.layers import Variables
from amkd.run.round_state import RoundState
from amkd.run.targets import Targets
from amkd.training.train import Training

SELECT, TARGETS, TRAIN, BEGIN = "select", "targets", "train", "begin"
_LOADED = "loaded"  # what followers report


def begin(settings: Settings, *, from_caller: bool) -> None:
    """Informs the followers that there is work to do, so that they load the data.

    Args:
      settings: the configuration, the same in all processes.
      from_caller: whether data or teacher were passed from Python.

    Raises:
      UserError: such a run is not supported by several processes.
    """
    if jax.process_count() == 1:
        return
    if from_caller or processes.count() == 1:
        raise UserError(
            "this is one of several processes of JAX: a run from Python supports only one process;"
            " use the command amkd for several processes"
        )
    if problem := misfit(settings):
        raise UserError(problem)
    broadcast.send(BEGIN, {})


def misfit(settings: Settings) -> str:
    """Returns why several processes cannot run a configuration; empty if they can."""
    if find(settings.method).first.needs_network:
        return (
            f"config.method={settings.method!r}: makes its images in a single process; run it"
            " without --coordinator and --distributed"
        )
    if settings.train.views:
        return (
            f"config.train.views={settings.train.views}: one process computes and keeps the"
            " features; set it to 0, or run without --coordinator and --distributed"
        )
    return ""


def report_loaded(images: Images, weights: str) -> None:
    """Reports to process 0 what a follower has loaded, so that it can compare.

    Args:
      images: all images of the run.
      weights: SHA-256 of the initial weights, see :func:`amkd.run.context.weights_identity`.
    """
    processes.send_to_leader(_LOADED, f"{array_digest(images)} {weights}")


def check_same_inputs(images: Images, weights: str) -> None:
    """Waits until all followers have loaded their images and weights, and refuses different ones.

    Args:
      images: all images of the run.
      weights: SHA-256 of the initial weights, see :func:`amkd.run.context.weights_identity`.

    Raises:
      UserError: names the first process whose images or weights differ.
    """
    own = array_digest(images) if processes.count() > 1 else ""
    for number, found in processes.gather(_LOADED).items():
        theirs, _, their_weights = found.partition(" ")
        if their_weights != weights:
            raise UserError(
                f"process {number} has different weights from process 0: config.student_weights"
                " and assistant.weights must name the same weights on every host"
                " (hf:OWNER/NAME@COMMIT names one version)"
            )
        if theirs != own:
            raise UserError(
                f"process {number} has different images from process 0: config.data.dir,"
                " TFDS_DATA_DIR and all image folders must have the same content on every host"
            )


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Runs a block that this process finishes alone, even if other processes fail meanwhile."""
    processes.waiting_together(False)
    try:
        yield
    finally:
        processes.waiting_together(mesh.is_together())


@contextlib.contextmanager
def selecting(state: RoundState, k: int) -> Iterator[None]:
    """Lets the followers select with this process while it lasts."""
    assert state.variables is not None
    arrays = {**vars(state.records), **flat(state.variables, "variables")}
    broadcast.send(SELECT, {"round": state.round, "k": k}, arrays)
    with mesh.together():
        yield


def shared(targets: Callable[[], Targets]) -> Callable[[], Targets]:
    """Returns ``targets`` as a function that runs once, and sends the result to the followers."""

    def told() -> Targets:
        found = targets()
        broadcast.send(TARGETS, {}, found.arrays())
        return found

    return functools.cache(told)


class TrainingStart(TypedDict):
    """Where a training starts; see :func:`amkd.training.train.train_network`."""

    first_variables: Variables | None
    saved: list[np.ndarray] | None
    first_epoch: int


@contextlib.contextmanager
def training(
    training: Training,
    records: Records,
    targets: Targets,
    start: TrainingStart,
    role: str = "student",
) -> Iterator[None]:
    """Lets the followers train with this process while it lasts.

    Args:
      training: what is trained.
      records: what it is trained on.
      targets: what is learned from them.
      start: where it starts.
      role: what is trained, ``student`` or ``assistant``.
    """
    saved = start["saved"]
    arrays = {**vars(records), **targets.arrays(), **flat(start["first_variables"], "first")}
    arrays |= flat(checkpoint.tree_of(saved) if saved is not None else None, "saved")
    facts = {
        "role": role,
        "round": training.stream[1] - (keys.ASSISTANT if role == "assistant" else 0),
        "assisted": training.assisted,
        "share": training.assisted_share,
        "epoch": start["first_epoch"],
        "recipe": dataclasses.asdict(training.recipe),
    }
    broadcast.send(TRAIN, facts, arrays)
    with mesh.together():
        yield


class EpochStop(StopSignal):
    """Stops a training on all processes after the same epoch.

    Process 0 announces the last epoch, one of those that the devices run next. The other processes
    look for the announcement after each epoch. They see it in time, because they cannot run these
    epochs before process 0 takes part.

    Args of the constructor:
      asked: whether process 0 was asked to stop.
      at_once: epochs that the devices run without a wait; see
        :func:`amkd.training.train.epochs_at_once`.
    """

    def __init__(self, asked: StopSignal, at_once: int) -> None:
        super().__init__()
        self._asked, self._at_once = asked, at_once
        self._last = processes.Announcement()

    def after_epoch(self, epoch: int) -> None:
        """Records whether to stop after this epoch; announces the last epoch."""
        if processes.count() == 1:
            self.requested = self._asked.requested
            return
        if processes.leads() and self._asked.requested and self._last.read() is None:
            self._last.write(epoch + self._at_once)
        elif (last := self._last.read()) is not None:
            self.requested = epoch >= last


def flat(tree: Any, name: str) -> dict[str, np.ndarray]:
    """Returns the arrays of nested dicts by path; an empty dict for None."""
    found = flax.traverse_util.flatten_dict(tree or {}, sep="/")
    return {f"{name}/{path}": np.asarray(array) for path, array in found.items()}


def nested(arrays: dict[str, np.ndarray], name: str) -> Any:
    """Returns what :func:`flat` was given."""
    own = {
        path.removeprefix(f"{name}/"): array
        for path, array in arrays.items()
        if path.startswith(f"{name}/")
    }
    return flax.traverse_util.unflatten_dict(own, sep="/") if own else None
