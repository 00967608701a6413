"""One training step, and the program of several steps."""

import contextlib
import dataclasses
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax

from amkd.config.recipe import Recipe
from amkd.core import devices
from amkd.core.compilation import AXIS, mapped
from amkd.data import augment, mixing
from amkd.models import Network
from amkd.models.layers import Variables, suited
from amkd.training import freezing, objective, training_set
from amkd.training.recipe import StepInputs, optimizer_of, optimizer_without_rate
from amkd.training.train_state import AuxiliaryState, TrainState
from amkd.training.training_set import Batches, Examples, TrainingSet

_PARTNERS = 2**31 - 1  # used in place of a batch position, for views of the records mixed in

# The state, the training set, a batch, the step's inputs and a key, to the new state and the sums
# over all devices of the weighted losses and of the weights.
Step = Callable[..., tuple[TrainState, tuple[jax.Array, jax.Array]]]


def descend(
    tx: optax.GradientTransformation,
    rate: jax.Array,
    grads: chex.ArrayTree,
    *,
    opt_state: optax.OptState,
    params: chex.ArrayTree,
) -> tuple[Any, optax.OptState]:
    """Returns the parameters and the optimizer's state after one step down the gradients."""
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, jax.tree.map(lambda u: -rate * u, updates)), opt_state


def update_average(
    average: Variables, variables: Variables, *, decay: float, step: jax.Array
) -> Variables:
    """Returns the running average after one more step. It is short at first, so that the initial
    values soon lose their influence.

    Args:
      average: the average after ``step`` steps.
      variables: the variables after one more step.
      decay: share of the average that is kept in a step, after many steps.
      step: ``int32[]``.
    """
    stays = jnp.minimum(decay, (1 + step) / (10 + step)).astype(jnp.float32)
    return jax.tree.map(lambda a, v: stays * a + (1 - stays) * v, average, variables)


def load_batch(data: TrainingSet, batch: Batches, recipe: Recipe, key: jax.Array) -> Examples:
    """Returns one device's part of a batch as the student sees it: augmented, and mixed again with
    other records.

    A mix of answered images gets the mix of their answers, and of the teacher's features: this
    costs no query.

    Args:
      data: the training set.
      batch: b records.
      recipe: augmentation, and whether records are mixed again.
      key: randomness of the step.

    Returns:
      The examples; their images are uint8 unless they were mixed again.
    """
    examples = load_views(data, batch.index, batch.position, recipe=recipe, key=key)
    if not recipe.mix_share:
        return examples
    partner, lam = batch.partner, batch.lam
    assert partner is not None and lam is not None
    key = jax.random.fold_in(key, _PARTNERS)
    partners = load_views(data, partner, batch.position, recipe=recipe, key=key)
    mix = jax.vmap(mixing.mix)
    return jax.tree.map(
        lambda own, other: mix(own.astype(jnp.float32), other, lam), examples, partners
    )


def load_views(
    data: TrainingSet,
    index: chex.Array,
    position: chex.Array,
    *,
    recipe: Recipe,
    key: jax.Array,
) -> Examples:
    """Returns records, each image in a random view that is determined by its position in the whole
    batch.

    Args:
      data: the training set.
      index: ``int32[b]``, places of the records.
      position: ``int32[b]``, places in the batch.
      recipe: how strongly images may be augmented.
      key: randomness of the step.
    """
    if data.features is not None:
        keys = jax.vmap(lambda p: jax.random.fold_in(key, p))(position)
        count = data.features.shape[1]
        view = jax.vmap(lambda k: jax.random.randint(k, (), 0, count))(keys)
        return training_set.take_views(data, index, view)
    examples = training_set.take(data, index)
    if augment.views_of(recipe).still:
        return examples
    keys = jax.vmap(lambda p: jax.random.fold_in(key, p))(position)
    views = jax.vmap(lambda x, k: augment.augment(x, k, augment.views_of(recipe)))(
        examples.images, keys
    )
    return dataclasses.replace(examples, images=views)


def train_step(network: Network, recipe: Recipe, axis: str) -> Step:
    """Returns one step on one device's part of a batch, as a function to be mapped over ``axis``.

    Args:
      network: the student.
      recipe: optimizer, loss, weights of the records and augmentation.
      axis: name of the device axis, bound where the function is compiled.
    """
    sum_of_losses = objective.objective(recipe, axis, network.groups)
    frozen = freezing.frozen_in(recipe.freeze, network.last)

    def step(
        state: TrainState, data: TrainingSet, batch: Batches, inputs: StepInputs, key: jax.Array
    ) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
        # Keys use the position in the whole batch, so that views and masks are the same on any
        # number of devices.
        for_images, for_dropout = jax.random.split(jax.random.fold_in(key, state.step))
        keys = jax.vmap(lambda p: jax.random.fold_in(for_dropout, p))(batch.position)
        examples = load_batch(data, batch, recipe, for_images)
        total = jax.lax.psum(batch.weight.sum(), axis)

        def loss_of(
            params: chex.ArrayTree, auxiliary_params: chex.ArrayTree
        ) -> tuple[jax.Array, Variables]:
            with freezing.batch_norm_kept(recipe.freeze, network.last):
                (logits, features), updated = network.apply(
                    {**state.variables, "params": freezing.stopped(params, frozen)},
                    examples.images,
                    True,
                    keys,
                    mutable=["batch_stats"],
                    rngs=network.rngs(keys),
                    method="logits_and_features",
                )
            loss_inputs = objective.LossInputs(
                logits, features, examples.answers, batch.weight, examples.teacher_features
            )
            return sum_of_losses(loss_inputs, auxiliary_params, inputs.warmed_up), updated

        params, head = state.variables["params"], state.auxiliary and state.auxiliary.params
        (loss, updated), grads = jax.value_and_grad(loss_of, (0, 1), has_aux=True)(params, head)
        # Sums over all devices come before the division, so that any split of the batch is exact.
        loss, grads = jax.lax.psum((loss, grads), axis)
        grads = jax.tree.map(lambda g: g / total, grads)
        after = _next_state(
            state, updated, grads, recipe=recipe, rate=inputs.rate, last=network.last
        )
        return after, (loss, total)

    return step


