"""A local Flax teacher: trained at first use, validated, and cached for later runs."""

import fcntl
import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from amkd import models
from amkd.config.teacher import TeacherSettings
from amkd.core import checkpoint, compilation, keys
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import real_records
from amkd.models import prediction
from amkd.models.saved_network import SavedNetwork, load_network, save_network
from amkd.reporting import metrics
from amkd.reporting.bars import Bar
from amkd.teachers import Teacher
from amkd.training import loop, recipe, train_step, training_set


def load(
    settings: TeacherSettings,
    data: DataSet,
    *,
    cache_dir: Path,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> Teacher:
    """Returns the teacher of a recipe and a data set; trains it first if it is not in the cache.

    Args:
      settings: the recipe.
      data: the labeled images to train and validate on.
      cache_dir: the folder that keeps trained teachers.
      bar: opens a progress bar for the training.
      stop: stops the training; the next call goes on from its last checkpoint.
      save_seconds: seconds between two checkpoints of the training.

    Raises:
      UserError: its validation accuracy is close to chance, or below what the settings ask for.
    """
    saved = load_or_train(
        settings, data, cache_dir=cache_dir, bar=bar, stop=stop, save_seconds=save_seconds
    )
    accuracy, chance = saved.card["validation_accuracy"], 1 / data.classes
    floor = settings.min_accuracy or min(2 * chance, (1 + chance) / 2)
    if accuracy < floor:
        raise UserError(
            f"the {settings.model} teacher for {data.name} is right on {accuracy:.1%} of its"
            f" validation images (chance is {chance:.1%}, config.teacher.min_accuracy asks for"
            f" {floor:.1%}); nothing was queried. Train it longer or by another recipe:"
            " --config.teacher.train.*"
        )
    inside = (saved.network(), saved.variables)
    return Teacher(
        f"flax:{settings.model}:{saved.card['sha256'][:16]}", saved.predict, network=inside
    )


def load_or_train(
    settings: TeacherSettings,
    data: DataSet,
    *,
    cache_dir: Path,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> SavedNetwork:
    """Returns the cached network of a recipe and a data set; trains it first if it is not there.

    The arguments are those of :func:`load`.
    """
    folder = place(settings, data, cache_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w") as lock:
        _wait_for(lock, folder, stop)
        if not folder.exists():
            _train(settings, data, folder, bar, stop, save_seconds)
    return load_network(folder)


def recipe_key(settings: TeacherSettings) -> dict[str, Any]:
    """Returns what the weights of a local teacher follow from, besides the data."""
    kept = ("model", "seed", "validation", "images")
    own = {name: getattr(settings, name) for name in kept}
    return {**own, "train": recipe.essence(settings.train)}


def place(settings: TeacherSettings, data: DataSet, cache_dir: Path) -> Path:
    """Returns the cache folder of a teacher, named after its recipe, seed and training data."""
    hasher = hashlib.sha256(json.dumps(recipe_key(settings), sort_keys=True).encode())
    for array in (data.teacher_images, data.teacher_labels):
        hasher.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    name = data.name.replace("/", "-").replace(":", "-")
    return cache_dir / "teachers" / f"{name}-{settings.model}-{hasher.hexdigest()[:16]}"


def _wait_for(lock: IO[str], folder: Path, stop: StopSignal) -> None:
    """Takes the lock; waits for as long as another run trains the same teacher."""
    shown = False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not shown:
                print(f"waiting for another run, which is training {folder.name}", flush=True)
            shown = True
            stop.check()
            time.sleep(0.5)


class _Task(NamedTuple):
    """A teacher's training: its network, its images and the labels of those it learns from."""

    network: models.Network
    used: np.ndarray
    held_out: np.ndarray
    whole: training_set.TrainingSet


def _task(settings: TeacherSettings, data: DataSet) -> _Task:
    order = keys.rng(settings.seed, keys.TEACHER, keys.Purpose.TEACHER_SPLIT).permutation(
        len(data.teacher_images)
    )
    held_out, rest = order[: settings.validation], order[settings.validation :]
    used = rest[: settings.images] if settings.images else rest
    labels = np.eye(data.classes, dtype=np.float32)[data.teacher_labels[used]]
    whole = training_set.make(data.teacher_images[used], real_records(len(used)), labels, len(used))
    network = models.build(
        settings.model, data.classes, data.shape, settings.train.dtype, compilation.AXIS
    )
    return _Task(network, used, held_out, whole)


def _train(
    settings: TeacherSettings,
    data: DataSet,
    folder: Path,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> None:
    """Trains on true labels; the last epoch's network is the teacher, validated on held-out
    images.
    """
    task = _task(settings, data)
    unfinished = folder.with_name(folder.name + ".training")
    state = _fit(settings, data, task, checkpoint.Checkpoints(unfinished), bar, stop, save_seconds)
    evaluator = models.build(settings.model, data.classes, data.shape)
    answers = prediction.predict(evaluator, state.result, data.teacher_images[task.held_out])
    card = {
        "role": "teacher",
        "model": settings.model,
        "classes": data.classes,
        "shape": list(data.shape),
        "dataset": data.name,
        "recipe": recipe_key(settings),
        "validation_images": len(task.held_out),
        "validation_accuracy": metrics.accuracy(answers, data.teacher_labels[task.held_out]),
    }
    save_network(folder, state.result, card)
    shutil.rmtree(unfinished, ignore_errors=True)


def _fit(
    settings: TeacherSettings,
    data: DataSet,
    task: _Task,
    checkpoints: checkpoint.Checkpoints,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> train_step.TrainState:
    """The training, from its last checkpoint if there is one."""
    plan, count, stream = settings.train, len(task.used), (settings.seed, keys.TEACHER)
    epochs = recipe.epochs(plan, count)
    first, saved = 0, None
    if (found := checkpoints.restore()) is not None:
        tree, meta = found
        first, saved = meta["epoch"], checkpoint.leaves_of(tree)

    def save(epoch: int, leaves: loop.Leaves) -> None:
        checkpoints.save(checkpoint.tree_of(leaves), {"epoch": epoch})

    watch = loop.Watch(stop, save_seconds, save)
    with bar(epochs, f"{settings.model} teacher train", "epoch") as advance:
        advance(first)

        def on_epoch(epoch: int, state: train_step.TrainState, loss: float) -> None:
            advance(1, loss=f"{loss:.4f}")
            watch.after(epoch, epochs, state)

        variables = prediction.init(task.network, data.shape, keys.key(*stream, keys.Purpose.INIT))
        beginning = loop.start(task.network, plan, variables, stream, saved)
        return loop.fit(task.network, plan, beginning, task.whole, count, stream, first, on_epoch)
