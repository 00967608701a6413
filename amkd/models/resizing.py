"""Resizes images inside a network, so that search, training, prediction and export agree."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

# Height and width at which a network sees images: one number for both, or ``(height, width)``; 0
# means their own size.
Side = int | tuple[int, int]


def seen_shape(shape: tuple[int, ...], side: Side) -> tuple[int, ...]:
    """Returns the shape ``(H, W, C)`` at which a network sees images.

    Args:
      shape: ``(H, W, C)`` of the images.
      side: height and width at which the network sees them.
    """
    if not side:
        return shape
    height, width = (side, side) if isinstance(side, int) else side
    return height, width, *shape[2:]


def resized(images: jax.Array, side: Side) -> jax.Array:
    """Resizes images bilinearly; when it shrinks them, every pixel counts (antialiased).

    It is linear in the pixels: the resized mix of two images is the mix of the resized images.

    Args:
      images: ``[B, H, W, C]`` of any data type.
      side: height and width wanted; 0 leaves the images unchanged.

    Returns:
      ``float32[B, height, width, C]``, not rounded to bytes; images that have this size already are
      returned unchanged, in their own data type.
    """
    wanted = seen_shape(images.shape[1:], side)[:2]
    if images.shape[1:3] == wanted:
        return images
    down, across = map(weights, images.shape[1:3], wanted)
    # Two matrix products: every backend and every export format computes them with the same result.
    pixels = images.astype(jnp.float32)
    rows = jnp.einsum("oh,bhwc->bowc", down, pixels, precision="highest")
    return jnp.einsum("pw,bowc->bopc", across, rows, precision="highest")


@lru_cache(maxsize=16)
def weights(length: int, side: int) -> np.ndarray:
    """Returns the weight of each pixel in each resized pixel, ``float32[side, length]``.

    The filter is a triangle. Its width is two resized pixels when it shrinks and two pixels when it
    enlarges. At the edges it is cut, and the rest is scaled to a sum of 1. This is
    ``jax.image.resize(..., "linear")``, and Pillow's ``BILINEAR`` before rounding.
    """
    scale = length / side
    width = max(scale, 1.0)
    centers = (np.arange(side) + 0.5) * scale
    distances = np.abs(centers[:, None] - (np.arange(length) + 0.5)) / width
    triangle = np.maximum(0.0, 1.0 - distances)
    return (triangle / triangle.sum(1, keepdims=True)).astype(np.float32)
