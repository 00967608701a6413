"""VGG-16 with BatchNorm and one linear layer: 14,728,266 parameters at 10 classes."""

from functools import partial
from typing import ClassVar

import jax
from flax import linen as nn

from amkd.models.layers import Conv, Network, max_pool, to_unit

_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(Network):
    """Thirteen 3x3 convolutions, each with bias, BatchNorm and ReLU, pooled after each block."""

    last: ClassVar[str] = "fc"

    def setup(self) -> None:
        init = nn.initializers.he_normal()
        conv = partial(Conv, size=3, form=self.form, dtype=self.dtype, kernel_init=init)
        norm = partial(
            nn.BatchNorm, momentum=0.9, epsilon=1e-5, dtype=self.dtype, axis_name=self.axis_name
        )
        widths = [width for block in _BLOCKS for width in block]
        self.convs = [conv(width) for width in widths]
        self.norms = [norm() for _ in widths]
        self.fc = nn.Dense(self.classes, dtype=self.dtype)

    def _layer(self, x: jax.Array, layer: int, train: bool) -> jax.Array:
        return self.norms[layer](self.convs[layer](x), use_running_average=not train)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self._layer(to_unit(self.seen(images), self.dtype), 0, train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x, layer = nn.relu(h), 1
        for number, block in enumerate(_BLOCKS):
            for _ in block[1:] if number == 0 else block:
                x = nn.relu(self._layer(x, layer, train))
                layer += 1
            x = max_pool(x, 2, 2)
        return x.mean((1, 2))  # 32x32 images are 1x1 here: the mean is the value

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc(features).astype("float32")
