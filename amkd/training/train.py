"""Trains a network: the description of a training, and its loop of epochs.

Every network of this package is trained here: the student of each round, further students, local
teachers and target networks.
"""

import dataclasses
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import NamedTuple

import jax
import numpy as np

from amkd.config.recipe import Recipe
from amkd.core import devices, keys
from amkd.core.errors import diverged
from amkd.models import Network, head, prediction
from amkd.models.layers import Variables, for_training
from amkd.models.pretrained.initial_weights import Weights
from amkd.training import losses, train_state, train_step, training_set
from amkd.training import recipe as recipes
from amkd.training.recipe import StepInputs
from amkd.training.train_state import TrainState
from amkd.training.training_set import Batches, TrainingSet

# Called for each epoch with the number of finished epochs, the state (to read, not to keep) and the
# mean loss. The state is None if the devices have already continued after that epoch.
OnEpoch = Callable[[int, TrainState | None, float], None]
Leaves = list[np.ndarray]  # the leaves of a training state, on the host


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """All inputs that determine a trained network.

    Attributes:
      network: the network to train.
      recipe: how it is trained.
      data: the padded training set, on the host.
      count: number of its records that the teacher answered, Q.
      stream: (seed, round), which determines all randomness: initial variables, orders,
        augmentation and dropout.
      weights: initial variables of a pretrained network; None for random ones.
      record_weights: ``float32[Q + assisted]``, weights of the records in the loss; None for equal
        weights.
      whole: the whole network and its variables if ``network`` is only its head; otherwise None.
      assisted: number of records after the first Q, which an assistant answered.
      assisted_share: share of each batch that these records fill; 0 without an assistant.
    """

    network: Network
    recipe: Recipe
    data: TrainingSet
    count: int
    stream: tuple[int, int]
    weights: Weights | None = None
    record_weights: np.ndarray | None = None
    whole: tuple[Network, Variables] | None = None
    assisted: int = 0
    assisted_share: float = 0.0

    def of_head(self, variables: Variables) -> "Training":
        """Returns the training of only the last layer, on features in place of images.

        Args:
          variables: the variables of the whole network.
        """
        return dataclasses.replace(
            self,
            network=head.head_of(self.network),
            recipe=recipes.head_recipe(self.recipe),
            weights=_weights_of_head(self.network, variables, self.weights),
            whole=(self.network, variables),
        )

    def first_from(self, variables: Variables | None) -> Variables | None:
        """Returns the variables from which a training continues, given those of a whole network;
        None for none.
        """
        if variables is None or self.whole is None:
            return variables
        return head.variables_of_head(self.whole[0], variables)

    def finished(self, variables: Variables) -> Variables:
        """Returns the whole network's variables, given the trained ones."""
        if self.whole is None:
            return variables
        return head.with_head(*self.whole, variables)

    @property
    def epochs(self) -> int:
        """Returns the number of passes over the records."""
        return recipes.epochs(self.recipe, self.count, self.assisted_share)

    @property
    def steps_per_epoch(self) -> int:
        """Returns the number of steps of one pass."""
        return recipes.steps_per_epoch(self.recipe, self.count, self.assisted_share)

    @property
    def images_per_epoch(self) -> int:
        """Returns the number of images of one pass, including those of an assistant."""
        return recipes.images_per_epoch(self.recipe, self.count, self.assisted_share)


def _weights_of_head(
    network: Network, variables: Variables, weights: Weights | None
) -> Weights | None:
    """Returns the initial variables of a network's last layer; None for random ones."""
    if weights is None or not weights.with_head:
        return None

    def place(fresh: Variables) -> Variables:
        return head.variables_of_head(
            network, weights.place(head.with_head(network, variables, fresh))
        )

    return dataclasses.replace(weights, place=place)


def train_network(
    training: Training,
    *,
    first_variables: Variables | None = None,
    saved: Leaves | None = None,
    first_epoch: int = 0,
    on_epoch: OnEpoch = lambda *_: None,
) -> TrainState:
    """Trains a network from its initial variables, or continues from a saved state.

    Args:
      training: the network, its recipe and its data.
      first_variables: start from these, not from those that the stream gives.
      saved: leaves of the state after ``first_epoch`` epochs; see :func:`leaves_of`.
      first_epoch: number of epochs already finished.
      on_epoch: is called for every epoch; may raise to stop.

    Returns:
      The state after the last epoch.

    Raises:
      FloatingPointError: the loss or a trained weight is not finite.
    """
    recipe, stream = training.recipe, training.stream
    network = for_training(training.network, recipe.dtype)
    state = start(training, first_variables, saved)
    of_step, in_loop = recipes.step_recipe(recipe), devices.accelerated()
    key = keys.key(*stream, keys.Purpose.AUGMENT)
    data = devices.replicate(training.data, all_processes=True)
    turns = _turns(training, first_epoch)
    turn = next(turns, None)
    while turn is not None:
        sums = []
        for batches, inputs in turn.dispatches:
            state, sum_ = train_step.train_steps(
                network, of_step, state, data, batches, inputs, key, in_loop
            )
            sums.append(sum_)
        epochs = turn.epochs
        turn = next(turns, None)  # made while the devices work
        for epoch, loss in zip(epochs, _mean_losses(sums, len(epochs)), strict=True):
            _check(loss, epoch)
            on_epoch(epoch + 1, state if epoch == epochs[-1] else None, loss)
    _check_result(state)
    return state


