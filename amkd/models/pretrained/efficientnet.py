"""EfficientNet-Lite0 (Google, 2020; Tan and Le, 2019): 4,652,008 parameters at 1,000 classes.

timm has two versions with the same number of parameters: ``efficientnet_lite0``, trained in
PyTorch, and ``tf_efficientnet_lite0`` with Google's weights, TensorFlow's padding and another
epsilon.
"""

from typing import ClassVar

import jax
from flax import linen as nn

from amkd.models.layers import Conv
from amkd.models.pretrained.base import PretrainedNetwork
from amkd.models.pretrained.inverted_residual import InvertedResidual, Options, Shape

# Blocks, size of the kernels, stride of the first block, expansion and channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_FIRST, _LAST = 32, 1280


class EfficientNetLite0(PretrainedNetwork):
    """A 3x3 convolution, 16 inverted residuals with ReLU6, and a 1x1 convolution.

    Attributes:
      tensorflow: whether it is Google's own version, with TensorFlow's padding and epsilon.
    """

    tensorflow: bool = False

    last: ClassVar[str] = "classifier"

    def setup(self) -> None:
        epsilon = 1e-3 if self.tensorflow else 1e-5
        options = Options(epsilon, self.tensorflow, self.form, self.dtype, self.axis_name)
        self.normalise = self._normalise()
        self.conv_stem = Conv(
            _FIRST,
            3,
            stride=2,
            padding=options.padding(3),
            dtype=self.dtype,
            use_bias=False,
        )
        self.bn1 = options.norm()
        self.blocks = [[InvertedResidual(shape, options) for shape in stage] for stage in _shapes()]
        self.conv_head = Conv(_LAST, 1, dtype=self.dtype, use_bias=False)
        self.bn2 = options.norm()
        self.classifier = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = self.normalise(self.seen(images))
        return self.bn1(self.conv_stem(pixels), use_running_average=not train)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = nn.relu6(h)
        for stage in self.blocks:
            for block in stage:
                x = block(x, train)
        x = nn.relu6(self.bn2(self.conv_head(x), use_running_average=not train))
        return x.mean((1, 2))

    def head(self, features: jax.Array) -> jax.Array:
        return self.classifier(features).astype("float32")


def _shapes() -> list[list[Shape]]:
    stages, before = [], _FIRST
    for count, size, stride, expansion, out in _STAGES:
        stage = []
        for number in range(count):
            expanded = expansion * before if expansion > 1 else 0
            stage.append(Shape(out, size, 1 if number else stride, expanded, 0, nn.relu6))
            before = out
        stages.append(stage)
    return stages