def _rounding(precision: str) -> contextlib.AbstractContextManager[Any]:
    """Returns the context that sets how float32 products round inputs while a step is traced."""
    if precision == "default":
        return contextlib.nullcontext()
    return jax.default_matmul_precision(precision)


def _next_state(
    state: TrainState,
    batch_stats: Variables,
    grads: tuple[chex.ArrayTree, chex.ArrayTree],
    *,
    recipe: Recipe,
    rate: jax.Array,
    last: str,
) -> TrainState:
    """Returns the state after a step, given the gradients of the network's and of the auxiliary
    head's parameters; ``last`` is the network's last layer.
    """
    params, opt_state = descend(
        optimizer_of(recipe, last),
        rate,
        grads[0],
        opt_state=state.opt_state,
        params=state.variables["params"],
    )
    variables = {**state.variables, **batch_stats, "params": params}
    average, auxiliary = state.average, state.auxiliary
    if average is not None:
        average = update_average(average, variables, decay=recipe.average, step=state.step)
        average = freezing.kept(average, variables, freezing.frozen_in(recipe.freeze, last))
    if auxiliary is not None:
        head, moments = descend(
            optimizer_without_rate(recipe),
            rate,
            grads[1],
            opt_state=auxiliary.opt_state,
            params=auxiliary.params,
        )
        auxiliary = AuxiliaryState(params=head, opt_state=moments)
    return TrainState(
        step=state.step + 1,
        variables=variables,
        opt_state=opt_state,
        average=average,
        auxiliary=auxiliary,
    )


def dispatch_lengths(recipe: Recipe) -> tuple[int, ...]:
    """Returns how many training steps the programs do, the longest first and 1 last: as configured,
    or as suits the backend.

    On accelerators, a few programs can do any number of steps in few dispatches.
    """
    longest = recipe.steps_per_dispatch or (64 if devices.accelerated() else 1)
    return tuple(sorted({longest, min(longest, 8) if devices.accelerated() else 1, 1}))[::-1]


def split_batches(batches: Batches) -> Batches:
    """Splits each batch into one part for each device: ``[S, B]`` to ``[S, D, B/D]``."""
    return jax.tree.map(
        lambda column: column.reshape(len(column), devices.taking_part(), -1), batches
    )


@mapped(
    split={"batches": 1},
    static=("network", "recipe", "in_loop"),
    donate="state",
    out_axes=None,
    all_processes=True,
    steady=False,
)
def train_steps(
    network: Network,
    recipe: Recipe,
    state: TrainState,
    data: TrainingSet,
    batches: Batches,
    inputs: StepInputs,
    key: jax.Array,
    in_loop: bool = False,
) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
    """Does S training steps on all devices together.

    Args:
      network: the student, as :func:`amkd.models.layers.for_training` returns it.
      recipe: the result of :func:`amkd.training.recipe.step_recipe`.
      state: made by :func:`amkd.core.devices.replicate`; the call invalidates it.
      data: the training set, also made by :func:`amkd.core.devices.replicate`.
      batches: ``[S, D, B/D]``, from :func:`split_batches`.
      inputs: the inputs of S steps.
      key: randomness of the training.
      in_loop: whether the steps are a loop, in a program of the size of one step. Otherwise the
        program contains all steps one after the other: on a CPU, XLA runs convolutions in loops
        several times slower.

    Returns:
      The state, and the sums of losses and of weights of each step, ``float32[S]`` each.
    """
    step = train_step(suited(network, "training"), recipe, AXIS)

    def next_step(
        before: TrainState, given: tuple[Batches, StepInputs]
    ) -> tuple[TrainState, tuple[jax.Array, jax.Array]]:
        return step(before, data, *given, key)

    with _rounding(recipe.precision):
        if in_loop:
            return jax.lax.scan(next_step, state, (batches, inputs))
        sums = []
        for number in range(len(inputs.rate)):
            given = jax.tree.map(itemgetter(number), (batches, inputs))
            state, sum_ = next_step(state, given)
            sums.append(sum_)
    losses, weights = zip(*sums, strict=True)
    return state, (jnp.stack(losses), jnp.stack(weights))
