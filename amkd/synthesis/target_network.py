"""The network against which images are made: trained in blocks of epochs, each of which starts
where the last ended.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax

from amkd.config.recipe import Recipe
from amkd.core import checkpoint, keys
from amkd.core.stopping import StopSignal
from amkd.models import Network, prediction
from amkd.models.layers import Variables
from amkd.training import loop, recipe, train_step, training_set


class Lesson(NamedTuple):
    """What is learned in a block.

    Attributes:
      data: the training set.
      size: records in it, Q.
    """

    data: training_set.TrainingSet
    size: int


class Target(NamedTuple):
    """A network in training.

    Attributes:
      network: what is trained, in its training's type.
      plan: the recipe of a block.
      shape: ``(H, W, C)`` of the images.
      seed: the run's.
      lesson: makes what is learned in a block, given its number.
      checkpoints: where its state is kept.
      seconds: between two times that it is, inside a block.
      stop: whether to stop.
    """

    network: Network
    plan: Recipe
    shape: tuple[int, ...]
    seed: int
    lesson: Callable[[int], Lesson]
    checkpoints: checkpoint.Checkpoints
    seconds: float
    stop: StopSignal


def trained(target: Target, block: int) -> Variables:
    """The network after a block, 0 being the first; what a checkpoint holds of it is not trained
    again.

    Raises:
      Stopped: the process was asked to stop, and the state is saved.
    """
    first, epoch, saved = _begun(target, block)
    key = keys.key(target.seed, keys.TARGET, keys.Purpose.INIT)
    variables = prediction.init(target.network, target.shape, key)
    for number in range(first, block + 1):
        stream = (target.seed, keys.TARGET + number)
        state = loop.start(target.network, target.plan, variables, stream, saved)
        state = _train(target, number, state, epoch)
        variables, epoch, saved = jax.device_get(state.result), 0, None
    return variables


def _begun(target: Target, block: int) -> tuple[int, int, loop.Leaves | None]:
    """Where it stands: the block, its epochs that are done, and the state after them."""
    found = target.checkpoints.restore()
    if found is None or found[1]["block"] > block:  # an earlier one is wanted once more
        return 0, 0, None
    return found[1]["block"], found[1]["epoch"], checkpoint.leaves_of(found[0])


def _train(
    target: Target, number: int, state: train_step.TrainState, first_epoch: int
) -> train_step.TrainState:
    """One block, saved on the way and in the end."""
    data, size = target.lesson(number)
    epochs = recipe.epochs(target.plan, size)

    def save(epoch: int, leaves: loop.Leaves) -> None:
        target.checkpoints.save(checkpoint.tree_of(leaves), {"block": number, "epoch": epoch})

    watch = loop.Watch(target.stop, target.seconds, save)

    def on_epoch(epoch: int, in_training: train_step.TrainState, loss: float) -> None:
        del loss
        watch.after(epoch, epochs, in_training)

    stream = (target.seed, keys.TARGET + number)
    state = loop.fit(target.network, target.plan, state, data, size, stream, first_epoch, on_epoch)
    if first_epoch < epochs:
        save(epochs, jax.device_get(jax.tree.leaves(state)))
    return state
