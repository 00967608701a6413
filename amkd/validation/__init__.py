"""What makes settings impossible: every reason names the field, its value and the remedy."""

from collections.abc import Iterator, Mapping
from typing import Any

from amkd import models
from amkd.config.settings import Settings, _build
from amkd.core.errors import UserError
from amkd.methods import find
from amkd.methods.base import Method
from amkd.validation import budget, pictures, search, synthesis, teachers, training
from amkd.validation.rules import choice, least

CHOICES = ("auto", "yes", "no")
JUDGES = ("test", "train")
EXPORTS = ("stablehlo", "onnx")


def reasons(s: Settings) -> Iterator[str]:
    """Every reason why these settings cannot work, as far as they can be known without the data."""
    method, problem = _method(s)
    yield from problem
    yield from choice("student", s.student, list(models.MODELS))
    yield from _teacher(s)
    yield from _seed("seed", s.seed)
    yield from synthesis.reasons(s)
    yield from _data(s, method)
    yield from pictures.reasons(s)
    yield from least("checkpoint.seconds", s.checkpoint.seconds, 0)
    for name in s.export.formats.split(","):
        yield from choice("export.formats", name, EXPORTS)
    yield from search.reasons(s)
    yield from budget.reasons(s, method)
    yield from training.reasons("train", s.train, labels=bool(method and method.uses_labels(s)))
    yield from training.reasons("teacher.train", s.teacher.train, labels=True)
    yield from training.inside(s)
    yield from training.together(s, method)


def _method(s: Settings) -> tuple[Method | None, list[str]]:
    """The method, or the problem with its name."""
    try:
        return find(s.method), []
    except UserError as error:
        return None, [str(error)]


def _teacher(s: Settings) -> Iterator[str]:
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


def _data(s: Settings, method: Method | None) -> Iterator[str]:
    yield from least("data.size", s.data.size, 0)
    yield from least("data.test_images", s.data.test_images, 0)
    yield from choice("data.judge", s.data.judge, JUDGES)
    if s.data.judge != "train" or method is None:
        return
    if s.dataset == "folder":
        yield (
            "config.data.judge='train': data.held_out of a folder's pictures judge the student;"
            " use 'test'"
        )
    elif method.uses_labels(s) or s.teacher.evaluate == "no":
        yield (
            "config.data.judge='train': only the teacher's answers judge there, and this run"
            " does not ask for them"
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
