"""The objective of a training step: the losses of one device's part of a batch. Pure functions."""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe
from amkd.models import uncertainty
from amkd.training import collectives, losses, weightings
from amkd.training.auxiliary_heads import HeadInputs


class LossInputs(NamedTuple):
    """One device's part of a batch, with the student's results: b records, in order.

    Attributes:
      logits: ``float32[b, Y]``, the student's.
      features: ``[b, d]``, from which the logits are computed.
      answers: ``float32[b, Y]``, the teacher's.
      weight: ``float32[b]``, 1 or the record's own weight, or 0 for a record that only fills the
        batch.
      teacher_features: ``float32[b, e]``; None for a black box.
    """

    logits: jax.Array
    features: jax.Array
    answers: jax.Array
    weight: jax.Array
    teacher_features: jax.Array | None = None


# Inputs, parameters of the auxiliary head, whether the warm-up is over -> float32[].
Objective = Callable[[LossInputs, chex.ArrayTree, jax.Array | None], jax.Array]


def objective(recipe: Recipe, axis: str, groups: int = 1) -> Objective:
    """Returns the function to minimise: the sum of a device's losses, each with its weight in the
    whole batch.

    Args:
      recipe: loss, temperature and weighting.
      axis: name of the device axis, over which batches are split.
      groups: how many distributions an answer has; the loss is the mean over them.

    Returns:
      A function of the inputs to ``float32[]``. A loss with an auxiliary head also takes its
      parameters, and whether the warm-up is over, ``bool[]``; other losses take None for both.
    """
    loss = losses.by_group(losses.find(recipe.loss), groups)
    weigh = weightings.WEIGHTINGS[recipe.weighting]

    def above_least(each: jax.Array, inputs: LossInputs) -> jax.Array:
        return each - jax.vmap(lambda y: loss.least(y, recipe.temperature))(inputs.answers)

    def weights(each: jax.Array, inputs: LossInputs) -> jax.Array:
        if not weigh:
            return inputs.weight
        unsure = jax.vmap(uncertainty.entropy)(inputs.answers)
        own = weightings.Batch(
            above_least(jax.lax.stop_gradient(each), inputs), unsure, inputs.weight
        )
        found = weigh(collectives.all_gather_batch(own, axis), weightings.constants_of(recipe))
        return inputs.weight * collectives.own_part(found, len(each), axis)

    def sum_of_losses(
        inputs: LossInputs,
        auxiliary_params: chex.ArrayTree = None,
        warmed_up: jax.Array | None = None,
    ) -> jax.Array:
        each = jax.vmap(lambda z, y: loss.of(z, y, recipe.temperature))(
            inputs.logits, inputs.answers
        )
        weight = weights(each, inputs)
        if loss.auxiliary_head and warmed_up is not None:
            distance = above_least(each, inputs)
            head_inputs = HeadInputs(
                features=inputs.features,
                teacher_features=inputs.teacher_features,
                weight=inputs.weight,
                loss=each,
                distance=distance,
                warmed_up=warmed_up,
            )
            each = loss.auxiliary_head.losses(auxiliary_params, head_inputs, axis)
        return jnp.sum(weight * each)

    return sum_of_losses
