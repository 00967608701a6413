"""The training loop: epochs of batches through the compiled step. Imperative, and holds no maths."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from amkd import devices, keys, recipe, student, training_set
from amkd.models import Network

OnEpoch = Callable[[int, student.TrainState, float], None]


def start(network: Network, plan: recipe.Recipe, variables: student.Variables) -> student.TrainState:
    """The state before the first step, on every device."""
    return devices.replicate(student.start(variables, recipe.direction(plan)))


def fit(
    network: Network,
    plan: recipe.Recipe,
    state: student.TrainState,
    data: training_set.TrainingSet,
    count: int,
    stream: tuple[int, int],
    first_epoch: int,
    on_epoch: OnEpoch,
) -> student.TrainState:
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
    rates = recipe.learning_rates(plan, steps * epochs).reshape(epochs, steps)
    key = keys.key(*stream, keys.Purpose.AUGMENT)
    on_devices = devices.replicate(data)
    for epoch in range(first_epoch, epochs):
        order = keys.rng(*stream, keys.Purpose.ORDER, epoch)
        batches = training_set.epoch(count, plan.batch_size, order)
        state, loss = _epoch(network, plan, state, on_devices, batches, rates[epoch], key)
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {epoch + 1}: the learning rate is too high")
        on_epoch(epoch + 1, state, loss)
    return state


def _epoch(
    network: Network,
    plan: recipe.Recipe,
    state: student.TrainState,
    data: Any,
    batches: tuple[np.ndarray, np.ndarray],
    rates: np.ndarray,
    key: jax.Array,
) -> tuple[student.TrainState, float]:
    """One epoch, several steps per dispatch; waits for the device once, at the end."""
    program = devices.train_program(network, plan)
    index, weight = (devices.split_batches(part) for part in batches)
    position = devices.split_batches(np.tile(np.arange(plan.batch_size, dtype=np.int32), (len(rates), 1)))
    sums = []
    start = 0
    while start < len(rates):
        # Whole groups, then single steps: two programs in all, whatever the number of steps.
        size = devices.steps_per_dispatch(plan)
        stop = start + (size if start + size <= len(rates) else 1)
        part = slice(start, stop)
        state, sum_ = program(state, data, index[part], weight[part], position[part], rates[part], key)
        sums.append(sum_)
        start = stop
    losses, weights = (np.concatenate([np.asarray(s) for s in column]) for column in zip(*sums, strict=True))
    return state, float(losses.sum() / weights.sum())
