"""The network against which images are made. It is trained in blocks of epochs, each of which
starts where the last one ended.
"""

import dataclasses
from collections.abc import Callable

import jax

from amkd.core import checkpoint, keys
from amkd.core.stopping import StopSignal
from amkd.models.layers import Variables
from amkd.training.periodic_saver import PeriodicSaver
from amkd.training.train import Leaves, Training, leaves_of, train_network
from amkd.training.train_state import TrainState


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """A target network, and where its training is saved.

    Attributes:
      training_of: returns the training of a block, given its number; all are of the same network,
        with the stream of :func:`stream`.
      checkpoints: where its state is saved.
      seconds: time between two saves inside a block.
      stop: whether to stop.
    """

    training_of: Callable[[int], Training]
    checkpoints: checkpoint.Checkpoints
    seconds: float
    stop: StopSignal


def stream(seed: int, block: int) -> tuple[int, int]:
    """Returns the stream of a block's training."""
    return seed, keys.TARGET + block


def train_until(target: Target, block: int) -> Variables:
    """Returns the network after a block, counted from 0; continues from the last checkpoint.

    Raises:
      Stopped: the process was asked to stop, and the state is saved.
    """
    first, epoch, saved = _progress(target, block)
    variables = None  # for the first block they are determined by its stream
    for number in range(first, block + 1):
        state = _train_block(
            target, number, first_variables=variables, first_epoch=epoch, saved=saved
        )
        variables, epoch, saved = jax.device_get(state.result), 0, None
    return variables


def _progress(target: Target, block: int) -> tuple[int, int, Leaves | None]:
    """Returns the block in training, its finished epochs, and the state after them."""
    found = target.checkpoints.restore()
    if found is None or found[1]["block"] > block:  # an earlier block is wanted again
        return 0, 0, None
    return found[1]["block"], found[1]["epoch"], checkpoint.leaves_of(found[0])


def _train_block(
    target: Target,
    number: int,
    *,
    first_variables: Variables | None,
    first_epoch: int,
    saved: Leaves | None,
) -> TrainState:
    """Trains one block, and saves it during the training and at the end."""
    training = target.training_of(number)

    def save(epoch: int, leaves: Leaves) -> None:
        target.checkpoints.save(checkpoint.tree_of(leaves), {"block": number, "epoch": epoch})

    saver = PeriodicSaver(training, stop=target.stop, seconds=target.seconds, save=save)
    state = train_network(
        training,
        first_variables=first_variables,
        saved=saved,
        first_epoch=first_epoch,
        on_epoch=lambda epoch, in_training, _: saver.after_epoch(epoch, in_training),
    )
    if first_epoch < training.epochs:
        save(training.epochs, leaves_of(state))
    return state
