"""The training loop: epochs of batches through the compiled step. Imperative, and holds no
maths.
"""

import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import jax
import numpy as np

from amkd.config.recipe import Recipe
from amkd.core import devices, keys
from amkd.core.stopping import StopSignal
from amkd.models import Network, inference
from amkd.models.layers import Variables
from amkd.training import losses, programs, recipe, train_step, training_set

OnEpoch = Callable[[int, train_step.TrainState, float], None]
Leaves = list[np.ndarray]  # of a training state, on the host


def start(
    network: Network,
    plan: Recipe,
    variables: Variables,
    stream: tuple[int, int],
    saved: Leaves | None = None,
    inside: int = 0,
) -> train_step.TrainState:
    """The state before the first step, or the one that was saved, on every device.

    Args:
      network: what is trained.
      plan: the recipe.
      variables: the first ones.
      stream: (seed, round), from which follows what the loss learns beside the network.
      saved: leaves of a state.
      inside: how many numbers the teacher shows of each record beside its answer.
    """
    beside = None
    head = losses.auxiliary_head(plan)
    if head:
        generator = keys.rng(*stream, keys.Purpose.BRANCH)
        beside = head.init(inference.feature_count(network, variables), inside, generator)
    state = train_step.start(variables, recipe.direction(plan), plan.average > 0, beside)
    if saved is not None:
        state = jax.tree.unflatten(jax.tree.structure(state), saved)
    return devices.replicate(state)


class Watch:
    """Decides when a training is saved: every so often, and when the process is asked to stop."""

    def __init__(
        self, stop: StopSignal, seconds: float, save: Callable[[int, Leaves], None]
    ) -> None:
        """``save`` is given the number of epochs done and the leaves of the state."""
        self._stop, self._seconds, self._save = stop, seconds, save
        self._last = time.monotonic()

    def after(self, epoch: int, epochs: int, state: train_step.TrainState) -> None:
        """Called after each epoch but the last, whose state is saved by the one who trains.

        Raises:
          Stopped: the process was asked to stop, and the state is saved.
        """
        due = self._stop.requested or time.monotonic() - self._last >= self._seconds
        if due and epoch < epochs:
            self._save(epoch, jax.device_get(jax.tree.leaves(state)))
            self._last = time.monotonic()
            self._stop.check()


def fit(
    network: Network,
    plan: Recipe,
    state: train_step.TrainState,
    data: training_set.TrainingSet,
    count: int,
    stream: tuple[int, int],
    first_epoch: int,
    on_epoch: OnEpoch,
) -> train_step.TrainState:
    """Trains from ``first_epoch`` to the end of the recipe.

    Args:
      network: what is trained.
      plan: the recipe.
      state: from :func:`start` or a checkpoint; used up.
      data: the padded training set, on the host.
      count: records in it, Q.
      stream: (seed, round), from which every order and augmentation follows.
      first_epoch: epochs already done.
      on_epoch: called after every epoch with the number of epochs done, the state (to read, not
        to keep) and the mean loss.

    Returns:
      The state after the last epoch.

    Raises:
      FloatingPointError: the loss is not finite.
    """
    steps, epochs = recipe.steps_per_epoch(plan, count), recipe.epochs(plan, count)
    told = jax.tree.map(
        lambda column: column.reshape(epochs, steps), recipe.steps(plan, steps * epochs)
    )
    key = keys.key(*stream, keys.Purpose.AUGMENT)
    on_devices = devices.replicate(data)
    for epoch in range(first_epoch, epochs):
        order = keys.rng(*stream, keys.Purpose.ORDER, epoch)
        mixes = plan.mix_share, plan.mix_beta, plan.mix_as_released
        batches = training_set.epoch(
            count, plan.batch_size, order, *mixes, losses.views_compared(plan)
        )
        state, loss = _epoch(
            network, plan, state, on_devices, batches, jax.tree.map(itemgetter(epoch), told), key
        )
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} in epoch {epoch + 1}: lower the learning_rate of this recipe"
                " (config.train, or"
                " config.teacher.train for a teacher). A student's answers are kept: a new"
                " --workdir with"
                " --config.ledger.path=FILE finds them"
            )
        on_epoch(epoch + 1, state, loss)
    return state


def _epoch(
    network: Network,
    plan: Recipe,
    state: train_step.TrainState,
    data: Any,
    batches: training_set.Batches,
    told: recipe.Steps,
    key: jax.Array,
) -> tuple[train_step.TrainState, float]:
    """One epoch, several steps per dispatch; waits for the device once, at the end."""
    program = programs.train_program(network, plan)
    split = programs.split_batches(batches)
    sums = []
    start = 0
    while start < len(told.rate):
        # Whole groups, then single steps: two programs in all, whatever the number of steps.
        size = programs.steps_per_dispatch(plan)
        stop = start + (size if start + size <= len(told.rate) else 1)
        part, steps = jax.tree.map(itemgetter(slice(start, stop)), (split, told))
        state, sum_ = program(state, data, part, steps, key)
        sums.append(sum_)
        start = stop
    losses, weights = (
        np.concatenate([np.asarray(s) for s in column]) for column in zip(*sums, strict=True)
    )
    return state, float(losses.sum() / weights.sum())
