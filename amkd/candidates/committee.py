"""Further students, trained on the same records as the last one, for acquisitions that compare
several.
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
    """The last student's training, to be repeated.

    Attributes:
      network: the student, in its training's type.
      plan: the recipe.
      shape: ``(H, W, C)`` of the images.
      data: returns the training set.
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
    """Trains one more student, from other first values and in another order.

    Args:
      lesson: the training.
      member: number of the student, 1 or more; 0 is the last student itself.
      hard: whether it learns only the best class of each answer, as from labels: without a
        temperature or weights.

    Returns:
      Its variables, on the host.
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
