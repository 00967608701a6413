"""The parts that networks with published weights share."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.models.layers import Network

Triple = tuple[float, float, float]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)

INPUT = "input"  # the collection of the pixels' mean and standard deviation; it is not trained


class Normalise(nn.Module):
    """Scales 8-bit pixels as in the training of the published weights.

    Mean and standard deviation are variables: a file of weights may contain other values, and a
    saved student keeps the values that it was trained with.

    Attributes:
      mean: the mean of each channel, for pixels from 0 to 1.
      std: standard deviation of each channel.
      dtype: data type of the result.
    """

    mean: Triple
    std: Triple
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, images: jax.Array) -> jax.Array:
        mean = self.variable(INPUT, "mean", lambda: jnp.array(self.mean, jnp.float32)).value
        std = self.variable(INPUT, "std", lambda: jnp.array(self.std, jnp.float32)).value
        unit = images.astype(jnp.float32) / 255
        return ((unit - mean.reshape(1, 1, 1, 3)) / std.reshape(1, 1, 1, 3)).astype(self.dtype)


class PretrainedNetwork(Network):
    """A network for images with three channels that takes published weights.

    Attributes:
      timm: its name in timm.
      mean: the mean of each channel in the usual weights, for pixels from 0 to 1.
      std: standard deviation of each channel in the usual weights.
    """

    timm: str = ""
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD

    last: ClassVar[str] = "fc"
    renamed: ClassVar[dict[str, str]] = {}  # parameters with other names in timm, by linen's name

    def _normalise(self) -> Normalise:
        return Normalise(self.mean, self.std, self.dtype)
