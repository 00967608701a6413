"""Students with random weights, and images for them."""

import os

os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # PyTorch shares the accelerator

import dataclasses
from typing import Any

import jax
import numpy as np
from flax import linen as nn

from amkd import models
from amkd.models import inference
from tests.support import plain

MODELS = tuple(models.MODELS)
CLASSES = 10
_SHAPES = {
    "lenet5": (28, 28, 1),
    "lenet5_half": (28, 28, 1),
    "tiny": (28, 28, 1),
    "resnet18_224": (224, 224, 3),
}


class Tiny(models.Network):
    """Two dense layers, which are so cheap that only the cost of the pool is measured."""

    def setup(self) -> None:
        """Makes both layers."""
        self.fc0 = nn.Dense(8)
        self.fc = nn.Dense(self.classes)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        """Applies the first layer without its ReLU."""
        return self.fc0(images.reshape(len(images), -1).astype(self.dtype) / 255)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        """Applies the ReLU to the first layer."""
        return nn.relu(h)

    def head(self, features: jax.Array) -> jax.Array:
        """Applies the second layer."""
        return self.fc(features)


@dataclasses.dataclass(frozen=True)
class Student:
    """A network with weights, and real images.

    Attributes:
      model: name of the network, or ``tiny``.
      images: ``uint8[N, H, W, C]``.
      variables: the variables of the network, on the host.
    """

    model: str
    images: np.ndarray
    variables: Any

    @property
    def network(self) -> models.Network:
        """Returns the network, in float32."""
        return _build(self.model, self.images.shape[1:])

    def few(self, n: int) -> "Student":
        """Returns the student with its first ``n`` images only."""
        return dataclasses.replace(self, images=self.images[:n])


def _build(model: str, shape: tuple[int, ...]) -> models.Network:
    if model == "tiny":
        return Tiny(CLASSES)
    return models.build(model, CLASSES, shape)


def make(model: str, n: int, images: np.ndarray | None = None) -> Student:
    """Makes a student with random weights and statistics, and with logits of a typical size.

    Args:
      model: name of the network.
      n: number of real images.
      images: ``uint8[M, H, W, C]`` to take them from; patterns of the model's usual size if None.
    """
    images = patterns(n, _SHAPES.get(model, (32, 32, 3))) if images is None else images[:n]
    network, shape = _build(model, images.shape[1:]), images.shape[1:]
    shapes = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    found = Student(model, images, plain.random_variables(shapes, 0))
    # Without this, a deep network is so sure of every image that all its confidences are 1.
    last = found.variables["params"]["fc3" if "fc3" in shapes["params"] else "fc"]
    scale = 2 / logits(found, images[:8]).std()
    last.update({part: last[part] * scale for part in ("kernel", "bias")})
    return found


def patterns(n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Draws random coarse patterns under some noise: ``uint8[n, H, W, C]``."""
    rng = np.random.default_rng(0)
    height, width, channels = shape
    coarse = rng.integers(0, 192, (n, 4, 4, channels), np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 4 // width
    return coarse[:, rows][:, :, columns] + rng.integers(0, 64, (n, *shape), np.uint8)


def logits(of: Student, images: np.ndarray) -> np.ndarray:
    """Returns the logits in inference mode: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""
    with jax.default_matmul_precision("highest"):
        return np.asarray(jax.jit(of.network.apply)(of.variables, images))
