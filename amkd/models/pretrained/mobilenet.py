"""MobileNetV3-Small (Howard et al., 2019): 2,542,856 parameters at 1,000 classes."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv
from amkd.models.pretrained.base import PretrainedNetwork
from amkd.models.pretrained.inverted_residual import InvertedResidual, Options, Shape

# Channels, size of the kernels, stride, expanded and squeezed channels, activation.
_STAGES = (
    (Shape(16, 3, 2, 0, 8, nn.relu),),
    (Shape(24, 3, 2, 72, 0, nn.relu), Shape(24, 3, 1, 88, 0, nn.relu)),
    (
        Shape(40, 5, 2, 96, 24, nn.hard_swish),
        Shape(40, 5, 1, 240, 64, nn.hard_swish),
        Shape(40, 5, 1, 240, 64, nn.hard_swish),
    ),
    (Shape(48, 5, 1, 120, 32, nn.hard_swish), Shape(48, 5, 1, 144, 40, nn.hard_swish)),
    (
        Shape(96, 5, 2, 288, 72, nn.hard_swish),
        Shape(96, 5, 1, 576, 144, nn.hard_swish),
        Shape(96, 5, 1, 576, 144, nn.hard_swish),
    ),
)


class ConvNormAct(nn.Module):
    """A 1x1 convolution, BatchNorm and hard swish."""

    features: int
    options: Options

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = Conv(self.features, 1, dtype=self.options.dtype, use_bias=False, name="conv")(x)
        return nn.hard_swish(self.options.norm("bn1")(x, use_running_average=not train))


class MobileNetV3Small(PretrainedNetwork):
    """A 3x3 convolution, eleven inverted residuals, and two 1x1 convolutions around the pooling."""

    last: ClassVar[str] = "classifier"

    def setup(self) -> None:
        options = Options(1e-5, False, self.form, self.dtype, self.axis_name)
        self.normalise = self._normalise()
        self.conv_stem = Conv(16, 3, stride=2, padding=1, dtype=self.dtype, use_bias=False)
        self.bn1 = options.norm()
        blocks: list[list[Any]] = [
            [InvertedResidual(shape, options) for shape in stage] for stage in _STAGES
        ]
        self.blocks: list[list[Any]] = [*blocks, [ConvNormAct(576, options)]]
        self.conv_head = Conv(1024, 1, dtype=self.dtype)
        self.classifier = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = self.normalise(self.seen(images))
        return self.bn1(self.conv_stem(pixels), use_running_average=not train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = nn.hard_swish(h)
        for stage in self.blocks:
            for block in stage:
                x = block(x, train)
        x = nn.hard_swish(self.conv_head(x.mean((1, 2), keepdims=True)))
        return jnp.squeeze(x, (1, 2))

    def head(self, features: jax.Array) -> jax.Array:
        return self.classifier(features).astype("float32")
