"""Pseudo-examples: images on which a target network shall imitate a reference network (Kimura et
al., 2018: FSKD).

Pure functions. P pseudo-examples, Y classes, B images at a time. The target descends on its
distance from the reference while the images ascend on it, so that a set of few images grows to
where the two still differ.
"""

import functools
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax

from amkd.training import weightings

# Adam's usual 1e-8 would hold back images of which both networks are all but certain; less than
# this, and squares of gradients vanish before it does.
_LEAST = 1e-16

ASCENTS: dict[str, Callable[[float], optax.GradientTransformation]] = {
    "gradient": optax.sgd,
    "adam": functools.partial(optax.adam, eps=_LEAST),
}

LogitsOf = Callable[[jax.Array], jax.Array]  # [B, ...] -> [B, Y]


def sizes(total: int, doublings: int) -> list[int]:
    """How many there are at first and after each growth; the last one is cut to fit, and none is
    empty.

    Args:
      total: how many there are in the end, at least 1.
      doublings: growths.
    """
    found = [-(-total // 2**doublings)]
    while found[-1] < total:
        found.append(min(2 * found[-1], total))
    return found


def fidelity(sigma: jax.Array, most: float, mean: float) -> jax.Array:
    """Weights of pseudo-examples: the less, the less sure of them the reference is. ``float32[P]``
    to ``float32[P]``.

    ``most * exp(-ln(most / mean) * sigma / mean sigma)``; where no uncertainty is anywhere, all
    weigh the most.

    Args:
      sigma: uncertainties, none negative.
      most: weight at no uncertainty.
      mean: weight at the mean uncertainty, positive.
    """
    return most * weightings.fidelity(sigma, jnp.ones_like(sigma), mean / most)


def gap(reference: jax.Array, target: jax.Array) -> jax.Array:
    """``KL(reference || target)`` of one image, from logits ``float32[Y]`` twice, in nats."""
    chex.assert_rank([reference, target], 1)
    log_p, log_q = jax.nn.log_softmax(reference), jax.nn.log_softmax(target)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q))


def climb(
    reference_of: LogitsOf,
    target_of: LogitsOf,
    ascent: optax.GradientTransformation,
    images: jax.Array,
    state: Any,
) -> tuple[jax.Array, Any]:
    """One step up the gap between two networks, each image for itself.

    The gradient flows through both: with the reference held constant, the step may even close the
      gap.

    Args:
      reference_of: logits of the reference.
      target_of: logits of the target.
      ascent: from :data:`ASCENTS`.
      images: ``float32[B, ...]``.
      state: the ascent's.

    Returns:
      The images, which nothing keeps within bounds, and the ascent's state.
    """

    def gaps(x: jax.Array) -> jax.Array:
        return jax.vmap(gap)(reference_of(x), target_of(x)).sum()

    updates, state = ascent.update(-jax.grad(gaps)(images), state)
    return images + updates, state
