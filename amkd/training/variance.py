"""Variances that are predicted for each image from the student's features (PAD; Zhang et al.,
2020). Pure functions.

In each dimension, PAD divides the squared distance between the teacher's and the student's features
by a variance. A black box shows no features: there (ours) the distance is the divergence of the two
answers, and an image has one variance. Each variance is a linear layer and a normalisation over the
batch, trained with the student and dropped afterwards.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np

_EPSILON = 1e-5  # added to the variance over the batch
_MOST = 5.0  # bounds the log-variance: without it, the loss of a learned image has no lower bound
_GUARD = 1e-6  # added to the variances of dimensions (value of the reference)

Params = dict[str, chex.Array]


def init(features: int, rng: np.random.Generator, *dimensions: int) -> Params:
    """Returns the initial weights: a random direction, with no scale or shift after it.

    Args:
      features: number of features of an image, d.
      rng: source of the direction.
      *dimensions: number of variances of an image; if left out, there is one, without an axis.
    """
    kernel = rng.normal(0, features**-0.5, (features, *dimensions)).astype(np.float32)
    return {
        "kernel": kernel,
        "scale": np.ones(dimensions, np.float32),
        "bias": np.zeros(dimensions, np.float32),
    }


def logarithms(params: Params, features: jax.Array, weight: jax.Array, axis: str) -> jax.Array:
    """Returns the log-variances of a device's part of a batch, between -5 and 5; the normalisation
    is over all devices.

    Args:
      params: the parameters of one variance. The linear layer has no bias, because the
        normalisation would remove it.
      features: ``[b, d]``, the student's last features.
      weight: ``float32[b]``, 1, or 0 for a record that only fills the batch; such a record has no
        influence on the normalisation.
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
    """Returns ``d * exp(-s) + s`` of one image: twice a Gaussian's negative log-likelihood; it is
    lowest where s is ``ln d``.

    Args:
      distance: ``float32[]``, d.
      logarithm: ``float32[]``, s; the gradient also flows through it.
    """
    return distance * jnp.exp(-logarithm) + logarithm


def guarded_likelihood(distance: jax.Array, logarithm: jax.Array) -> jax.Array:
    """Returns ``d / (1e-6 + exp(s)) + s`` of one dimension of an image's features: the same, in
    PAD's form.

    Args:
      distance: ``float32[]``, d, squared.
      logarithm: ``float32[]``, s; the gradient also flows through it.
    """
    return distance / (_GUARD + jnp.exp(logarithm)) + logarithm
