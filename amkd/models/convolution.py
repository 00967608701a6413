"""Forms of a convolution: the same numbers up to rounding, at very different speeds.

Accelerators get XLA's own form. A CPU multiplies matrices at its full rate, but computes
convolutions of few channels or of tiny images at a small part of that rate; 3x3 convolutions of
many channels need fewer multiplications than their definition has. A form splits a convolution into
a part that depends only on the kernel, which a search computes once, and the rest.
"""

from typing import Any, NamedTuple, Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

FORMS = ("plain", "training", "scoring")  # XLA's own form everywhere; the fastest forms on a CPU

Edges = tuple[tuple[int, int], tuple[int, int]]  # zeros to add: (top, bottom), (left, right)

_ROWS = 2  # output rows in a block: pooling by two reads two rows
_FEW = 16  # up to so many channels, in and out, a matrix with many zeros is the fastest form
_MANY = 128  # from so many channels, in and out, Winograd's transforms of the pixels cost little


class Geometry(NamedTuple):
    """The shape parameters of a convolution.

    Attributes:
      size: height and width of the image.
      kernel: (h, w, C, O).
      stride: vertical and horizontal stride.
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
        """Returns height and width of the result, before pooling."""
        height, width = (
            (side + sum(edge) - kernel) // self.stride + 1
            for side, edge, kernel in zip(self.size, self.edges, self.kernel, strict=False)
        )
        return height, width


class Form(Protocol):
    """A method to compute a convolution."""

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Prepares the part that depends only on the kernel ``[h, w, C, O]``."""

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Maps ``[B, H, W, C]`` to ``[B, H', W', O]``; if pooling follows, to the :func:`windows`
        of this result.
        """


def choose(geometry: Geometry, form: str) -> Form:
    """Returns the fastest known form.

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
    """XLA's own form."""

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
      rows: output rows in a block; None for all rows in one block.
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
        # With this order of the columns, a window's pixels become adjacent at no extra cost.
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
        """Returns how many output rows a block has, and how many input rows it reads."""
        of = self.geometry
        if self.rows is None:
            return of.out[0], of.size[0]
        return self.rows, (self.rows - 1) * of.stride + of.kernel[0]

    def _parts(self, x: jax.Array, blocks: int) -> jax.Array:
        """Returns the input rows of each block: ``[B, blocks, reach, W, C]``."""
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
      stride: vertical and horizontal stride.
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
    # Taps outside the kernel point at the block of zeros after the kernel's last block.
    place = np.where((rows < 0) | (columns < 0), high * wide, rows * wide + columns)
    blocks = jnp.pad(kernel.reshape(-1, channels, filters), [(0, 1), (0, 0), (0, 0)])[place]
    return blocks.transpose(0, 1, 4, 2, 3, 5).reshape(inputs[0] * inputs[1] * channels, -1)


# F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section
# 4.1: the factors for a row or a column of the pixels, of the kernel and of the products.
_PIXELS = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
_KERNEL = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
_RESULT = ((1, 1, 1, 0), (0, 1, -1, -1))


class Winograd(NamedTuple):
    """Computes 2x2 outputs of a 3x3 kernel with 16 multiplications instead of 36."""

    @staticmethod
    def fits(of: Geometry) -> bool:
        """Returns whether this form can compute the convolution and is known to be faster."""
        same = (
            of.edges == ((1, 1), (1, 1)) and of.stride == of.window == 1 and of.kernel[:2] == (3, 3)
        )
        return same and all(side % 2 == 0 and 4 <= side <= 16 for side in of.size)

    def prepare(self, kernel: jax.Array) -> jax.Array:
        """Returns the transformed kernel, ``[4, 4, C, O]``."""
        g = jnp.asarray(_KERNEL, kernel.dtype)
        return jnp.einsum("ah,bw,hwio->abio", g, g, kernel, precision=lax.Precision.HIGHEST)

    def apply(self, x: jax.Array, prepared: jax.Array) -> jax.Array:
        """Computes sixteen matrix products."""
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
    """Returns sums of the parts, one for each row of weights 1, 0 and -1."""
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
