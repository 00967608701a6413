"""Convolutions of few channels or tiny images as one matrix product each.

A convolution is linear: between the rows of the input that reach a block of output rows, and that
block, it is a matrix that repeats the kernel along its diagonals (a Toeplitz matrix) and is zero
elsewhere. A CPU multiplies matrices at its full rate, and convolutions of three channels or of 2x2 images at a
small part of it, so that multiplying by the zeros is the cheaper way. Accelerators get XLA's own.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

_ROWS = 2  # output rows in a block: what pooling by two reads
_WIDEST = 16  # of few channels: no more go in and out than this


def convolve(
    x: jax.Array,
    kernel: jax.Array,
    strides: Any,
    padding: Any,
    *,
    window: int = 1,
    matrices: bool = True,
    **options: Any,
) -> jax.Array:
    """Stands in for ``lax.conv_general_dilated`` in a Flax layer: the same numbers, up to rounding.

    Args:
      x: ``[B, H, W, C]``.
      kernel: ``[h, w, C, O]``.
      strides: vertical and horizontal.
      padding: as ``lax.conv_general_dilated`` takes it.
      window: height, width and stride of the pooling that follows; 1 for none.
      matrices: whether products of matrices are preferred where they are faster on a CPU.
      **options: of ``lax.conv_general_dilated``; no dilation or groups with a matrix.

    Returns:
      ``[B, H', W', O]``; with a window, what it compares side by side: see :func:`windows`.
    """
    chex.assert_rank([x, kernel], 4)
    edges = padding
    if isinstance(padding, str):
        edges = lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], strides, padding)
    if matrices and max(kernel.shape[2:]) <= _WIDEST:
        return banded(x, kernel, strides, edges, max(_ROWS, window), window)
    if matrices and max(x.shape[1:3]) <= 2 and window == 1:
        return banded(x, kernel, strides, edges, None)
    y = lax.conv_general_dilated(x, kernel, strides, padding, **options)
    return windows(y, window) if window > 1 else y


def windows(x: jax.Array, size: int) -> jax.Array:
    """The pixels that pooling by ``size`` compares, side by side: its maximum is one over axis 2.

    Args:
      x: ``[B, H, W, C]``, H and W multiples of ``size``.
      size: height, width and stride of the windows.

    Returns:
      ``[B, H/size, size*size, W/size, C]``.
    """
    batch, height, width, channels = x.shape
    split = x.reshape(batch, height // size, size, width // size, size, channels)
    return split.transpose(0, 1, 2, 4, 3, 5).reshape(batch, height // size, size * size, width // size, channels)


def banded(x: jax.Array, kernel: jax.Array, strides: Any, edges: Any, rows: int | None, window: int = 1) -> jax.Array:
    """The convolution a block of output rows at a time.

    Args:
      x: ``[B, H, W, C]``.
      kernel: ``[h, w, C, O]``.
      strides: vertical and horizontal.
      edges: zeros to add, ((top, bottom), (left, right)).
      rows: output rows in a block; None for all, one block.
      window: as in :func:`convolve`; ``rows``, then, and it divides H' and W'.

    Returns:
      ``[B, H', W', O]``, or its windows.
    """
    down, across = strides
    (top, bottom), (left, right) = edges
    height = (x.shape[1] + top + bottom - kernel.shape[0]) // down + 1
    width = (x.shape[2] + left + right - kernel.shape[1]) // across + 1
    if rows is None:
        blocks, reach, start = 1, x.shape[1], top
        parts = x[:, None]
        rows = height
    else:
        blocks, reach, start = -(-height // rows), (rows - 1) * down + kernel.shape[0], 0
        below = max((blocks - 1) * rows * down + reach - x.shape[1] - top, 0)
        padded = jnp.pad(x, [(0, 0), (top, below), (0, 0), (0, 0)])
        parts = jnp.stack([padded[:, b * rows * down :][:, :reach] for b in range(blocks)], 1)
    matrix = as_matrix(kernel, (reach, x.shape[2]), (rows, width), strides, (start, left))
    if window > 1:  # a window's pixels side by side cost nothing when the matrix's columns stand so
        chex.assert_equal((rows, height % window, width % window), (window, 0, 0))
        columns = matrix.reshape(-1, rows, width // window, window, kernel.shape[3])
        matrix = columns.transpose(0, 1, 3, 2, 4).reshape(matrix.shape)
        result = parts.reshape(x.shape[0], blocks, -1) @ matrix
        return result.reshape(x.shape[0], blocks, window * window, width // window, -1)
    result = parts.reshape(x.shape[0], blocks, -1) @ matrix
    return result.reshape(x.shape[0], blocks * rows, width, -1)[:, :height]


def as_matrix(
    kernel: jax.Array, inputs: tuple[int, int], outputs: tuple[int, int], strides: Any, before: tuple[int, int]
) -> jax.Array:
    """The matrix that takes a flattened input to the flattened output of a convolution.

    Args:
      kernel: ``[h, w, C, O]``.
      inputs: height and width of the input.
      outputs: height and width of the output.
      strides: vertical and horizontal.
      before: zeros above and to the left of the input.

    Returns:
      ``[H*W*C, H'*W'*O]``.
    """
    high, wide, channels, filters = kernel.shape
    taps = []
    for into, out, stride, pad, size in zip(inputs, outputs, strides, before, (high, wide), strict=True):
        tap = np.arange(into)[:, None] + pad - stride * np.arange(out)
        taps.append(np.where((tap >= 0) & (tap < size), tap, -1))
    rows, columns = taps[0][:, None, :, None], taps[1][None, :, None, :]
    # Taps outside of the kernel point at the block of zeros behind its last one.
    place = np.where((rows < 0) | (columns < 0), high * wide, rows * wide + columns)
    blocks = jnp.pad(kernel.reshape(-1, channels, filters), [(0, 1), (0, 0), (0, 0)])[place]
    return blocks.transpose(0, 1, 4, 2, 3, 5).reshape(inputs[0] * inputs[1] * channels, -1)
