"""Mixing two images, and the weights of mixes (paper, eq. 2).

``lam`` is rounded to whole units of 1/65536: ``lam = w / 65536``. A float32 represents such a
``lam`` exactly, and the 8-bit mix ``rint(lam*x_i + (1-lam)*x_j)`` becomes integer
arithmetic, so that CPU, GPU, TPU and NumPy produce the same bytes. Those bytes are
sent to the teacher, are the key in the ledger, and train the student.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np

ONE = 65536  # the integer weight w of lam = 1


def lam_of(w: Any) -> Any:
    """Returns ``lam`` of integer weights, exactly: ``int32[...]`` to ``float32[...]``.

    For arrays of NumPy and of JAX.
    """
    return w.astype(np.float32) / np.float32(ONE)


def mix(a: jax.Array, b: jax.Array, lam: jax.Array) -> jax.Array:
    """Returns ``lam*a + (1-lam)*b``, unrounded (eq. 2). For the images or the activations of one
    pair.
    """
    chex.assert_equal_shape((a, b))
    return lam * a.astype(lam.dtype) + (1 - lam) * b.astype(lam.dtype)


def mix_image(
    x_i: jax.Array, x_j: jax.Array, w: jax.Array, as_released: jax.Array | bool = False
) -> jax.Array:
    """Returns the canonical 8-bit mix of one pair: ``rint(lam*x_i + (1-lam)*x_j)``, ties to even.

    Args:
      x_i: ``uint8[H, W, C]``.
      x_j: ``uint8[H, W, C]``.
      w: ``int32[]``, weight of ``x_i`` in units of 1/65536.
      as_released: ``bool[]``, whether to mix as the released code does (an ablation): values in
        [0, 1] are multiplied by 256 and cut off to 8 bits, so mixes are rounded down, and white
        becomes 0.

    Returns:
      ``uint8[H, W, C]``; for ``x_i == x_j`` the image itself for every ``w``, unless as released.
    """
    chex.assert_equal_shape((x_i, x_j))
    chex.assert_type([x_i, x_j, w], [jnp.uint8, jnp.uint8, jnp.int32])
    total = w * x_i.astype(jnp.int32) + (ONE - w) * x_j.astype(jnp.int32)
    whole, rest = total >> 16, total & (ONE - 1)
    up = (rest > ONE // 2) | ((rest == ONE // 2) & (whole % 2 == 1))
    rounded = whole + up.astype(jnp.int32)
    # v * 256 for v = mix / 255; below 2**31, and exact.
    released = (total // (255 * 256)) & 255
    return jnp.where(as_released, released, rounded).astype(jnp.uint8)


def mix_images(
    images: jax.Array,
    i: jax.Array,
    j: jax.Array,
    w: jax.Array,
    as_released: jax.Array | bool = False,
) -> jax.Array:
    """Returns the canonical mixes of many pairs; see :func:`mix_image`.

    Args:
      images: ``uint8[N, H, W, C]``.
      i: ``int32[B]``.
      j: ``int32[B]``.
      w: ``int32[B]``.
      as_released: ``bool[]``; see :func:`mix_image`.

    Returns:
      ``uint8[B, H, W, C]``.
    """
    return jax.vmap(lambda a, b, v: mix_image(a, b, v, as_released))(images[i], images[j], w)
