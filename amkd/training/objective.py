"""What a training step makes smaller: the losses of one device's share of a batch. Pure
functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe
from amkd.models import uncertainty
from amkd.training import collectives, losses, weightings
from amkd.training.auxiliary_heads import Seen


class Share(NamedTuple):
    """One device's share of a batch, b records dealt out in order, as the student sees them.

    Attributes:
      logits: ``float32[b, Y]``, the student's.
      features: ``[b, d]``, from which they are made.
      answers: ``float32[b, Y]``, the teacher's.
      weight: ``float32[b]``, 1, or 0 for what only fills the batch.
      inside: ``float32[b, e]``, what the teacher shows of each beside its answer; None for a black
        box.
    """

    logits: jax.Array
    features: jax.Array
    answers: jax.Array
    weight: jax.Array
    inside: jax.Array | None = None


Objective = Callable[[Share, Any, jax.Array | None], jax.Array]


def objective(recipe: Recipe, axis: str) -> Objective:
    """The sum of a share's losses, each with its weight in the whole batch.

    Args:
      recipe: loss, temperature and weighting.
      axis: name of the device axis, over which batches are dealt out.

    Returns:
      A function of the share to ``float32[]``. A loss with a branch also takes its parameters, and
      whether the warm-up is over, ``bool[]``; all others are given None.
    """
    loss = losses.LOSSES[recipe.loss]
    weigh = weightings.WEIGHTINGS[recipe.weighting]

    def above_least(each: jax.Array, share: Share) -> jax.Array:
        return each - jax.vmap(lambda y: loss.least(y, recipe.temperature))(share.answers)

    def weights(each: jax.Array, share: Share) -> jax.Array:
        if not weigh:
            return share.weight
        unsure = jax.vmap(uncertainty.entropy)(share.answers)
        own = weightings.Batch(
            above_least(jax.lax.stop_gradient(each), share), unsure, share.weight
        )
        found = weigh(collectives.whole(own, axis), weightings.constants_of(recipe))
        return share.weight * collectives.part(found, len(each), axis)

    def of(share: Share, beside: Any = None, adapts: jax.Array | None = None) -> jax.Array:
        each = jax.vmap(lambda z, y: loss.of(z, y, recipe.temperature))(share.logits, share.answers)
        weight = weights(each, share)
        if loss.branch and adapts is not None:
            distance = above_least(each, share)
            seen = Seen(share.features, share.inside, share.weight, each, distance, adapts)
            each = loss.branch.of(beside, seen, axis)
        return jnp.sum(weight * each)

    return of
