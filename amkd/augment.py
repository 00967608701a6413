"""Augmentation of one 8-bit image on the device; the teacher's answer to the plain image is kept.

Not in the paper's Algorithm 1, but in its released code: no extra query is spent.
"""

import jax
import jax.numpy as jnp


def crop(image: jax.Array, key: jax.Array, margin: int) -> jax.Array:
    """Pads with black by ``margin`` pixels and crops back at random: a shift of up to ``margin``.

    Args:
      image: ``uint8[H, W, C]``.
      key: randomness.
      margin: pixels; 0 leaves the image alone.
    """
    padded = jnp.pad(image, [(margin, margin), (margin, margin), (0, 0)])
    row, column = jax.random.randint(key, (2,), 0, 2 * margin + 1)
    return jax.lax.dynamic_slice(padded, (row, column, 0), image.shape)


def flip(image: jax.Array, key: jax.Array) -> jax.Array:
    """Mirrors left and right, every second time: ``uint8[H, W, C]`` to the same."""
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def augment(image: jax.Array, key: jax.Array, margin: int, flips: bool) -> jax.Array:
    """Random crop, then random flip, each if asked for.

    Args:
      image: ``uint8[H, W, C]``.
      key: randomness of this image in this step.
      margin: pixels of padding for the crop; 0 for none.
      flips: whether to mirror.
    """
    for_crop, for_flip = jax.random.split(key)
    if margin:
        image = crop(image, for_crop, margin)
    return flip(image, for_flip) if flips else image
