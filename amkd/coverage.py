"""Covering points by a few of them: greedy k-center (Sener and Savarese, 2018). Pure functions."""

import chex
import jax
import jax.numpy as jnp


def squared_distance(point: jax.Array, other: jax.Array) -> jax.Array:
    """Of one point to another: ``float32[d]`` twice to ``float32[]``."""
    return jnp.sum(jnp.square(point - other))


def _to_all(points: jax.Array, center: jax.Array) -> jax.Array:
    return jax.vmap(lambda point: squared_distance(point, center))(points)


def nearest(points: jax.Array, centers: jax.Array) -> jax.Array:
    """Squared distance of every point to the nearest center, ``float32[M]``; infinite where there is none.

    Args:
      points: ``float32[M, d]``.
      centers: ``float32[A, d]``; taken one after the other, so that memory is O(M).
    """
    chex.assert_rank([points, centers], 2)
    none = jnp.full(len(points), jnp.inf, jnp.float32)

    def step(least: jax.Array, center: jax.Array) -> tuple[jax.Array, None]:
        return jnp.minimum(least, _to_all(points, center)), None

    return jax.lax.scan(step, none, centers)[0]


def farthest(points: jax.Array, least: jax.Array, k: int) -> jax.Array:
    """Greedy k-center: k times the point farthest from all centers, which then is one.

    At most twice the best covering radius. Ties go to the first; a chosen point is not chosen again.

    Args:
      points: ``float32[M, d]``.
      least: ``float32[M]``, squared distances to the nearest center so far.
      k: how many, at most M.

    Returns:
      ``int32[k]`` places, in the order of choice.
    """

    def step(least: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        place = jnp.argmax(least).astype(jnp.int32)
        least = jnp.minimum(least, _to_all(points, points[place]))
        return least.at[place].set(-1), place  # below every distance: 0 may be that of another point

    return jax.lax.scan(step, least, length=k)[1]
