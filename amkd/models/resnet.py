"""ResNet-18 for small images (11,173,962 parameters at 10 classes) and for 224x224 images."""

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv, Network, max_pool, to_unit

_init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    width: int
    stride: int
    form: str
    dtype: jnp.dtype
    axis_name: str | None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = partial(Conv, form=self.form, dtype=self.dtype, use_bias=False, kernel_init=_init)
        norm = partial(
            nn.BatchNorm,
            use_running_average=not train,
            momentum=0.9,
            epsilon=1e-5,
            dtype=self.dtype,
            axis_name=self.axis_name,
        )
        y = nn.relu(norm()(conv(self.width, 3, stride=self.stride, padding=1)(x)))
        y = norm()(conv(self.width, 3, padding=1)(y))
        if x.shape != y.shape:
            x = norm()(conv(self.width, 1, stride=self.stride)(x))
        return nn.relu(x + y)


class ResNet18(Network):
    """Eight residual blocks.

    Attributes:
      large: False: a 3x3 first convolution, for images of about 32 pixels; True: a 7x7 one with
        stride 2, followed by a pooling, for images of about 224 pixels.
    """

    large: bool = False

    last: ClassVar[str] = "fc"

    def setup(self) -> None:
        size, stride = (7, 2) if self.large else (3, 1)
        conv = partial(Conv, form=self.form, dtype=self.dtype, use_bias=False, kernel_init=_init)
        self.conv1 = conv(64, size, stride=stride, padding=size // 2)
        self.norm1 = nn.BatchNorm(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype, axis_name=self.axis_name
        )
        self.blocks = [
            Block(width, 2 if first and width > 64 else 1, self.form, self.dtype, self.axis_name)
            for width in (64, 128, 256, 512)
            for first in (True, False)
        ]
        self.fc = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = to_unit(self.seen(images), self.dtype)
        return self.norm1(self.conv1(pixels), use_running_average=not train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = nn.relu(h)
        if self.large:  # after ReLU no value is below the padding zeros
            x = max_pool(jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)]), 3, 2)
        for block in self.blocks:
            x = block(x, train)
        return x.mean((1, 2))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc(features).astype("float32")
