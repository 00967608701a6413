"""Forms of a convolution: the same numbers up to rounding, at very different speeds.

Accelerators get XLA's own. A CPU multiplies matrices at its full rate, and convolutions of few
channels or of tiny images at a small part of it; 3x3 convolutions of many channels can do with
fewer multiplications than they are defined by. A form splits a convolution into what depends on the
kernel alone, which a search does once, and the rest.
"""

from typing import Any, NamedTuple, Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

FORMS = ("plain", "training", "scoring")  # XLA's own everywhere; the fastest forms on a CPU

Edges = tuple[tuple[int, int], tuple[int, int]]  # zeros to add: (top, bottom), (left, right)

_ROWS = 2  # output rows in a block: what pooling by two reads
_FEW = 16  # channels, in and out, up to which a matrix with many zeros is the faster way
_MANY = 128  # channels, in and out, from which on Winograd's transforms of the pixels cost little


class Geometry(NamedTuple):
    """What a convolution is like.

    Attributes:
      size: height and width of the image.
      kernel: (h, w, C, O).
      stride: vertical and horizontal.
      edges: zeros to add.
      window: height, width and stride of the pooling that follows; 1 for none.
    """

    size: tuple[int, int]
    kernel: tuple[int, int, int, int]
    stride: int
    edges: Edges
    window: int

    @property
    def out(self) -> tuple[int, int]:
        """Height and width of the result, before pooling."""
        height, width = (
            (side + sum(edge) - kernel) // self.stride + 1
            for side, edge, kernel in zip(self.size, self.edges, self.kernel, strict=False)
        )
        return height, width


class Form(Protocol):
    """One way to compute a convolution."""

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Prepares what depends on the kernel ``[h, w, C, O]`` alone."""

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Maps ``[B, H, W, C]`` to ``[B, H', W', O]``; with pooling to follow, to its
        :func:`windows`.
        """


def choose(geometry: Geometry, form: str) -> Form:
    """Returns the fastest way that is known.

    Args:
      geometry: the geometry of the convolution.
      form: ``plain``, ``training`` or ``scoring``.
    """
    fewest, most = sorted(geometry.kernel[2:])
    if form != "plain" and most <= _FEW:
        return Banded(geometry, max(_ROWS, geometry.window))
    if form != "plain" and max(geometry.size) <= 2 and geometry.window == 1:
        return Banded(geometry, None)
    if form == "scoring" and fewest >= _MANY and Winograd.fits(geometry):
        return Winograd()
    return Direct(geometry)


