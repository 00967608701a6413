"""The weights of the records of a batch: by the hardness of each record, or by the teacher's
uncertainty. Pure functions.

There are B records; ``real`` is 1 for each of them, but 0 for a record that only fills the batch,
which has no influence on the others' weights. A record's hardness is its loss minus the lowest
possible loss (losses.py): the student's divergence from the teacher. With the cross-entropy itself
every unsure answer would count as hard, and answers to mixes are unsure. PAD's authors compare PAD
with the first three weightings (Zhang et al., 2020); they do not give the constants. Ours: all
except ``fidelity`` have a mean of 1, so that learning rates keep their meaning.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe

_SMALL = 1e-12  # below any distance that matters


class Batch(NamedTuple):
    """What is known about the records of a whole batch.

    Attributes:
      hardness: ``float32[B]``, the student's divergence from the teacher.
      unsure: ``float32[B]``, entropy of the teacher's answers.
      real: ``float32[B]``, 1 or 0.
    """

    hardness: jax.Array
    unsure: jax.Array
    real: jax.Array


class Constants(NamedTuple):
    """The constants of all weightings.

    Attributes:
      share: the share of the batch that :func:`discard_hard` leaves out.
      power: the exponent of :func:`polynomial`.
      at_mean: weight of the mean uncertainty in :func:`fidelity`.
    """

    share: float
    power: float
    at_mean: float


def constants_of(recipe: Recipe) -> Constants:
    """Returns the constants that a recipe configures."""
    return Constants(recipe.weighting_share, recipe.weighting_power, recipe.weighting_fidelity)


def discard_hard(hardness: jax.Array, real: jax.Array, share: float) -> jax.Array:
    """Returns 0 for the hardest records, and the same weight for all others.

    Exactly a share of the records, rounded, gets 0; of equals the first ones do. At least one
    record always stays.

    Args:
      hardness: ``float32[B]``.
      real: ``float32[B]``.
      share: share of the real records.
    """
    chex.assert_equal_shape((hardness, real))
    count = jnp.sum(real)
    gone = jnp.minimum(jnp.round(share * count), count - 1)
    order = jnp.argsort(jnp.where(real > 0, -hardness, jnp.inf), stable=True)
    place = jnp.argsort(order, stable=True)  # 0 for the hardest
    return _of_mean_one((place.astype(jnp.float32) >= gone).astype(jnp.float32), real)


def softmax(hardness: jax.Array, real: jax.Array) -> jax.Array:
    """Returns ``exp(-hardness)``, scaled to mean 1; both arguments are ``float32[B]``."""
    chex.assert_equal_shape((hardness, real))
    return _of_mean_one(jax.nn.softmax(jnp.where(real > 0, -hardness, -jnp.inf)), real)


def polynomial(hardness: jax.Array, real: jax.Array, power: float) -> jax.Array:
    """Returns ``(1 - hardness / largest)**power``, scaled to mean 1: the hardest record has weight
    0, unless all records are equally hard.

    Args:
      hardness: ``float32[B]``.
      real: ``float32[B]``.
      power: positive.
    """
    chex.assert_equal_shape((hardness, real))
    above = jnp.maximum(hardness * real, 0)  # only rounding can make a divergence negative
    return _of_mean_one((1 - above / jnp.maximum(jnp.max(above), _SMALL)) ** power, real)


def fidelity(unsure: jax.Array, real: jax.Array, at_mean: float) -> jax.Array:
    """Returns ``exp(ln(at_mean) * unsure / mean unsure)``: 1 where the teacher is sure (Kimura et
    al., 2018).

    The paper's uncertainty is that of a Gaussian process; for a network the entropy of its answer
    replaces it (ours). The paper's largest weight is 1 here, because another value would only be
    another learning rate.

    Args:
      unsure: ``float32[B]``.
      real: ``float32[B]``.
      at_mean: weight at the mean uncertainty, above 0 and at most 1.
    """
    chex.assert_equal_shape((unsure, real))
    mean = jnp.sum(unsure * real) / jnp.sum(real)
    return jnp.exp(jnp.log(at_mean) * unsure / jnp.maximum(mean, _SMALL))


def _of_mean_one(raw: jax.Array, real: jax.Array) -> jax.Array:
    """Scales weights so that the real records' mean is 1; if all weights are 0, they become 1."""
    kept = raw * real
    total = jnp.sum(kept)
    return jnp.where(total > 0, kept * (jnp.sum(real) / jnp.where(total > 0, total, 1)), real)


Weighting = Callable[[Batch, Constants], jax.Array]  # -> float32[B]

WEIGHTINGS: dict[str, Weighting | None] = {
    "even": None,
    "discard_hard": lambda batch, given: discard_hard(batch.hardness, batch.real, given.share),
    "softmax": lambda batch, _: softmax(batch.hardness, batch.real),
    "polynomial": lambda batch, given: polynomial(batch.hardness, batch.real, given.power),
    "fidelity": lambda batch, given: fidelity(batch.unsure, batch.real, given.at_mean),
}
