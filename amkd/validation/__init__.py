"""What makes settings impossible: every reason names the field, its value and the remedy."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from amkd import models
from amkd.config.settings import Settings, _build
from amkd.core.errors import UserError
from amkd.methods import METHODS
from amkd.validation import budget, pictures, search, synthesis, teachers, training
from amkd.validation.rules import choice, choice_or_own, least

if TYPE_CHECKING:
    from amkd.config.settings import Settings
    from amkd.data.dataset import DataSet

CHOICES = ("auto", "yes", "no")
JUDGES = ("test", "train")
EXPORTS = ("stablehlo", "onnx")


def reasons(s: "Settings") -> Iterator[str]:
    """Every reason why these settings cannot work, as far as they can be known without the data."""
    yield from choice("method", s.method, list(METHODS))
    yield from choice_or_own("student", s.student, models.MODELS)
    yield from _teacher(s)
    yield from _seed("seed", s.seed)
    yield from synthesis.reasons(s)
    yield from _data(s)
    yield from pictures.reasons(s)
    yield from least("checkpoint.seconds", s.checkpoint.seconds, 0)
    for name in s.export.formats.split(","):
        yield from choice("export.formats", name, EXPORTS)
    yield from search.reasons(s)
    yield from budget.reasons(s)
    yield from training.reasons("train", s.train, labels=s.method in METHODS and s.uses_labels)
    yield from training.reasons("teacher.train", s.teacher.train, labels=True)
    yield from training.inside(s)
    yield from training.together(s)


def _teacher(s: "Settings") -> Iterator[str]:
    teacher = s.teacher
    yield from teachers.reasons(teacher)
    yield from choice("teacher.model", teacher.model, list(models.MODELS))
    yield from choice("teacher.evaluate", teacher.evaluate, CHOICES)
    yield from _seed("teacher.seed", teacher.seed)
    if not 0 <= teacher.min_accuracy <= 1:
        yield (
            f"config.teacher.min_accuracy={teacher.min_accuracy!r}: must be a share between 0 and 1"
        )
    yield from least("teacher.validation", teacher.validation, 1)
    yield from least("teacher.images", teacher.images, 0)


def _seed(name: str, seed: int) -> Iterator[str]:
    yield from least(name, seed, 0)
    if seed >= 2**32:
        yield f"config.{name}={seed}: must be below 2**32"


def _data(s: "Settings") -> Iterator[str]:
    yield from least("data.size", s.data.size, 0)
    yield from least("data.test_images", s.data.test_images, 0)
    yield from choice("data.judge", s.data.judge, JUDGES)
    if s.data.judge != "train" or s.method not in METHODS:
        return
    if s.dataset == "folder":
        yield (
            "config.data.judge='train': data.held_out of a folder's pictures judge the student;"
            " use 'test'"
        )
    elif s.uses_labels or s.teacher.evaluate == "no":
        yield (
            "config.data.judge='train': only the teacher's answers judge there, and this run"
            " does not ask for them"
        )


def check_devices(settings: "Settings", devices: int) -> None:
    """Refuses batches that do not split evenly over the devices.

    Raises:
      UserError: names the field.
    """
    plans = {"train": settings.train}
    if settings.teacher.kind == "flax":
        plans["teacher.train"] = settings.teacher.train
    for group, plan in plans.items():
        if plan.batch_size % devices:
            raise UserError(
                f"config.{group}.batch_size={plan.batch_size}: must be a multiple of the {devices}"
                " devices"
            )


def check_student(settings: "Settings", data: "DataSet") -> None:
    """Refuses a student that cannot take these images, or does not show what the run needs.

    Raises:
      UserError: names the field.
    """
    network = models.build(settings.student, data.classes, data.shape)
    for reason in training.needs_of_student(settings, network):
        raise UserError(reason)


def check_data(settings: "Settings", data: "DataSet") -> None:
    """Refuses what the data cannot give.

    Raises:
      UserError: names the field.
    """
    real = settings.real_images(data.pool_size)
    if real > settings.budget:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about all {real} images of"
            f" {settings.dataset}; set --config.budget={real}"
        )
    if real > data.pool_size:
        raise UserError(
            f"config.n_real={settings.n_real}: {settings.dataset} has only {data.pool_size} images"
            " to draw from; set"
            f" --config.n_real={data.pool_size} or less"
        )
    if not settings.way.mixes and settings.budget > data.pool_size:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about images of"
            f" {settings.dataset}, which has"
            f" {data.pool_size} to draw from; lower the budget to that"
        )
    for reason in settings.way.showing.impossible(data.shape) if settings.way.showing else ():
        raise UserError(reason)
    labeled = len(data.teacher_images)
    needed = settings.teacher.validation + max(settings.teacher.images, 1)
    if settings.teacher.kind == "flax" and needed > labeled:
        raise UserError(
            f"config.teacher.validation={settings.teacher.validation} and"
            f" images={settings.teacher.images}:"
            f" {settings.dataset} has only {labeled} labeled images"
        )
    if settings.teacher.answers.form == "top_k" and settings.teacher.answers.top_k > data.classes:
        raise UserError(
            f"config.teacher.answers.top_k={settings.teacher.answers.top_k}: there are only"
            f" {data.classes} classes"
        )


def from_config(config: Mapping[str, Any]) -> Settings:
    """Checks a configuration and freezes it.

    Args:
      config: nested mapping, such as a ``ConfigDict``'s ``to_dict()``.

    Raises:
      UserError: names every field at fault, its value and the remedy, all at once.
    """
    problems: list[str] = []
    settings = _build(Settings, config, "", problems)
    if not problems:
        problems = list(reasons(settings))
    if problems:
        raise UserError(
            "the configuration cannot work:\n" + "\n".join(f"  {line}" for line in problems)
        )
    return settings