def windows(x: jax.Array, size: int) -> jax.Array:
    """Puts the pixels of each pooling window on axis 2, so that max pooling is a maximum over it.

    Args:
      x: ``[B, H, W, C]``, H and W multiples of ``size``.
      size: height, width and stride of the windows.

    Returns:
      ``[B, H/size, size*size, W/size, C]``.
    """
    batch, height, width, channels = x.shape
    split = x.reshape(batch, height // size, size, width // size, size, channels)
    return split.transpose(0, 1, 2, 4, 3, 5).reshape(
        batch, height // size, size * size, width // size, channels
    )


class Direct(NamedTuple):
    """XLA's own."""

    geometry: Geometry

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Prepares nothing."""
        return kernel

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Calls ``lax.conv_general_dilated``."""
        of = self.geometry
        layout = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(
            x, prepared, (of.stride, of.stride), of.edges, dimension_numbers=layout
        )
        return windows(y, of.window) if of.window > 1 else y


class Banded(NamedTuple):
    """Computes each block of output rows by a product with one matrix.

    The matrix maps the input rows on which a block depends to the block. It repeats the kernel
    along its diagonals (a Toeplitz matrix) and is zero elsewhere.

    Attributes:
      geometry: the geometry of the convolution; its window is ``rows`` or 1, and divides the
        output.
      rows: output rows in a block; None for all, in one block.
    """

    geometry: Geometry
    rows: int | None

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Returns the matrix that maps the flattened input of a block to the flattened block."""
        of, width = self.geometry, self.geometry.out[1]
        above = of.edges[0][0] if self.rows is None else 0
        rows, reach = self._block()
        matrix = as_matrix(
            kernel, (reach, of.size[1]), (rows, width), of.stride, (above, of.edges[1][0])
        )
        if of.window == 1:
            return matrix
        # A window's pixels side by side cost nothing when the matrix's columns stand so.
        columns = matrix.reshape(-1, rows, width // of.window, of.window, of.kernel[3])
        return columns.transpose(0, 1, 3, 2, 4).reshape(matrix.shape)

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Computes the product for every block."""
        of, (height, width) = self.geometry, self.geometry.out
        rows, _ = self._block()
        blocks = -(-height // rows)
        y = self._parts(x, blocks).reshape(len(x), blocks, -1) @ prepared
        if of.window > 1:
            chex.assert_equal((rows, height % of.window, width % of.window), (of.window, 0, 0))
            return y.reshape(len(x), blocks, of.window**2, width // of.window, -1)
        return y.reshape(len(x), blocks * rows, width, -1)[:, :height]

    def _block(self) -> tuple[int, int]:
        """Returns the output rows in a block, and how many input rows it reads."""
        of = self.geometry
        if self.rows is None:
            return of.out[0], of.size[0]
        return self.rows, (self.rows - 1) * of.stride + of.kernel[0]

    def _parts(self, x: jax.Array, blocks: int) -> jax.Array:
        """Returns what each block reads: ``[B, blocks, reach, W, C]``."""
        if self.rows is None:
            return x[:, None]
        rows, reach = self._block()
        step, top = rows * self.geometry.stride, self.geometry.edges[0][0]
        below = max((blocks - 1) * step + reach - x.shape[1] - top, 0)
        padded = jnp.pad(x, [(0, 0), (top, below), (0, 0), (0, 0)])
        return jnp.stack([padded[:, b * step :][:, :reach] for b in range(blocks)], 1)


def as_matrix(
    kernel: jax.Array,
    inputs: tuple[int, int],
    outputs: tuple[int, int],
    stride: int,
    before: tuple[int, int],
) -> jax.Array:
    """Returns the matrix that takes a flattened input to the flattened output of a convolution.

    Args:
      kernel: ``[h, w, C, O]``.
      inputs: height and width of the input.
      outputs: height and width of the output.
      stride: vertical and horizontal.
      before: zeros above and to the left of the input.

    Returns:
      ``[H*W*C, H'*W'*O]``.
    """
    high, wide, channels, filters = kernel.shape
    taps = []
    for into, out, pad, size in zip(inputs, outputs, before, (high, wide), strict=True):
        tap = np.arange(into)[:, None] + pad - stride * np.arange(out)
        taps.append(np.where((tap >= 0) & (tap < size), tap, -1))
    rows, columns = taps[0][:, None, :, None], taps[1][None, :, None, :]
    # Taps outside of the kernel point at the block of zeros behind its last one.
    place = np.where((rows < 0) | (columns < 0), high * wide, rows * wide + columns)
    blocks = jnp.pad(kernel.reshape(-1, channels, filters), [(0, 1), (0, 0), (0, 0)])[place]
    return blocks.transpose(0, 1, 4, 2, 3, 5).reshape(inputs[0] * inputs[1] * channels, -1)


# F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section
# 4.1: what a row or a column of pixels, of the kernel and of products is multiplied by.
_PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
_KERNEL = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
_RESULT = ((1, 1, 1, 0), (0, 1, -1, -1))


class Winograd(NamedTuple):
    """3x3 kernels with 16 multiplications for 2x2 outputs instead of 36."""

    @staticmethod
    def fits(of: Geometry) -> bool:
        """Returns whether it can, and is known to be the faster way."""
        same = (
            of.edges == ((1, 1), (1, 1)) and of.stride == of.window == 1 and of.kernel[:2] == (3, 3)
        )
        return same and all(side % 2 == 0 and 4 <= side <= 16 for side in of.size)

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Returns the transformed kernel, ``[4, 4, C, O]``."""
        g = jnp.asarray(_KERNEL, kernel.dtype)
        return jnp.einsum("ah,bw,hwio->abio", g, g, kernel, precision=lax.Precision.HIGHEST)

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Computes sixteen products of matrices."""
        batch, height, width, channels = x.shape
        padded = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
        rows = _combined(_PIXELS, [padded[:, y : y + height - 1 : 2] for y in range(4)])
        pixels = [
            _combined(_PIXELS, [row[:, :, z : z + width - 1 : 2] for z in range(4)]) for row in rows
        ]
        flat = [[one.reshape(-1, channels) for one in row] for row in pixels]
        products = [[flat[a][b] @ prepared[a, b] for b in range(4)] for a in range(4)]
        across = [_combined(_RESULT, row) for row in products]
        y = [
            [_combined(_RESULT, [row[s] for row in across])[r] for s in range(2)] for r in range(2)
        ]
        tiles = jnp.stack([jnp.stack(row, 1) for row in y], 1).reshape(
            batch, height // 2, width // 2, 2, 2, -1
        )
        return tiles.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height, width, -1)


def _combined(weights: Any, parts: list[jax.Array]) -> list[jax.Array]:
    """Sums of the parts, each with its row of weights 1, 0 and -1."""
    sums = []
    for row in weights:
        total = None
        for weight, part in zip(row, parts, strict=True):
            if weight:
                signed = part if weight > 0 else -part
                total = signed if total is None else total + signed
        assert total is not None
        sums.append(total)
    return sums
