"""The black box: a name, and a function from images to class probabilities. Nothing else."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from amkd.errors import UserError

_TOLERANCE = 1e-3  # of a row's sum


class Teacher(NamedTuple):
    """A black box.

    Attributes:
      identity: who answers; answers in the ledger belong to it, so another model, or another
        version of it, needs another identity.
      ask: ``uint8[B, H, W, C]`` to probabilities ``float[B, Y]``, one row per image.
    """

    identity: str
    ask: Callable[[np.ndarray], np.ndarray]


class BadAnswer(UserError):
    """A teacher's answer that is no probability distribution."""


def good_rows(answers: object, images: int, classes: int) -> list[np.ndarray | None]:
    """The rows of an answer that are probabilities, ``float32[classes]`` each, and None for the others."""
    try:
        found = np.asarray(answers, np.float32)
    except Exception:  # whatever a user's array type raises
        return [None] * images
    if found.shape != (images, classes):
        return [None] * images
    with np.errstate(invalid="ignore"):
        good = np.isfinite(found).all(-1) & (found >= 0).all(-1) & (np.abs(found.sum(-1) - 1) <= _TOLERANCE)
    return [row if fine else None for row, fine in zip(found, good, strict=True)]


def check(answers: object, images: int, classes: int, identity: str) -> np.ndarray:
    """Answers as ``float32[images, classes]``, if they are probabilities.

    Raises:
      BadAnswer: wrong shape, not finite, negative, or not summing to 1.
    """
    try:
        found = np.asarray(answers, np.float32)
    except Exception as error:  # whatever a user's array type raises
        raise BadAnswer(f"teacher {identity} answered no numbers: {error}") from error
    wanted = "it must answer class probabilities, one row per image"
    if found.shape != (images, classes):
        raise BadAnswer(
            f"teacher {identity} answered shape {found.shape} instead of {(images, classes)}: {wanted};"
            " check config.dataset's number of classes against the teacher's"
        )
    if not np.all(np.isfinite(found)):
        raise BadAnswer(f"teacher {identity} answered NaN or infinity: {wanted}")
    if found.min() < 0:
        raise BadAnswer(f"teacher {identity} answered {found.min():g}: {wanted}, and none is negative")
    sums = found.sum(-1)
    worst = sums[np.argmax(np.abs(sums - 1))]
    if abs(worst - 1) > _TOLERANCE:
        raise BadAnswer(
            f"teacher {identity} answered probabilities that sum to {worst:g} and not to 1: {wanted};"
            " if it answers logits, apply a softmax"
        )
    return found
