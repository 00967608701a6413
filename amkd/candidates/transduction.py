"""Transductive variance: the choice that leaves the smallest variance at given targets, under a
Gaussian model of the student's last layer (VTL; Hübotter et al., 2024). Pure functions, and their
compiled program.

A logit is ``<v, h>``, with features h and random weights v. Its covariance between two images is
``<h, S h'>``, where S, ``[d, d]``, is the covariance of the weights. A score depends on the targets
t only through ``A = mean_t h_t h_t^T``, ``[d, d]``. So neither the covariances of all candidates
nor their covariances with all targets are kept in memory: memory is O(M d + d^2). All classes have
the same S, and count as one.
"""

import jax
import jax.numpy as jnp
import numpy as np

from amkd.candidates.coverage import first_of_most
from amkd.core.compilation import compiled

_ROWS = 4096  # features multiplied at once in float64

_State = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def second_moment(features: np.ndarray) -> np.ndarray:
    """Returns ``sum_m h_m h_m^T`` of features ``float32[M, d]``, computed one block at a time:
    ``float64[d, d]``.
    """
    found = np.zeros((features.shape[-1],) * 2)
    for start in range(0, len(features), _ROWS):
        block = features[start : start + _ROWS].astype(np.float64)
        found += block.T @ block
    return found


def posterior(queried: np.ndarray, noise: float) -> np.ndarray:
    """Returns the covariance of the weights after images were answered, with the prior I.

    Args:
      queried: ``float32[Q, d]``, features of the answered images.
      noise: variance of an answer's logit around its value, s^2.

    Returns:
      ``float64[d, d]``.
    """
    precision = np.eye(queried.shape[-1]) + second_moment(queried) / noise
    found: np.ndarray = np.linalg.inv(precision)
    return (found + found.T) / 2


def variances(point: jax.Array, covariance: jax.Array, need: jax.Array) -> jax.Array:
    """Returns the variance of one image's logit, and the mean over the targets of its squared
    covariance with the target's logit: ``float32[2]``.

    Args:
      point: ``float32[d]``, features h of the image.
      covariance: ``float32[d, d]``, S.
      need: ``float32[d, d]``, A.
    """
    own = covariance @ point
    return jnp.stack([point @ own, own @ (need @ own)])


def greedy(
    points: jax.Array,
    covariance: jax.Array,
    need: jax.Array,
    noise: jax.Array | float,
    k: int,
    anew: int = 64,
    block: int = 1024,
) -> jax.Array:
    """Chooses, k times, the image that lowers the mean variance at the targets most, as if it were
    answered immediately.

    The score of x is ``mean_t Cov(t, x)^2 / (Var(x) + s^2)``. Of equals the first is chosen.

    Args:
      points: ``float32[M, d]``.
      covariance: ``float32[d, d]``, S before any of them is answered.
      need: ``float32[d, d]``, A.
      noise: ``float32[]``, s^2, above 0.
      k: how many images to choose, at most M.
      anew: number of choices after which the variances are computed again from S. In between, each
        choice is a rank-one update, which adds a little rounding error.
      block: number of images whose variances are computed at once.

    Returns:
      ``int32[k]`` different places, in the order of choice.
    """
    anew = min(anew, k)

    def step(state: _State, _: None) -> tuple[_State, jax.Array]:
        covariance, free, variance, shared = state
        place = first_of_most(jnp.where(free, shared / (variance + noise), -jnp.inf))
        own = covariance @ points[place]
        total = own @ points[place] + noise
        needed = need @ own
        with_own, with_needed = points @ own, points @ (covariance @ needed)
        part = with_own / total
        variance = jnp.maximum(variance - part * with_own, 0)
        shared = shared - 2 * part * with_needed + jnp.square(part) * (own @ needed)
        covariance = covariance - own[:, None] * (own / total)[None]
        return (covariance, free.at[place].set(False), variance, jnp.maximum(shared, 0)), place

    def steps(
        state: tuple[jax.Array, jax.Array], _: None
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        covariance, free = state
        both = jax.lax.map(lambda h: variances(h, covariance, need), points, batch_size=block)
        after, places = jax.lax.scan(step, (covariance, free, both[:, 0], both[:, 1]), length=anew)
        return after[:2], places

    begin = covariance, jnp.ones(len(points), bool)
    return jax.lax.scan(steps, begin, length=-(-k // anew))[1].reshape(-1)[:k]


@compiled(static=("k",), precision="highest")
def least_variance(
    points: jax.Array, covariance: jax.Array, need: jax.Array, noise: jax.Array | float, k: int
) -> jax.Array:
    """Chooses k of M images by features ``float32[M, d]``; see :func:`greedy`."""
    return greedy(points, covariance, need, noise, k)
