"""A local Flax teacher: trained by its recipe at first use, validated, and kept for later runs."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amkd import checkpoint, devices, keys, metrics, models, recipe, student, training, training_set
from amkd.errors import UserError
from amkd.images import DataSet
from amkd.report import Bar
from amkd.settings import TeacherSettings
from amkd.teachers import Teacher


def load(
    settings: TeacherSettings, data: DataSet, cache_dir: Path, bar: Bar, check_stop: Callable[[], None]
) -> Teacher:
    """The teacher of a recipe and a data set, trained first if it is not in the cache.

    Raises:
      UserError: its accuracy on the validation images is at chance or below what is asked for.
    """
    saved = load_or_train(settings, data, cache_dir, bar, check_stop)
    found, chance = saved.card["validation_accuracy"], 1 / data.classes
    floor = settings.min_accuracy or min(2 * chance, (1 + chance) / 2)
    if found < floor:
        raise UserError(
            f"the {settings.model} teacher for {data.name} is right on {found:.1%} of its validation images"
            f" (chance is {chance:.1%}, config.teacher.min_accuracy asks for {floor:.1%}); nothing was queried."
            " Train it longer or by another recipe: --config.teacher.train.*"
        )
    return Teacher(f"flax:{settings.model}:{saved.card['sha256'][:16]}", saved.predict)


def load_or_train(
    settings: TeacherSettings, data: DataSet, cache_dir: Path, bar: Bar, check_stop: Callable[[], None]
) -> checkpoint.SavedNetwork:
    """The cached teacher of a recipe and a data set, trained first if it is not there."""
    folder = place(settings, data, cache_dir)
    if not folder.exists():
        _train(settings, data, folder, bar, check_stop)
    return checkpoint.load_network(folder)


def place(settings: TeacherSettings, data: DataSet, cache_dir: Path) -> Path:
    """The cache folder: its name follows from the recipe, the seed and the training data."""
    hasher = hashlib.sha256(json.dumps(settings.recipe_key(), sort_keys=True).encode())
    for array in (data.teacher_images, data.teacher_labels):
        hasher.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    name = data.name.replace("/", "-").replace(":", "-")
    return cache_dir / "teachers" / f"{name}-{settings.model}-{hasher.hexdigest()[:16]}"


def _train(settings: TeacherSettings, data: DataSet, folder: Path, bar: Bar, check_stop: Callable[[], None]) -> None:
    """Trains on true labels; the last epoch's network is the teacher, validated on held-out images."""
    plan = settings.train
    order = keys.rng(settings.seed, 0, keys.Purpose.TEACHER_SPLIT).permutation(len(data.teacher_images))
    held_out, rest = order[: settings.validation], order[settings.validation :]
    used = rest[: settings.images] if settings.images else rest
    network = models.build(settings.model, data.classes, data.shape, plan.dtype, devices.AXIS)
    variables = devices.init(network, data.shape, keys.key(settings.seed, 0, keys.Purpose.INIT))
    labels = np.eye(data.classes, dtype=np.float32)[data.teacher_labels[used]]
    whole = training_set.make(data.teacher_images[used], training_set.real(len(used)), labels, len(used))
    logging.info("training the %s teacher on %d labeled images", settings.model, len(used))
    with bar(recipe.epochs(plan, len(used)), f"{settings.model} teacher train", "epoch") as advance:

        def on_epoch(epoch: int, state: student.TrainState, loss: float) -> None:
            check_stop()
            advance(1, loss=f"{loss:.4f}")

        beginning = training.start(network, plan, variables)
        stream = (settings.seed, 0)
        state = training.fit(network, plan, beginning, whole, len(used), stream, 0, on_epoch)
    evaluator = models.build(settings.model, data.classes, data.shape)
    answers = devices.predict(evaluator, state.variables, data.teacher_images[held_out])
    card = {
        "role": "teacher",
        "model": settings.model,
        "classes": data.classes,
        "shape": list(data.shape),
        "dataset": data.name,
        "recipe": settings.recipe_key(),
        "validation_images": len(held_out),
        "validation_accuracy": metrics.accuracy(answers, data.teacher_labels[held_out]),
    }
    checkpoint.save_network(folder, state.variables, card)
