"""AlexNet for 32x32 images and its half: 1,659,178 and 417,434 parameters at 10 classes (the pair
of networks of ZSKD).
"""

from functools import partial

import jax
from flax import linen as nn

from amkd.models.layers import Conv, Network, dropout, local_response_norm, max_pool, to_unit

_weights = nn.initializers.normal(0.01)


class AlexNet(Network):
    """Five convolutions with LRN, pooling and BatchNorm, then two hidden layers with dropout.

    BatchNorm's running statistics decay by .9 a step (ZSKD: .999), so that they have converged
    after a training of a few hundred steps on few images.

    Attributes:
      width: 1 for the full network, .5 for the half network.
    """

    width: float = 1.0

    def setup(self) -> None:
        size = [round(n * self.width) for n in (48, 128, 192, 192, 128, 512, 256)]
        one = nn.initializers.ones
        conv = partial(Conv, form=self.form, dtype=self.dtype, kernel_init=_weights)
        dense = partial(nn.Dense, kernel_init=_weights, dtype=self.dtype)
        norm = partial(
            nn.BatchNorm, momentum=0.9, epsilon=1e-3, dtype=self.dtype, axis_name=self.axis_name
        )
        self.conv1 = conv(size[0], 5)
        self.conv2 = conv(size[1], 5, bias_init=one)
        self.conv3 = conv(size[2], 3)
        self.conv4 = conv(size[3], 3, bias_init=one)
        self.conv5 = conv(size[4], 3, bias_init=one)
        self.fc1, self.fc2 = dense(size[5]), dense(size[6])
        self.fc3 = dense(self.classes)
        self.norms = [norm() for _ in range(7)]

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self.conv1(to_unit(self.seen(images), self.dtype))

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        norms = [partial(norm, use_running_average=not train) for norm in self.norms]
        x = norms[0](max_pool(local_response_norm(nn.relu(h)), 3, 2))
        x = norms[1](max_pool(local_response_norm(nn.relu(self.conv2(x))), 3, 2))
        x = norms[2](nn.relu(self.conv3(x)))
        x = norms[3](nn.relu(self.conv4(x)))
        x = norms[4](max_pool(nn.relu(self.conv5(x)), 3, 2))
        x = x.reshape(x.shape[0], -1)
        for layer, dense, norm in ((0, self.fc1, norms[5]), (1, self.fc2, norms[6])):
            x = nn.relu(dense(x))
            if keys is not None:
                x = dropout(x, 0.5, keys, layer)
            x = norm(x)
        return x

    def head(self, features: jax.Array) -> jax.Array:
        return self.fc3(features).astype("float32")
