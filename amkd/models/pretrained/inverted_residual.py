"""Inverted residual blocks (Sandler et al., 2018): the blocks of EfficientNet and MobileNetV3."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv
from amkd.models.pretrained.depthwise import DepthwiseConv

_init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class Shape(NamedTuple):
    """The parameters of one block.

    Attributes:
      out: channels of the result.
      size: height and width of the depthwise kernels.
      stride: the stride of the depthwise convolution.
      expanded: channels of the depthwise convolution; 0 for the channels of the input, without a
        1x1 convolution before it.
      squeezed: channels inside the squeeze-and-excitation; 0 for none.
      act: the activation.
    """

    out: int
    size: int
    stride: int
    expanded: int
    squeezed: int
    act: Callable[[jax.Array], jax.Array]


class Options(NamedTuple):
    """The parameters that all blocks of a network share.

    Attributes:
      epsilon: the epsilon of BatchNorm.
      same: whether padding is TensorFlow's SAME; otherwise it is equal on all sides.
      form: see :class:`amkd.models.layers.Network`.
      dtype: data type of the computation.
      axis_name: see :class:`amkd.models.layers.Network`.
    """

    epsilon: float
    same: bool
    form: str
    dtype: jnp.dtype
    axis_name: str | None

    def norm(self, name: str | None = None) -> nn.BatchNorm:
        """Returns a BatchNorm; in ``setup`` it gets the name of its attribute."""
        return nn.BatchNorm(
            momentum=0.9,
            epsilon=self.epsilon,
            dtype=self.dtype,
            axis_name=self.axis_name,
            name=name,
        )

    def padding(self, size: int) -> int | str:
        """Returns the padding of a convolution with kernels of this height and width."""
        return "SAME" if self.same else size // 2


class SqueezeExcite(nn.Module):
    """Weights the channels; a small network computes the weights from their means (Hu et al.,
    2018).
    """

    squeezed: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = partial(Conv, size=1, dtype=self.dtype, kernel_init=_init)
        y = x.mean((1, 2), keepdims=True)
        y = nn.relu(conv(self.squeezed, name="conv_reduce")(y))
        return x * nn.hard_sigmoid(conv(x.shape[-1], name="conv_expand")(y))


class InvertedResidual(nn.Module):
    """A 1x1 convolution to more channels, a depthwise one, and a 1x1 one to fewer channels; with a
    shortcut if the shapes allow it.
    """

    shape: Shape
    options: Options

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        of, options = self.shape, self.options
        conv = partial(Conv, size=1, dtype=options.dtype, use_bias=False, kernel_init=_init)
        numbers = iter(range(1, 4))

        def norm(y: jax.Array) -> jax.Array:
            return options.norm(f"bn{next(numbers)}")(y, use_running_average=not train)

        y = x
        if of.expanded:
            y = of.act(norm(conv(of.expanded, name="conv_pw")(y)))
        depthwise = DepthwiseConv(
            of.size,
            of.stride,
            options.padding(of.size),
            form=options.form,
            dtype=options.dtype,
            name="conv_dw",
        )
        y = of.act(norm(depthwise(y)))
        if of.squeezed:
            y = SqueezeExcite(of.squeezed, options.dtype, name="se")(y)
        y = norm(conv(of.out, name="conv_pwl" if of.expanded else "conv_pw")(y))
        return x + y if x.shape == y.shape else y
