"""Scores of objectness maps (Aghdam et al., 2019) and of lanes (Peng et al., 2021). Pure functions.

They measure how unsure a detector is about one image, or how much two detectors disagree on it.
"""

import chex
import jax
import jax.numpy as jnp
from flax import struct


def binary_entropy(p: jax.Array) -> jax.Array:
    """Returns ``-p ln p - (1-p) ln(1-p)``, of any shape, in nats; 0 ln 0 is 0."""
    return -jax.scipy.special.xlogy(p, p) - jax.scipy.special.xlogy(1 - p, 1 - p)


def spatial_disagreement(p: jax.Array, window: tuple[int, int]) -> jax.Array:
    """Returns the entropy of a window's mean minus the mean of its entropies; it is large where
    neighbours differ.

    Aghdam et al., 2019.

    Args:
      p: ``float32[H, W]``, an objectness map.
      window: height and width in pixels; only whole windows count (ours: the paper does not specify
        this).

    Returns:
      ``float32[H - h + 1, W - w + 1]``.
    """
    chex.assert_rank(p, 2)

    def mean(x: jax.Array) -> jax.Array:
        total = jax.lax.reduce_window(x, 0.0, jax.lax.add, window, (1, 1), "VALID")
        return total / (window[0] * window[1])

    return binary_entropy(mean(p)) - mean(binary_entropy(p))


def acd(maps: jax.Array, window: tuple[int, int] = (9, 9), cell: int = 30) -> jax.Array:
    """Returns the score of an image: the largest disagreement in every cell, averaged over the
    cells.

    Aghdam et al., 2019.

    Args:
      maps: ``float32[K, H, W]``, objectness at K resolutions, resized to one size, which is at
        least the window's; the scores of a pixel are summed over the maps.
      window: see :func:`spatial_disagreement`.
      cell: side of the cells, which do not overlap; cells at the far edges may be smaller.
    """
    chex.assert_rank(maps, 3)
    scores = jax.vmap(lambda p: spatial_disagreement(p, window))(maps).sum(0)
    room = [(0, -size % cell) for size in scores.shape]
    padded = jnp.pad(scores, room, constant_values=-jnp.inf)
    rows, columns = (size // cell for size in padded.shape)
    return jnp.mean(padded.reshape(rows, cell, columns, cell).max((1, 3)))


@struct.dataclass
class Lanes:
    """The L lanes that a detector finds in an image, at R rows that all detectors share.

    Attributes:
      x: ``float32[L, R]``, column of each lane in each row, in pixels.
      seen: ``bool[L, R]``, whether the lane was found in the row; a lane that was found in no row
        does not count.
    """

    x: jax.Array
    seen: jax.Array


def lane_distance(
    x: jax.Array, seen: jax.Array, other_x: jax.Array, other_seen: jax.Array, cap: float
) -> jax.Array:
    """Returns the distance of two lanes: the mean (ours) over the rows where both are seen.

    Peng et al., 2021, segment by segment.

    Args:
      x: ``float32[R]``.
      seen: ``bool[R]``.
      other_x: ``float32[R]``.
      other_seen: ``bool[R]``.
      cap: distance of lanes without a common row, such as the image's width.
    """
    both = seen & other_seen
    total = jnp.sum(jnp.where(both, jnp.abs(x - other_x), 0))
    count = jnp.sum(both, dtype=jnp.float32)
    return jnp.where(count > 0, jnp.minimum(total / jnp.maximum(count, 1), cap), cap)


def lane_gap(one: Lanes, other: Lanes, cap: float) -> jax.Array:
    """Returns the largest distance of a lane of ``one`` to the nearest lane of ``other``; not
    symmetric.

    Peng et al., 2021.

    Args:
      one: a detector's lanes.
      other: another detector's lanes.
      cap: the gap if only one of them finds lanes; if neither does, the gap is 0 (ours).
    """

    def to_nearest(x: jax.Array, seen: jax.Array) -> jax.Array:
        every = jax.vmap(lambda a, b: lane_distance(x, seen, a, b, cap))(other.x, other.seen)
        return jnp.min(every, initial=cap)

    there, others = (jnp.any(lanes.seen, -1) for lanes in (one, other))
    gap = jnp.max(jnp.where(there, jax.vmap(to_nearest)(one.x, one.seen), 0), initial=0.0)
    return jnp.where(jnp.any(there) == jnp.any(others), gap, cap)
