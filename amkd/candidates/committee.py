"""Further students on what the last one was trained on, where a choice takes more than one
opinion.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from amkd.config.recipe import Recipe
from amkd.core import keys
from amkd.core.stopping import StopSignal
from amkd.models import Network, prediction
from amkd.models.layers import Variables
from amkd.training import loop, training_set


class Lesson(NamedTuple):
    """What the last student was trained on, and how.

    Attributes:
      network: the student, in its training's type.
      plan: the recipe.
      shape: ``(H, W, C)`` of the images.
      data: makes the training set.
      size: records in it, Q.
      stream: (seed, round) of that training.
      stop: whether to stop.
    """

    network: Network
    plan: Recipe
    shape: tuple[int, ...]
    data: Callable[[], training_set.TrainingSet]
    size: int
    stream: tuple[int, int]
    stop: StopSignal


def another(lesson: Lesson, member: int, hard: bool) -> Variables:
    """One more student, from other first values and in another order.

    Args:
      lesson: what it learns.
      member: its number, 1 or more; 0 is the student itself.
      hard: whether it learns from the best class of each answer alone, as from labels: without a
        temperature or weights.
    """
    seed, round_ = lesson.stream
    stream = (seed, keys.of_member(round_, member))
    data, plan = lesson.data(), lesson.plan
    if hard:
        plan = dataclasses.replace(plan, loss="soft", temperature=1.0, weighting="even")
        best = np.eye(data.answers.shape[-1], dtype=np.float32)[np.argmax(data.answers, -1)]
        data = data._replace(answers=best, inside=None)
    first = prediction.init(lesson.network, lesson.shape, keys.key(*stream, keys.Purpose.INIT))
    state = loop.start(lesson.network, plan, first, stream, inside=data.width)
    check = lambda *_: lesson.stop.check()  # noqa: E731
    ended = loop.fit(lesson.network, plan, state, data, lesson.size, stream, 0, check)
    variables: Variables = jax.device_get(ended.result)
    return variables
