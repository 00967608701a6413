"""A network in inference mode, as pure functions: stem, trunk, probabilities and features."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct

from amkd.models import Network
from amkd.models.layers import Variables

Trunk = Callable[[jax.Array], jax.Array]  # activation of one image -> logits[Y]


@struct.dataclass
class MixInput:
    """The arrays of one real image that a search mixes; for a table of N images they have a first
    axis of N.

    Attributes:
      h: the stem's activation of the image, or the image itself, ``uint8[H, W, C]``.
      logits: ``float32[Y]``, or None where the search does not use them.
    """

    h: Any
    logits: Any = None


def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Variables:
    """Returns fresh variables for images of ``shape`` (H, W, C)."""
    return network.init(key, jnp.zeros((1, *shape), jnp.uint8))


def predict(network: Network, variables: Variables, images: jax.Array) -> jax.Array:
    """Returns class probabilities in inference mode: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""
    logits: Any = network.apply(variables, images)
    return network.probabilities(logits)


def predict_with_features(
    network: Network, variables: Variables, images: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Returns class probabilities and features in inference mode: ``uint8[B, H, W, C]`` to
    ``float32[B, Y]`` and ``float32[B, d]``.
    """
    features: Any = network.apply(variables, stem(network, variables, images), method="features")
    logits: Any = network.apply(variables, features, method="head")
    return network.probabilities(logits), features.astype(jnp.float32)


def predict_with_dropout(
    network: Network, variables: Variables, images: jax.Array, keys: jax.Array
) -> jax.Array:
    """Returns class probabilities with dropout; other layers, such as BatchNorm, are in inference
    mode.

    Args:
      network: a network with dropout.
      variables: its variables.
      images: ``uint8[B, H, W, C]``.
      keys: ``key[E, B]``, one for every pass and image.

    Returns:
      ``float32[E, B, Y]``.
    """
    h = stem(network, variables, images)
    logits: Any = jax.vmap(lambda k: network.apply(variables, h, False, k, method="trunk"))(keys)
    return network.probabilities(logits)


def stem(network: Network, variables: Variables, images: jax.Array) -> jax.Array:
    """Returns the activations after the affine stem, in inference mode: ``uint8[B, H, W, C]`` to
    ``[B, ...]``.
    """
    activations: Any = network.apply(variables, images, method="stem")
    return activations


def mix_inputs(
    network: Network, variables: Variables, images: jax.Array, activations: bool, with_logits: bool
) -> MixInput:
    """Returns the arrays of real images that a search mixes, in inference mode: ``[B, ...]``.

    Args:
      network: the student.
      variables: its variables.
      images: ``uint8[B, H, W, C]``.
      activations: whether the stem's activations are mixed; otherwise the images themselves.
      with_logits: whether the search uses the logits of the images.
    """
    h = stem(network, variables, images)
    logits: Any = network.apply(variables, h, method="trunk") if with_logits else None
    return MixInput(h if activations else images, logits)


def prepared(network: Network, variables: Variables, shape: tuple[int, ...]) -> Variables:
    """Returns the variables together with the parts that the convolutions' forms prepare from the
    kernels, so that these are computed once for many uses.
    """
    _, more = network.apply(variables, jnp.zeros((1, *shape), jnp.uint8), mutable=["forms"])
    return {**variables, **more}


def trunk_of_one(network: Network, variables: Variables) -> Trunk:
    """Returns the part of the network after its stem, in inference mode: one activation to logits
    ``float32[Y]``.
    """
    return lambda h: network.apply(variables, h[None], method="trunk")[0]


def network_of_one(network: Network, variables: Variables) -> Trunk:
    """Returns the whole network in inference mode, as a function of one image.

    It maps ``float32[H, W, C]``, an unrounded mix with values in [0, 255], to logits
    ``float32[Y]``.
    """
    return lambda image: network.apply(variables, image[None])[0]
