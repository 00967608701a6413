"""The student: its state, one training step, its predictions. Pure functions."""

from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from amkd.config.recipe import Recipe
from amkd.data import augment, mixing
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.training import objective, training_set
from amkd.training.recipe import Steps

_PARTNERS = 2**31 - 1  # in place of a position in the batch: for the views of the records mixed in


@flax.struct.dataclass
class Branch:
    """What a loss learns beside the student, and what is no part of it.

    Attributes:
      params: its parameters.
      opt_state: the optimizer's.
    """

    params: Any
    opt_state: optax.OptState


@flax.struct.dataclass
class TrainState:
    """A network in training.

    Attributes:
      step: ``int32[]``, steps done.
      variables: parameters, and BatchNorm's running statistics where there are any.
      opt_state: the optimizer's.
      average: running average of the variables; None if none is kept.
      branch: of a loss that has one; None for all others.
    """

    step: jax.Array
    variables: Variables
    opt_state: optax.OptState
    average: Variables | None = None
    branch: Branch | None = None

    @property
    def result(self) -> Variables:
        """What the training is for: the average, if there is one."""
        return self.variables if self.average is None else self.average


def start(
    variables: Variables,
    tx: optax.GradientTransformation,
    averages: bool = False,
    beside: Any = None,
) -> TrainState:
    """The state before the first step; ``beside`` are the parameters of the loss's branch."""
    average = jax.tree.map(jnp.copy, variables) if averages else None
    branch = None if beside is None else Branch(beside, tx.init(beside))
    return TrainState(
        jnp.zeros((), jnp.int32), variables, tx.init(variables["params"]), average, branch
    )


def moved_by(
    tx: optax.GradientTransformation,
    rate: jax.Array,
    grads: Any,
    opt_state: optax.OptState,
    params: Any,
) -> tuple[Any, optax.OptState]:
    """Parameters and the optimizer's state after a step down their gradients."""
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, jax.tree.map(lambda u: -rate * u, updates)), opt_state


def averaged(average: Variables, variables: Variables, decay: float, step: jax.Array) -> Variables:
    """The running average after one more step; short at first, so that the initial values are soon
    forgotten.

    Args:
      average: after ``step`` steps.
      variables: after one more.
      decay: share of the average that stays, in the long run.
      step: ``int32[]``.
    """
    stays = jnp.minimum(decay, (1 + step) / (10 + step)).astype(jnp.float32)
    return jax.tree.map(lambda a, v: stays * a + (1 - stays) * v, average, variables)


def batch_of(
    data: training_set.TrainingSet, batch: training_set.Batches, recipe: Recipe, key: jax.Array
) -> training_set.Taken:
    """One device's share of a batch as the student sees it: moved, and mixed anew with other
    records.

    A mix of answered images is given the mix of their answers, and of what else the teacher shows:
      no query.

    Args:
      data: the training set.
      batch: ``[B]`` places.
      recipe: views, and whether there are such mixes.
      key: randomness of the step.

    Returns:
      The batch, its images uint8 unless mixed anew.
    """
    taken = moved(data, batch.index, batch.position, recipe, key)
    if not recipe.mix_share:
        return taken
    others = moved(data, batch.partner, batch.position, recipe, jax.random.fold_in(key, _PARTNERS))
    mix = jax.vmap(mixing.mix)
    return jax.tree.map(
        lambda own, other: mix(own.astype(jnp.float32), other, batch.lam), taken, others
    )


def moved(
    data: training_set.TrainingSet,
    index: jax.Array,
    position: jax.Array,
    recipe: Recipe,
    key: jax.Array,
) -> training_set.Taken:
    """Records of a batch, each image in a random view by its position in the whole batch."""
    taken = training_set.take(data, index)
    views = augment.views_of(recipe)
    if views.still:
        return taken
    keys = jax.vmap(lambda p: jax.random.fold_in(key, p))(position)
    return taken._replace(
        images=jax.vmap(lambda x, k: augment.augment(x, k, views))(taken.images, keys)
    )


def train_step(
    network: Network, tx: optax.GradientTransformation, recipe: Recipe, axis: str
) -> Callable[..., tuple[TrainState, tuple[jax.Array, jax.Array]]]:
    """One step on one device's share of a batch, as a function to be mapped over ``axis``.

    Args:
      network: the student.
      tx: its optimizer, up to the learning rate.
      recipe: loss, weights of the records and augmentation.
      axis: name of the device axis, bound where the function is compiled (amkd/core/devices.py).

    Returns:
      A function of the state, the training set, a batch of B records, what the step is told and
      a key. It returns the new state, the sum of weighted losses and the sum of weights, over all
      devices.
    """
    sum_of_losses = objective.objective(recipe, axis)

    def step(
        state: TrainState,
        data: training_set.TrainingSet,
        batch: training_set.Batches,
        told: Steps,
        key: jax.Array,
    ) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
        # By position in the whole batch: the same views and masks on any number of devices.
        for_images, for_dropout = jax.random.split(jax.random.fold_in(key, state.step))
        keys = jax.vmap(lambda p: jax.random.fold_in(for_dropout, p))(batch.position)
        taken = batch_of(data, batch, recipe, for_images)
        total = jax.lax.psum(batch.weight.sum(), axis)

        def loss_of(params: Any, beside: Any) -> tuple[jax.Array, Variables]:
            variables = {**state.variables, "params": params}
            seen: Any = network.apply(
                variables, taken.images, True, keys, mutable=["batch_stats"], method="whole"
            )
            (logits, features), updated = seen
            share = objective.Share(logits, features, taken.answers, batch.weight, taken.inside)
            return sum_of_losses(share, beside, told.adapts), updated

        params, beside = state.variables["params"], state.branch and state.branch.params
        (loss, updated), grads = jax.value_and_grad(loss_of, (0, 1), has_aux=True)(params, beside)
        # Sums over all devices before dividing: exact for any split of the batch.
        loss, grads = jax.lax.psum((loss, grads), axis)
        grads = jax.tree.map(lambda g: g / total, grads)
        params, opt_state = moved_by(tx, told.rate, grads[0], state.opt_state, params)
        variables = {**state.variables, **updated, "params": params}
        average, branch = state.average, state.branch
        if average is not None:
            average = averaged(average, variables, recipe.average, state.step)
        if branch is not None:
            branch = Branch(*moved_by(tx, told.rate, grads[1], branch.opt_state, branch.params))
        return TrainState(state.step + 1, variables, opt_state, average, branch), (loss, total)

    return step
