"""A variance for each image, which the student's features predict: the branch of PAD (Zhang et al., 2020). Pure.

PAD divides the squared distance between the teacher's and the student's features by it, dimension by dimension. A black
box shows no features: here (ours) the distance is the divergence of the two answers, and an image has one variance. The
branch is a linear layer and a normalisation over the batch. It is trained with the student, and is no part of it.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

_EPSILON = 1e-5  # added to the variance over the batch
_MOST = 5.0  # of a logarithm either way: without it, an image that is learned gains without end

Params = dict[str, jax.Array]


def init(features: int, rng: np.random.Generator) -> dict[str, Any]:
    """First weights of a branch for so many features: a random direction, and no scale or shift after it."""
    kernel = rng.normal(0, features**-0.5, features).astype(np.float32)
    return {"kernel": kernel, "scale": np.float32(1), "bias": np.float32(0)}


def logarithms(params: Params, features: jax.Array, weight: jax.Array, axis: str) -> jax.Array:
    """Log-variances of a device's share of a batch, within 5 of 0; the normalisation is over all devices.

    Args:
      params: of the branch. The linear layer has no bias: the normalisation would take it away.
      features: ``[b, d]``, the student's last.
      weight: ``float32[b]``, 1, or 0 for what only fills the batch, which has no part in the normalisation.
      axis: name of the device axis.

    Returns:
      ``float32[b]``.
    """
    chex.assert_rank([features, weight], [2, 1])
    raw = features.astype(jnp.float32) @ params["kernel"]
    count = jax.lax.psum(jnp.sum(weight), axis)
    centred = raw - jax.lax.psum(jnp.sum(weight * raw), axis) / count
    spread = jax.lax.psum(jnp.sum(weight * jnp.square(centred)), axis) / count
    normal = centred * jax.lax.rsqrt(spread + _EPSILON)
    return jnp.clip(params["scale"] * normal + params["bias"], -_MOST, _MOST)


def likelihood(distance: jax.Array, logarithm: jax.Array) -> jax.Array:
    """``d * exp(-s) + s`` of one image: twice a Gaussian's negative log-likelihood, least where s is ``ln d``.

    Args:
      distance: ``float32[]``, d.
      logarithm: ``float32[]``, s, through which the gradient flows, too.
    """
    return distance * jnp.exp(-logarithm) + logarithm
