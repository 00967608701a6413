"""ResNet-18 and ResNet-50 for ImageNet (He et al., 2016), as in torchvision and timm: 11,689,512
and 25,557,032 parameters at 1,000 classes.
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Conv, max_pool
from amkd.models.pretrained.base import PretrainedNetwork

_init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class Block(nn.Module):
    """Two 3x3 convolutions, or a 3x3 one between two 1x1 ones; with a shortcut.

    Attributes:
      width: channels of the 3x3 convolutions.
      stride: the stride of the first 3x3 convolution.
      bottleneck: whether there are 1x1 convolutions, the last one to four times the width.
      dtype: data type of the computation.
      axis_name: see :class:`amkd.models.layers.Network`.
    """

    width: int
    stride: int
    bottleneck: bool
    dtype: jnp.dtype
    axis_name: str | None

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        conv = partial(Conv, dtype=self.dtype, use_bias=False, kernel_init=_init)
        batch_norm = partial(
            nn.BatchNorm, momentum=0.9, epsilon=1e-5, dtype=self.dtype, axis_name=self.axis_name
        )

        def norm(name: str, y: jax.Array) -> jax.Array:
            return batch_norm(name=name)(y, use_running_average=not train)

        width, stride = self.width, self.stride
        if self.bottleneck:
            plan = [(width, 1, 1), (width, 3, stride), (4 * width, 1, 1)]
        else:
            plan = [(width, 3, stride), (width, 3, 1)]
        y = x
        for number, (features, size, step) in enumerate(plan, 1):
            y = conv(features, size, stride=step, padding=size // 2, name=f"conv{number}")(y)
            y = norm(f"bn{number}", y)
            y = nn.relu(y) if number < len(plan) else y
        if x.shape != y.shape:
            x = conv(y.shape[-1], 1, stride=stride, padding=0, name="downsample_0")(x)
            x = norm("downsample_1", x)
        return nn.relu(x + y)


class ImageNetResNet(PretrainedNetwork):
    """A 7x7 convolution, a pooling, and four groups of residual blocks.

    Attributes:
      depths: blocks in each group.
      bottleneck: whether a block has three convolutions.
    """

    depths: tuple[int, ...] = (2, 2, 2, 2)
    bottleneck: bool = False

    def setup(self) -> None:
        self.normalise = self._normalise()
        self.conv1 = Conv(
            64, 7, stride=2, padding=3, dtype=self.dtype, use_bias=False, kernel_init=_init
        )
        self.bn1 = nn.BatchNorm(
            momentum=0.9, epsilon=1e-5, dtype=self.dtype, axis_name=self.axis_name
        )
        groups = [
            [
                Block(64 * 2**group, stride, self.bottleneck, self.dtype, self.axis_name)
                for stride in (2 if group else 1, *[1] * (depth - 1))
            ]
            for group, depth in enumerate(self.depths)
        ]
        self.layer1, self.layer2, self.layer3, self.layer4 = groups
        self.fc = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = self.normalise(self.seen(images))
        return self.bn1(self.conv1(pixels), use_running_average=not train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        # After ReLU no value is below the padding zeros.
        x = max_pool(jnp.pad(nn.relu(h), [(0, 0), (1, 1), (1, 1), (0, 0)]), 3, 2)
        for block in (*self.layer1, *self.layer2, *self.layer3, *self.layer4):
            x = block(x, train)
        return x.mean((1, 2))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc(features).astype("float32")
