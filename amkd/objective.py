"""What a training step makes smaller: the losses of one device's share of a batch. Pure functions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from amkd import losses, uncertainty, weightings
from amkd.recipe import Recipe


def objective(recipe: Recipe, axis: str) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
    """The sum of a share's losses, each with its weight in the whole batch.

    Args:
      recipe: loss, temperature and weighting.
      axis: name of the device axis over which the batch is dealt out in order.

    Returns:
      A function of the student's logits ``float32[b, Y]``, the answers ``float32[b, Y]`` and weights ``float32[b]``,
      1 or 0, to ``float32[]``.
    """
    loss = losses.LOSSES[recipe.loss]
    weigh = weightings.WEIGHTINGS[recipe.weighting]

    def of(logits: jax.Array, answers: jax.Array, weight: jax.Array) -> jax.Array:
        each = jax.vmap(lambda z, y: loss.of(z, y, recipe.temperature))(logits, answers)
        if weigh:
            least = jax.vmap(lambda y: loss.least(y, recipe.temperature))(answers)
            unsure = jax.vmap(uncertainty.entropy)(answers)
            own = weightings.Batch(jax.lax.stop_gradient(each) - least, unsure, weight)
            whole = jax.tree.map(lambda column: jax.lax.all_gather(column, axis, tiled=True), own)
            weight = weight * _share(weigh(whole, recipe.weighting_constants), len(weight), axis)
        return jnp.sum(weight * each)

    return of


def _share(whole: jax.Array, size: int, axis: str) -> jax.Array:
    """This device's part of a column of the whole batch, of so many records."""
    return jax.lax.dynamic_slice_in_dim(whole, jax.lax.axis_index(axis) * size, size)
