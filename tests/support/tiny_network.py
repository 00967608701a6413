"""Networks that are quickly compiled and run, for tests of what is done with any network."""

import jax
from flax import linen as nn

from amkd.models.layers import Conv, Network, dropout, to_unit


class TinyNetwork(Network):
    """Conv 3x3, pool, 16, Y, with ReLU.

    It works on 8x8 images as they are; LeNet-5 would pad them to 32x32.
    """

    def setup(self) -> None:
        self.conv1 = Conv(4, 3, padding="VALID", window=2, form=self.form, dtype=self.dtype)
        self.fc1 = nn.Dense(16, dtype=self.dtype)
        self.fc3 = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self.conv1(to_unit(self.seen(images), self.dtype))

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = nn.relu(h.max(2))
        return nn.relu(self.fc1(x.reshape(x.shape[0], -1)))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc3(features).astype("float32")


class NormedNetwork(TinyNetwork):
    """The same with BatchNorm over all devices, twice, and dropout by image, as in AlexNet."""

    def setup(self) -> None:
        super().setup()
        self.norms = [nn.BatchNorm(dtype=self.dtype, axis_name=self.axis_name) for _ in range(2)]

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        x = self.norms[0](nn.relu(h.max(2)), use_running_average=not train)
        x = nn.relu(self.fc1(x.reshape(x.shape[0], -1)))
        if keys is not None:
            x = dropout(x, 0.5, keys, 0)
        return self.norms[1](x, use_running_average=not train)
