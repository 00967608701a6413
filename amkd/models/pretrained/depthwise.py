"""Depthwise convolutions: each channel is convolved separately.

On a CPU, XLA computes them in its slowest form: 26 to 69 times slower than a sum of shifted images
at 28 to 112 pixels, and 2 times slower at 7 pixels (forward, batch of 8, 2 cores). Accelerators get
XLA's own form.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax


class DepthwiseConv(nn.Module):
    """A separate convolution of each channel; parameters are those of ``nn.Conv`` with
    ``feature_group_count=C``.

    Attributes:
      size: height and width of the kernels, odd.
      stride: vertical and horizontal stride.
      padding: the number of zeros on every side, or SAME, which adds one more zero below and to the
        right.
      use_bias: whether a bias is added.
      form: see :class:`amkd.models.layers.Network`; ``plain`` is XLA's own form.
      dtype: data type of the computation.
    """

    size: int
    stride: int = 1
    padding: int | str = 0
    use_bias: bool = False
    form: str = "plain"
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels, size, stride = x.shape[-1], self.size, self.stride
        init = nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")
        kernel = self.param("kernel", init, (size, size, 1, channels)).astype(self.dtype)
        x = jnp.pad(x.astype(self.dtype), [(0, 0), *edges(x, size, stride, self.padding), (0, 0)])
        y = xla_conv(x, kernel, stride) if self.form == "plain" else shifted(x, kernel, stride)
        if not self.use_bias:
            return y
        bias = self.param("bias", nn.initializers.zeros, (channels,)).astype(self.dtype)
        return y + bias.reshape(1, 1, 1, -1)


def edges(x: jax.Array, size: int, stride: int, padding: int | str) -> list[tuple[int, int]]:
    """Returns the numbers of zeros to add to height and width of ``[B, H, W, C]``."""
    if isinstance(padding, int):
        return [(padding, padding)] * 2
    return list(lax.padtype_to_pads(x.shape[1:3], (size, size), (stride, stride), padding))


def xla_conv(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Convolves ``[B, H, W, C]`` with ``[h, w, 1, C]``, without padding, in XLA's own form."""
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def shifted(x: jax.Array, kernel: jax.Array, stride: int) -> jax.Array:
    """Returns the result of :func:`xla_conv`, computed as a sum of shifted images."""
    total: Any = 0
    for row, column, part in _parts(x, kernel.shape[0], stride):
        total = total + part * kernel[row, column].reshape(1, 1, 1, -1)
    return total


def _forward(x: jax.Array, kernel: jax.Array, stride: int) -> tuple[jax.Array, Any]:
    return shifted(x, kernel, stride), (x, kernel)


def _backward(stride: int, saved: Any, g: jax.Array) -> tuple[jax.Array, jax.Array]:
    # Written by hand: the automatic derivative pads each of the shifted images.
    x, kernel = saved
    size = len(kernel)
    sums = [(part * g).sum((0, 1, 2)) for _, _, part in _parts(x, size, stride)]
    rest = [
        side - (got - 1) * stride - 1 for side, got in zip(x.shape[1:3], g.shape[1:3], strict=True)
    ]
    around = [(0, 0, 0), *((size - 1, more, stride - 1) for more in rest), (0, 0, 0)]
    spread = lax.pad(g, jnp.zeros((), g.dtype), around)
    return shifted(spread, kernel[::-1, ::-1], 1), jnp.stack(sums).reshape(kernel.shape)


shifted.defvjp(_forward, _backward)


def _parts(x: jax.Array, size: int, stride: int) -> list[tuple[int, int, jax.Array]]:
    """Returns row and column of each tap of the kernel, and the pixels that it multiplies."""
    height, width = (side - size + 1 for side in x.shape[1:3])
    return [
        (row, column, x[:, row : row + height : stride, column : column + width : stride])
        for row in range(size)
        for column in range(size)
    ]