def start(
    training: Training, first_variables: Variables | None = None, saved: Leaves | None = None
) -> TrainState:
    """Returns the state before the first step, or the saved one, on every device."""
    recipe, network = training.recipe, training.network
    if first_variables is None:
        key = keys.key(*training.stream, keys.Purpose.INIT)
        first_variables = prediction.init(network, training.data.example_shape, key)
        if training.weights:
            first_variables = training.weights.place(first_variables)
    auxiliary_params = None
    if auxiliary := losses.auxiliary_head(recipe):
        auxiliary_params = auxiliary.init(
            network.feature_count(first_variables),
            training.data.teacher_feature_count,
            keys.rng(*training.stream, keys.Purpose.AUXILIARY_HEAD),
        )
    state = train_state.start(
        first_variables,
        recipes.optimizer_of(recipe, network.last),
        averages=recipe.average > 0,
        auxiliary_params=auxiliary_params,
        auxiliary_tx=recipes.optimizer_without_rate(recipe),
    )
    if saved is not None:
        state = jax.tree.unflatten(jax.tree.structure(state), saved)
    return devices.replicate(state, all_processes=True)


class _Turn(NamedTuple):
    """The work between two points at which the host waits for the devices.

    Attributes:
      epochs: numbers of its epochs.
      dispatches: the work of each call of the program.
    """

    epochs: range
    dispatches: list[tuple[Batches, StepInputs]]


def epochs_at_once(training: Training) -> int:
    """Returns how many epochs run before the host waits for the devices.

    On accelerators, this is as many as fit into one dispatch, because epochs may be short.
    """
    if not devices.accelerated():
        return 1
    fit = train_step.dispatch_lengths(training.recipe)[0] // training.steps_per_epoch
    return max(fit, 1)


def _turns(training: Training, first_epoch: int) -> Iterator[_Turn]:
    """Yields the work that begins with an epoch.

    Turns end at the same epochs, no matter where a training resumes, so that it has the same
    dispatches.
    """
    recipe, epoch = training.recipe, first_epoch
    steps, epochs = training.steps_per_epoch, training.epochs
    inputs = recipes.step_inputs(recipe, steps * epochs)
    at_once = epochs_at_once(training)
    while epoch < epochs:
        own = range(epoch, min((epoch // at_once + 1) * at_once, epochs))
        batches = jax.tree.map(
            lambda *columns: np.concatenate(columns), *(_batches(training, one) for one in own)
        )
        of_turn = jax.tree.map(itemgetter(slice(own.start * steps, own.stop * steps)), inputs)
        yield _Turn(own, _dispatches(batches, of_turn, recipe))
        epoch = own.stop


def _check(loss: float, epoch: int) -> None:
    if not np.isfinite(loss):
        raise diverged(f"the loss is {loss} in epoch {epoch + 1}")


def _check_result(state: TrainState) -> None:
    """Refuses weights that the last step made infinite or NaN; no loss shows these."""
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.device_get(state.result))):
        raise diverged("a weight is not finite after the last epoch")


def _batches(training: Training, epoch: int) -> Batches:
    """Returns the batches of one epoch, each split over the devices."""
    recipe = training.recipe
    batches = training_set.epoch(
        training.count,
        recipe.batch_size,
        keys.rng(*training.stream, keys.Purpose.ORDER, epoch),
        share=recipe.mix_share,
        beta=recipe.mix_beta,
        mix_as_released=recipe.mix_as_released,
        views=losses.views_compared(recipe),
        assisted=training.assisted,
        assisted_places=recipes.assisted_places(recipe, training.assisted_share),
    )
    if training.record_weights is not None:
        weight = batches.weight * training.record_weights[batches.index]
        batches = dataclasses.replace(batches, weight=weight)
    return train_step.split_batches(batches)


def _dispatches(
    batches: Batches, inputs: StepInputs, recipe: Recipe
) -> list[tuple[Batches, StepInputs]]:
    """Splits steps into the work of each call of the program.

    The longest dispatches come first, then shorter ones down to single steps: there are only two or
    three programs, for any number of steps.
    """
    found, start, total = [], 0, len(inputs.rate)
    while start < total:
        fit = [size for size in train_step.dispatch_lengths(recipe) if size <= total - start]
        stop = start + fit[0]
        found.append(jax.tree.map(itemgetter(slice(start, stop)), (batches, inputs)))
        start = stop
    return found


def _mean_losses(sums: list[tuple[jax.Array, jax.Array]], epochs: int) -> list[float]:
    """Returns the mean loss of each of ``epochs`` epochs; waits for the devices once."""
    losses, weights = (
        np.concatenate(column).reshape(epochs, -1)
        for column in zip(*jax.device_get(sums), strict=True)
    )
    return [float(loss.sum() / weight.sum()) for loss, weight in zip(losses, weights, strict=True)]


def leaves_of(state: TrainState) -> Leaves:
    """Returns the leaves of a state, on the host, in the form in which they are saved."""
    leaves: Leaves = jax.device_get(jax.tree.leaves(state))
    return leaves
