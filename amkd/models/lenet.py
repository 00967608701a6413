"""LeNet-5 and its half: 61,706 and 35,820 parameters at 10 classes (ZSKD's pair of networks)."""

import jax
from flax import linen as nn

from amkd.models.layers import Conv, Network, to_unit


class LeNet5(Network):
    """Conv 5x5, pool, conv 5x5, pool, 120, 84, Y, with ReLU and max pooling.

    It is made for 32x32 pixels: smaller images are padded with black before the first convolution.

    Attributes:
      widths: filters of the two convolutions. The half network halves only these.
    """

    widths: tuple[int, int] = (6, 16)

    def setup(self) -> None:
        self.conv1, self.conv2 = (
            Conv(n, 5, padding="VALID", window=2, form=self.form, dtype=self.dtype)
            for n in self.widths
        )
        self.fc1 = nn.Dense(120, dtype=self.dtype)
        self.fc2 = nn.Dense(84, dtype=self.dtype)
        self.fc3 = nn.Dense(self.classes, dtype=self.dtype)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        pixels = to_unit(self.seen(images), self.dtype)
        margins = [((32 - size) // 2, 32 - size - (32 - size) // 2) for size in pixels.shape[1:3]]
        padded = jax.numpy.pad(pixels, [(0, 0), *margins, (0, 0)])
        return self.conv1(padded)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        # Pooling before ReLU gives the same numbers for a quarter of the ReLUs.
        x = nn.relu(h.max(2))
        x = nn.relu(self.conv2(x).max(2))
        x = x.reshape(x.shape[0], -1)
        return nn.relu(self.fc2(nn.relu(self.fc1(x))))

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc3(features).astype("float32")
