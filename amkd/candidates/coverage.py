"""Methods that cover points by a few of them: greedy k-center (Sener and Savarese, 2018), and
greedy choice by worth and reverse neighbours (Peng et al., 2021). Pure functions, and their
compiled programs.
"""

import chex
import jax
import jax.numpy as jnp

from amkd.core.compilation import compiled


def squared_distances(points: jax.Array, squares: jax.Array, center: jax.Array) -> jax.Array:
    """Returns the squared distance of every point to one center, by a product of matrix and vector,
    which is fast and reads the points only once.

    Args:
      points: ``float32[M, d]``.
      squares: ``float32[M]``, squared lengths of the points.
      center: ``float32[d]``.

    Returns:
      ``float32[M]``, never below 0.
    """
    return jnp.maximum(squares + jnp.sum(jnp.square(center)) - 2 * (points @ center), 0)


def squared_lengths(points: jax.Array) -> jax.Array:
    """Returns the squared length of every point: ``float32[M, d]`` to ``float32[M]``."""
    return jnp.sum(jnp.square(points), -1)


def nearest(
    points: jax.Array, centers: jax.Array, block: int = 128, own: jax.Array | None = None
) -> jax.Array:
    """Returns the squared distance of every point to the nearest center, ``float32[M]``; infinite
    if there is no center.

    Args:
      points: ``float32[M, d]``.
      centers: ``float32[A, d]``.
      block: number of centers at a time, so that memory is O(block * M).
      own: ``int32[M]``, if the points are centers, too: the place of each point among the centers,
        so that a point does not count as its own nearest center.
    """
    chex.assert_rank([points, centers], 2)
    room = -len(centers) % block
    far = jnp.pad(squared_lengths(centers), (0, room), constant_values=jnp.inf).reshape(-1, block)
    blocks = jnp.pad(centers, ((0, room), (0, 0))).reshape(-1, block, points.shape[-1])

    places = jnp.arange(far.size, dtype=jnp.int32).reshape(far.shape)

    def step(
        least: jax.Array, some: tuple[jax.Array, jax.Array, jax.Array]
    ) -> tuple[jax.Array, None]:
        of, squares, place = some
        # First the minimum over the block: each point's own square is the same for all of it.
        away = squares[None] - 2 * (points @ of.T)
        if own is not None:
            away = jnp.where(place[None] == own[:, None], jnp.inf, away)
        return jnp.minimum(least, jnp.min(away, 1)), None

    none = jnp.full(len(points), jnp.inf, jnp.float32)
    least = jax.lax.scan(step, none, (blocks, far, places))[0]
    return jnp.maximum(least + squared_lengths(points), 0)


def first_of_most(values: jax.Array) -> jax.Array:
    """Returns the first place of the largest value, ``int32[]``.

    This is ``argmax`` as two reductions, which XLA vectorises on a CPU.
    """
    places = jnp.arange(len(values), dtype=jnp.int32)
    return jnp.min(jnp.where(values == jnp.max(values), places, len(values)))


def farthest(points: jax.Array, least: jax.Array, k: int) -> jax.Array:
    """Chooses, k times, the point farthest from all centers; the point then becomes a center
    (greedy k-center).

    The covering radius is at most twice the smallest possible one. Of equals the first is chosen,
    where equal distances are not rounded differently; a chosen point is not chosen again.

    Args:
      points: ``float32[M, d]``.
      least: ``float32[M]``, squared distances to the nearest center so far.
      k: how many points to choose, at most M.

    Returns:
      ``int32[k]`` places, in the order of choice.
    """
    squares = squared_lengths(points)

    def step(least: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        place = first_of_most(least)
        least = jnp.minimum(least, squared_distances(points, squares, points[place]))
        # -1 is below every distance; 0 may be the distance of another point.
        return least.at[place].set(-1), place

    return jax.lax.scan(step, least, length=k)[1]


@compiled(static=("k",), precision="highest")
def k_center(points: jax.Array, centers: jax.Array, k: int) -> jax.Array:
    """Chooses k points of ``float32[M, d]``, away from centers ``float32[A, d]``, by greedy
    k-center.

    Returns:
      ``int32[k]`` places, in the order of choice; see :func:`farthest`.
    """
    # Distances are differences of squares. Relative to the mean these are small: little precision
    # is lost.
    mean = points.mean(0, keepdims=True)
    return farthest(points - mean, nearest(points - mean, centers - mean), k)


def neighbours(points: jax.Array, k: int, block: int = 256) -> jax.Array:
    """Returns the k nearest other points of each point: ``float32[M, d]`` to ``int32[M, k]``; of
    equals the first are taken.

    It computes one block of points at a time, so that memory is O(block * M).

    Args:
      points: ``float32[M, d]``.
      k: how many neighbours, below M.
      block: number of points at a time.
    """
    count = len(points)
    places = jnp.arange(-(-count // block) * block, dtype=jnp.int32) % count

    squares = squared_lengths(points)

    def some(place: jax.Array) -> jax.Array:
        distances = squared_distances(points, squares, points[place]).at[place].set(jnp.inf)
        return jax.lax.top_k(-distances, k)[1].astype(jnp.int32)

    return jax.lax.map(jax.vmap(some), places.reshape(-1, block)).reshape(len(places), k)[:count]


def greedy(worth: jax.Array, near: jax.Array, beta: jax.Array | float, k: int) -> jax.Array:
    """Chooses, k times, the point with the largest
    ``worth + beta * |reverse neighbours not yet chosen|``.

    This is Alg. 1 of Peng et al., 2021. p is a reverse neighbour of q if q is among the nearest
    neighbours of p. Of equals the first is chosen.

    Args:
      worth: ``float32[M]``.
      near: ``int32[M, n]``, the nearest other points of each point.
      beta: weight of the diversity.
      k: how many points to choose, at most M.

    Returns:
      ``int32[k]`` places, in the order of choice.
    """
    chex.assert_rank(near, 2)
    reverse = jnp.zeros(len(worth), jnp.float32).at[near.reshape(-1)].add(1.0)

    def step(
        state: tuple[jax.Array, jax.Array], _: None
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        worth, reverse = state
        place = first_of_most(worth + beta * reverse)
        # The chosen point no longer counts as a reverse neighbour of its own nearest points.
        return (worth.at[place].set(-jnp.inf), reverse.at[near[place]].add(-1.0)), place

    return jax.lax.scan(step, (worth, reverse), length=k)[1]


@compiled(static=("count", "k"), precision="highest")
def worthy_and_diverse(
    worth: jax.Array, points: jax.Array, beta: jax.Array | float, count: int, k: int
) -> jax.Array:
    """Chooses by worth ``float32[M]`` and the reverse neighbours among points ``float32[M, d]``.

    Args:
      worth: the worth of each point.
      points: the positions of the points.
      beta: ``float32[]``, weight of the diversity.
      count: number of neighbours of each point.
      k: how many points to choose.

    Returns:
      ``int32[k]`` places, in the order of choice; see :func:`greedy`.
    """
    return greedy(worth, neighbours(points - points.mean(0, keepdims=True), count), beta, k)
