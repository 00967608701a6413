"""A small network for lanes at fixed rows (Qin et al., 2020: Ultra Fast Lane Detection).

Its last two layers are dense and see the whole image, so a lane that is hidden or dashed can be
inferred from the others. It can also be used as an ordinary classifier.
"""

from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv, Network, to_unit

_init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")
_CHANNELS = 8  # before the dense layers, as published


class RowAnchor(Network):
    """Three 3x3 convolutions of stride 2 with BatchNorm, a 1x1 convolution to 8 channels, and two
    dense layers.

    Attributes:
      widths: filters of the three convolutions.
      hidden: units of the first dense layer.
    """

    widths: tuple[int, int, int] = (16, 32, 64)
    hidden: int = 256

    last: ClassVar[str] = "fc2"

    def setup(self) -> None:
        # Always XLA's own form: the other forms are slower for convolutions of stride 2.
        conv = partial(Conv, form="plain", dtype=self.dtype, kernel_init=_init)
        norm = partial(
            nn.BatchNorm, momentum=0.9, epsilon=1e-5, dtype=self.dtype, axis_name=self.axis_name
        )
        self.conv1, self.conv2, self.conv3 = (
            conv(width, 3, stride=2, padding=1, use_bias=False) for width in self.widths
        )
        self.norm1, self.norm2, self.norm3 = (norm() for _ in self.widths)
        self.reduce = conv(_CHANNELS, 1)
        self.fc1 = nn.Dense(self.hidden, dtype=self.dtype)
        self.fc2 = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = to_unit(self.seen(images), self.dtype)
        return self.norm1(self.conv1(pixels), use_running_average=not train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = nn.relu(h)
        x = nn.relu(self.norm2(self.conv2(x), use_running_average=not train))
        x = nn.relu(self.norm3(self.conv3(x), use_running_average=not train))
        x = self.reduce(x)
        return nn.relu(self.fc1(jnp.reshape(x, (x.shape[0], -1))))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc2(features).astype("float32")
