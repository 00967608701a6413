"""Layers that the networks share."""

import chex
import jax
import jax.numpy as jnp
from flax import linen as nn


def to_unit(images: jax.Array, dtype: jnp.dtype) -> jax.Array:
    """8-bit pixels to [0, 1]: the only input normalisation, and part of the network."""
    return images.astype(dtype) / 255


def max_pool(x: jax.Array, window: int, stride: int) -> jax.Array:
    """Max pooling without padding of ``[B, H, W, C]``, as a maximum of strided slices.

    XLA on CPU vectorises this form and not its own window reduction: it doubles the whole
    LeNet-5-half's speed in scoring.
    """
    chex.assert_rank(x, 4)
    height, width = (size - window + 1 for size in x.shape[1:3])
    result = None
    for row in range(window):
        for column in range(window):
            part = x[:, row : row + height : stride, column : column + width : stride]
            result = part if result is None else jnp.maximum(result, part)
    assert result is not None
    return result


def local_response_norm(x: jax.Array) -> jax.Array:
    """``x_c / (1 + 1e-4 * sum over |d|<=2 of x_{c+d}**2) ** .75``; the sum is not averaged."""
    squares = jnp.pad(jnp.square(x), [(0, 0)] * (x.ndim - 1) + [(2, 2)])
    channels = x.shape[-1]
    total = sum(squares[..., d : d + channels] for d in range(5))
    root = jnp.sqrt(1 + 1e-4 * total)
    return x / (root * jnp.sqrt(root))  # t**.75 without a power


def dropout(x: jax.Array, rate: float, keys: jax.Array, layer: int) -> jax.Array:
    """Dropout with one key per image, so that the mask does not depend on the device count.

    Args:
      x: ``[B, ...]``.
      rate: share of values set to zero.
      keys: ``key[B]``.
      layer: number of the layer in its network, to give each its own mask.
    """

    def one(value: jax.Array, key: jax.Array) -> jax.Array:
        keep = jax.random.bernoulli(jax.random.fold_in(key, layer), 1 - rate, value.shape)
        return jnp.where(keep, value / (1 - rate), 0)

    return jax.vmap(one)(x, keys)


class Network(nn.Module):
    """What every network here is: an affine stem, then the rest.

    ``stem`` ends with the first layers that are affine in the pixels (in inference mode),
    ``trunk`` is the rest; calling the network runs both. Scoring mixes in between.

    Attributes:
      classes: number of classes Y.
      dtype: type of the computation; parameters and logits are always float32.
    """

    classes: int
    dtype: jnp.dtype = jnp.float32

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        """``uint8[B, H, W, C]`` to activations ``[B, ...]``."""
        raise NotImplementedError

    def trunk(self, h: jax.Array, train: bool = False, keys: jax.Array | None = None) -> jax.Array:
        """Activations ``[B, ...]`` to logits ``float32[B, Y]``; ``keys`` is ``key[B]`` for dropout."""
        raise NotImplementedError

    def __call__(self, images: jax.Array, train: bool = False, keys: jax.Array | None = None) -> jax.Array:
        """``uint8[B, H, W, C]`` to logits ``float32[B, Y]``."""
        return self.trunk(self.stem(images, train), train, keys)
