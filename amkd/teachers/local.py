"""A local Flax teacher: trained at first use, validated, and cached for later runs."""

import fcntl
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from amkd import models
from amkd.config.teacher import TeacherSettings
from amkd.core import checkpoint, console, keys
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import real_records
from amkd.models import prediction
from amkd.models.saved_network import SavedNetwork, load_network, save_network
from amkd.reporting.bars import Bar
from amkd.teachers import Teacher
from amkd.training import recipe, training_set
from amkd.training.periodic_saver import PeriodicSaver
from amkd.training.train import Leaves, Training, train_network
from amkd.training.train_state import TrainState


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
      stop: stops the training; the next call resumes from its last checkpoint.
      save_seconds: seconds between two checkpoints of the training.

    Raises:
      UserError: its validation accuracy is close to chance, or lower than the settings require.
    """
    saved = load_or_train(
        settings, data, cache_dir=cache_dir, bar=bar, stop=stop, save_seconds=save_seconds
    )
    accuracy, chance = saved.card["validation_accuracy"], 1 / data.classes
    floor = settings.min_accuracy or min(2 * chance, (1 + chance) / 2)
    if accuracy < floor:
        raise UserError(
            f"the {settings.model} teacher for {data.name} is right on {accuracy:.1%} of its"
            f" validation images (chance is {chance:.1%}, config.teacher.min_accuracy requires"
            f" {floor:.1%}); nothing was queried. Train it longer or with another recipe:"
            " --config.teacher.train.*"
        )
    inside = (saved.network(), saved.variables)
    # Always of one batch size: an answer must not depend on how many others are missing.
    ask = partial(saved.predict, batch=prediction.BATCH)
    return Teacher(f"flax:{settings.model}:{saved.card['sha256'][:16]}", ask, network=inside)


def load_or_train(
    settings: TeacherSettings,
    data: DataSet,
    *,
    cache_dir: Path,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> SavedNetwork:
    """Returns the cached network of a recipe and a data set; trains it first if needed.

    The arguments are those of :func:`load`.
    """
    folder = place(settings, data, cache_dir)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="utf-8") as lock:
        _wait_for(lock, folder, stop)
        if not folder.exists():
            _train(settings, data, folder, bar, stop, save_seconds)
    return load_network(folder)


def recipe_key(settings: TeacherSettings) -> dict[str, Any]:
    """Returns the settings that decide the weights of a local teacher, in addition to the data."""
    kept = ("model", "seed", "validation", "images")
    own = {name: getattr(settings, name) for name in kept}
    return {**own, "train": recipe.weight_fields(settings.train)}


def place(settings: TeacherSettings, data: DataSet, cache_dir: Path) -> Path:
    """Returns the cache folder of a teacher, named after its recipe, seed and training data."""
    key = json.dumps(recipe_key(settings), sort_keys=True).encode()
    digest = array_digest(data.teacher_images, data.teacher_labels, first=key)
    name = data.name.replace("/", "-").replace(":", "-")
    return cache_dir / "teachers" / f"{name}-{settings.model}-{digest[:16]}"


def _wait_for(lock: IO[str], folder: Path, stop: StopSignal) -> None:
    """Takes the lock when no other run is training the same teacher."""
    waiting = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not waiting:
                console.say(f"waiting for another run that is training {folder.name}")
            waiting = True
            stop.check()
            time.sleep(0.5)
        except OSError:  # a file system without locks: at worst, two runs train the same teacher
            return


class _Split(NamedTuple):
    """How the labelled images are used: places of the training images and of those held out."""

    used: np.ndarray
    held_out: np.ndarray


def _split(settings: TeacherSettings, data: DataSet) -> _Split:
    order = keys.rng(settings.seed, keys.TEACHER, keys.Purpose.TEACHER_SPLIT).permutation(
        len(data.teacher_images)
    )
    held_out, rest = order[: settings.validation], order[settings.validation :]
    return _Split(rest[: settings.images] if settings.images else rest, held_out)


def _training(settings: TeacherSettings, data: DataSet, used: np.ndarray) -> Training:
    """Returns the training of the teacher, on ground-truth labels."""
    labels = data.task.answers_of(data.teacher_labels[used], data.classes)
    images, count = data.teacher_images[used], len(used)
    return Training(
        network=models.build(
            settings.model,
            data.classes,
            data.shape,
            field="teacher.model",
            groups=data.task.groups,
        ),
        recipe=settings.train,
        data=training_set.make(images, real_records(count), labels, capacity=count),
        count=count,
        stream=(settings.seed, keys.TEACHER),
    )


def _train(
    settings: TeacherSettings,
    data: DataSet,
    folder: Path,
    bar: Bar,
    stop: StopSignal,
    save_seconds: float,
) -> None:
    """Trains on ground-truth labels; validates the last epoch's network on held-out images."""
    used, held_out = _split(settings, data)
    training = _training(settings, data, used)
    unfinished = folder.with_name(folder.name + ".training")
    checkpoints = checkpoint.Checkpoints(unfinished)

    def save(epoch: int, leaves: Leaves) -> None:
        checkpoints.save(checkpoint.tree_of(leaves), {"epoch": epoch})

    saver = PeriodicSaver(training, stop=stop, seconds=save_seconds, save=save)
    with bar(training.epochs, f"{settings.model} teacher train", "epoch") as advance:
        state = _fit(training, checkpoints, saver, advance)
    answers = prediction.predict(training.network, state.result, data.teacher_images[held_out])
    card = {
        "role": "teacher",
        "model": settings.model,
        "classes": data.classes,
        "shape": list(data.shape),
        **({"groups": data.task.groups} if data.task.groups > 1 else {}),
        "dataset": data.name,
        "recipe": recipe_key(settings),
        "validation_images": len(held_out),
        "validation_accuracy": data.task.accuracy(answers, data.teacher_labels[held_out]),
    }
    save_network(folder, state.result, card)
    shutil.rmtree(unfinished, ignore_errors=True)


def _fit(
    training: Training,
    checkpoints: checkpoint.Checkpoints,
    saver: PeriodicSaver,
    advance: Callable[..., None],
) -> TrainState:
    """Trains, starting from the last checkpoint if there is one."""
    first, saved = 0, None
    if (found := checkpoints.restore()) is not None:
        tree, meta = found
        first, saved = meta["epoch"], checkpoint.leaves_of(tree)
    advance(first)

    def on_epoch(epoch: int, state: TrainState | None, loss: float) -> None:
        advance(1, loss=f"{loss:.4f}")
        saver.after_epoch(epoch, state)

    return train_network(training, saved=saved, first_epoch=first, on_epoch=on_epoch)
