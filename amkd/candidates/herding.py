"""Uncertainty herding: covers answered images, first those that the student has learned least (Bae
et al., 2024). Pure functions, and their compiled program.

The kernel is Gaussian: ``k(t, x) = exp(-|h_t - h_x|^2 / (2 s^2))``. s^2 is the mean, over the
targets, of the squared distance to the nearest other answered image. So the kernel becomes narrower
as more images are answered.
"""

import jax
import jax.numpy as jnp

from amkd.candidates.coverage import first_of_most, nearest, squared_distances, squared_lengths
from amkd.core.compilation import compiled

_State = tuple[jax.Array, jax.Array, jax.Array]  # bounds, place of the largest, last place computed


def similarity(squares: jax.Array, width: jax.Array | float) -> jax.Array:
    """Returns the kernel of squared distances ``float32[...]``, for s^2 = ``width``."""
    return jnp.exp(-squares / (2 * width))


def gain(near: jax.Array, uncertainty: jax.Array, covered: jax.Array) -> jax.Array:
    """Returns the gain of one image: ``mean_t uncertainty_t * max(0, near_t - covered_t)``.

    Args:
      near: ``float32[T]``, kernel of the image with every target.
      uncertainty: ``float32[T]``, weights of the targets, none below 0.
      covered: ``float32[T]``, the largest kernel of each target with the queried images.
    """
    return jnp.mean(uncertainty * jnp.maximum(near - covered, 0))


def greedy(
    points: jax.Array,
    targets: jax.Array,
    uncertainty: jax.Array,
    covered: jax.Array,
    width: jax.Array | float,
    k: int,
    block: int = 64,
) -> jax.Array:
    """Chooses, k times, the image with the largest :func:`gain`; it then covers the targets, too.

    A gain never rises when other images are chosen. So an old gain is an upper bound, and only the
    images with the largest bounds are computed again (Minoux, 1978). Memory is O(block * T + M).

    Args:
      points: ``float32[M, d]``.
      targets: ``float32[T, d]``.
      uncertainty: ``float32[T]``, weights of the targets, none below 0.
      covered: ``float32[T]``, see :func:`gain`.
      width: ``float32[]``, s^2, above 0.
      k: how many images to choose, at most M.
      block: number of images whose first gains are computed at once.

    Returns:
      ``int32[k]`` different places, in the order of choice; of equals the first is chosen.
    """
    lengths = squared_lengths(targets)

    def near(point: jax.Array) -> jax.Array:
        return similarity(squared_distances(targets, lengths, point), width)

    def step(
        state: tuple[jax.Array, jax.Array], _: None
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        covered = state[1]

        def refresh(at: _State) -> _State:
            bounds, place, _ = at
            bounds = bounds.at[place].set(gain(near(points[place]), uncertainty, covered))
            return bounds, first_of_most(bounds), place

        begin = refresh((state[0], first_of_most(state[0]), jnp.int32(-1)))
        bounds, place, _last = jax.lax.while_loop(lambda at: at[1] != at[2], refresh, begin)
        covered = jnp.maximum(covered, near(points[place]))
        return (bounds.at[place].set(-jnp.inf), covered), place

    first = jax.lax.map(lambda h: gain(near(h), uncertainty, covered), points, batch_size=block)
    # Many images at once are rounded differently from one: a bound must not be below its gain.
    return jax.lax.scan(step, (first * (1 + 2**-12) + 2**-24, covered), length=k)[1]


@compiled(static=("k",), precision="highest")
def cover(
    points: jax.Array, queried: jax.Array, places: jax.Array, uncertainty: jax.Array, k: int
) -> jax.Array:
    """Chooses k of M images so that they cover answered images.

    A target is covered by all other answered images, but not by itself, because its own answer is
    what the student has not learned.

    Args:
      points: ``float32[M, d]``, features of the images.
      queried: ``float32[Q, d]``, features of the answered images.
      places: ``int32[T]``, which of these are the targets.
      uncertainty: ``float32[T]``, weights of the targets, none below 0.
      k: how many images to choose, at most M.

    Returns:
      ``int32[k]`` places, in the order of choice; see :func:`greedy`.
    """
    mean = queried.mean(0, keepdims=True)  # squares relative to it lose little precision
    points, queried = points - mean, queried - mean
    targets = queried[places]
    away = nearest(targets, queried, own=places)
    width = jnp.mean(away)
    width = jnp.where((width > 0) & jnp.isfinite(width), width, 1.0)
    return greedy(points, targets, uncertainty, similarity(away, width), width, k)
