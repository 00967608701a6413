"""BADGE: a choice that is both diverse and uncertain, by k-means++ on gradients, without computing
the gradients (Ash et al., 2020).

The gradient of the cross-entropy against the student's own best class, with respect to the last
layer's weights, is ``g = (p - onehot(argmax p)) outer h``; it has Y * d numbers. Its inner products
need only the factors: ``<g, g'> = <r, r'> <h, h'>``.
"""

import chex
import jax
import jax.numpy as jnp
from flax import struct

from amkd.core.compilation import compiled


@struct.dataclass
class Factors:
    """Gradients of M images, as factors.

    Attributes:
      r: ``float32[M, Y]``, the probabilities, minus one at the best class.
      h: ``float32[M, d]``, features.
    """

    r: jax.Array
    h: jax.Array


def factors(p: jax.Array, h: jax.Array) -> Factors:
    """Returns gradients, from probabilities ``float32[M, Y]`` and features ``float32[M, d]``."""
    chex.assert_rank([p, h], 2)
    return Factors(p - jax.nn.one_hot(jnp.argmax(p, -1), p.shape[-1]), h)


def squares(g: Factors) -> jax.Array:
    """Returns the squared lengths, ``float32[M]``."""
    return jnp.sum(jnp.square(g.r), -1) * jnp.sum(jnp.square(g.h), -1)


def squared_distances(g: Factors, place: jax.Array) -> jax.Array:
    """Returns the squared distance of every gradient to the one at ``place``: ``float32[M]``, never
    below 0.
    """
    own = squares(g)
    inner = (g.r @ g.r[place]) * (g.h @ g.h[place])
    return jnp.maximum(own + own[place] - 2 * inner, 0)


def spread(g: Factors, k: int, key: jax.Array) -> jax.Array:
    """Draws k-means++ seeds: the longest gradient first, then each with a probability proportional
    to its squared distance to the nearest seed.

    The first seed is the longest gradient, as in the released code; the textbook draws it at
    random.

    Args:
      g: the gradients.
      k: how many seeds, at most M.
      key: randomness.

    Returns:
      ``int32[k]`` different places, in the order of choice.
    """
    count = len(g.r)

    def step(
        state: tuple[jax.Array, jax.Array], key: jax.Array
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        least, free = state
        # If every remaining image has the same gradient as a seed, all are equally likely.
        odds = jnp.where(jnp.any((least > 0) & free), jnp.log(least), 0.0)
        place = jax.random.categorical(key, jnp.where(free, odds, -jnp.inf)).astype(jnp.int32)
        return (jnp.minimum(least, squared_distances(g, place)), free.at[place].set(False)), place

    first = jnp.argmax(squares(g)).astype(jnp.int32)
    begin = squared_distances(g, first), jnp.ones(count, bool).at[first].set(False)
    rest = jax.lax.scan(step, begin, jax.random.split(key, k - 1))[1]
    return jnp.concatenate([first[None], rest])


@compiled(static=("k",), precision="highest")
def badge(p: jax.Array, h: jax.Array, k: int, key: jax.Array) -> jax.Array:
    """Chooses k of M images by probabilities ``float32[M, Y]`` and features ``float32[M, d]``:
    ``int32[k]`` places.
    """
    return spread(factors(p, h), k, key)
