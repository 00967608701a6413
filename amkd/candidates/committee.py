"""Further students, trained on the same records as the last one, for acquisitions that compare
several students.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from amkd.config.recipe import Recipe
from amkd.core import devices, keys
from amkd.core.stopping import StopSignal
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.training.train import Training, train_network


def train_further_student(
    last_training: Callable[[], Training], stop: StopSignal, member: int, hard: bool
) -> Variables:
    """Trains one more student, from other initial weights and in another order.

    Args:
      last_training: returns the training of the last student.
      stop: whether to stop.
      member: number of the student, 1 or more; 0 is the last student itself.
      hard: whether it learns from only the best class of each answer, as from hard labels: without
        a temperature or weights.

    Raises:
      Stopped: the process was asked to stop; this training starts again.
    """
    training = last_training()
    if hard:
        training = _from_best_classes(training)
    seed, round_ = training.stream
    stream = (seed, keys.of_member(round_, member))
    return _trained(dataclasses.replace(training, stream=stream), stop)


def train_larger(
    last_training: Callable[[], Training], stop: StopSignal, network: Network, recipe: Recipe
) -> tuple[Network, Variables]:
    """Trains another network on the data of the last student; returns this network, too.

    Args:
      last_training: returns the training of the last student.
      stop: whether to stop.
      network: the network to train.
      recipe: how it is trained.

    Raises:
      Stopped: see :func:`train_further_student`.
    """
    training = last_training()
    seed, round_ = training.stream
    stream = (seed, keys.of_member(round_, 1))
    another = dataclasses.replace(
        training, network=network, recipe=recipe, stream=stream, weights=None
    )
    return network, _trained(another, stop)


def train_on(
    last_training: Callable[[], Training], stop: StopSignal, answers: np.ndarray
) -> Variables:
    """Trains one more student as the last one was trained, from the same initial weights and in the
    same order, but on other answers.

    Args:
      last_training: returns the training of the last student.
      stop: whether to stop.
      answers: ``float32[Q, Y]``.

    Raises:
      Stopped: see :func:`train_further_student`.
    """
    training = last_training()
    room = len(training.data.answers) - len(answers)
    data = dataclasses.replace(training.data, answers=np.pad(answers, [(0, room), (0, 0)]))
    return _trained(dataclasses.replace(training, data=data), stop)


def _trained(training: Training, stop: StopSignal) -> Variables:
    ended = train_network(training, on_epoch=lambda *_: stop.check())
    return training.finished(devices.place_result(ended.result))


def _from_best_classes(training: Training) -> Training:
    recipe = dataclasses.replace(training.recipe, loss="soft", temperature=1.0, weighting="even")
    shape = np.shape(training.data.answers)
    answers = np.reshape(training.data.answers, (shape[0], training.network.groups, -1))
    best = np.eye(answers.shape[-1], dtype=np.float32)[np.argmax(answers, -1)].reshape(shape)
    data = dataclasses.replace(training.data, answers=best, teacher_features=None)
    return dataclasses.replace(training, recipe=recipe, data=data)
