"""Measures how unsure a classifier is about one image, from its probabilities or from those of
several classifiers. Pure functions.

There are Y classes and E opinions (members of a committee, or passes with dropout). Entropy and
mutual information are in nats.
"""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

Gap = Callable[[jax.Array, jax.Array], jax.Array]  # two answers float32[Y] -> float32[]


def entropy(p: jax.Array) -> jax.Array:
    """Returns ``-sum_y p_y ln p_y`` of ``float32[Y]`` probabilities; 0 ln 0 is 0."""
    chex.assert_rank(p, 1)
    return -jnp.sum(jax.scipy.special.xlogy(p, p))


def margin(p: jax.Array) -> jax.Array:
    """Returns the gap between the best class and the next, ``float32[Y]`` to ``float32[]``; it is
    small if the classifier is unsure.
    """
    first, second = jax.lax.top_k(p, 2)[0]
    return first - second


def disagreement(opinions: jax.Array) -> jax.Array:
    """Returns the mutual information of class and opinion, ``H(mean p) - mean H(p)`` (Houlsby et
    al., 2011: BALD).

    Args:
      opinions: ``float32[E, Y]`` probabilities.
    """
    chex.assert_rank(opinions, 2)
    return entropy(opinions.mean(0)) - jax.vmap(entropy)(opinions).mean()


def contrasts(
    gap: Gap, plain: jax.Array, distilled: jax.Array, teacher: jax.Array, most: float = 10.0
) -> jax.Array:
    """Returns the :func:`contrast` of M images; gaps are at least a millionth of their median.

    Args:
      gap: how far two networks are from each other on one image, such as
        :meth:`amkd.tasks.Task.gap`.
      plain: ``float32[M, Y]``, of the student without distillation.
      distilled: ``float32[M, Y]``.
      teacher: ``float32[M, Y]``, or the answers that replace the teacher's.
      most: bound of the ratio.
    """
    gaps = jax.vmap(gap)
    a, b = gaps(plain, distilled), gaps(distilled, teacher)
    least = 1e-6 * jnp.median(jnp.concatenate([a, b])) + jnp.finfo(jnp.float32).tiny
    return jax.vmap(lambda one, other: contrast(one, other, least, most))(a, b)


def contrast(a: jax.Array, b: jax.Array, least: jax.Array, most: float) -> jax.Array:
    """Returns ``(a + b) * max(a/b, b/a)`` (Peng et al., 2021): large if one gap is wide and the
    other is not.

    A gap of 0 would make the ratio infinite. So in the ratio a gap counts as at least ``least``,
    and the ratio is at most ``most`` (ours: the paper does not specify this).

    Args:
      a: ``float32[]``, gap between the student and the distilled student.
      b: ``float32[]``, gap between the distilled student and the teacher.
      least: ``float32[]``, positive.
      most: bound of the ratio, at least 1.
    """
    low, high = jnp.minimum(a, b), jnp.maximum(a, b)
    ratio = jnp.minimum(jnp.maximum(high, least) / jnp.maximum(low, least), most)
    return (a + b) * ratio
