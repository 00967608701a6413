"""The last layer of a network as a separate network, for training on cached features."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from amkd.core.compilation import AXIS
from amkd.models.layers import Network, Variables

LAYER = "whole"  # the name of the whole network in the variables of its head


class Head(Network):
    """The last layer of a network. The images of this network are features, ``[B, d]``.

    Attributes:
      whole: the network.
    """

    whole: Network | None = None

    last: ClassVar[str] = LAYER

    def in_training(self, dtype: jnp.dtype) -> "Head":
        """Returns the head in this data type, in which its layer computes, too."""
        assert self.whole is not None
        return self.clone(dtype=dtype, axis_name=AXIS, whole=self.whole.clone(dtype=dtype))

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        """Returns the features in the data type of the computation."""
        return images.astype(self.dtype)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        """Returns the features unchanged: dropout before the last layer is left out."""
        return h

    def head(self, features: jax.Array) -> jax.Array:
        """Runs the last layer of the whole network."""
        assert self.whole is not None
        return self.whole.head(features)

    def feature_count(self, variables: Variables) -> int:
        """Returns how many features the last layer sees, d."""
        assert self.whole is not None
        return self.whole.feature_count({"params": variables["params"][LAYER]})


def head_of(network: Network) -> Head:
    """Returns the last layer of a network as a network."""
    return Head(classes=network.classes, dtype=network.dtype, whole=network)


def variables_of_head(network: Network, variables: Variables) -> Variables:
    """Returns the part of a whole network's variables that belongs to its head."""
    return {"params": {LAYER: {network.last: variables["params"][network.last]}}}


def with_head(network: Network, variables: Variables, head: Variables) -> Variables:
    """Returns a whole network's variables with another head.

    Args:
      network: the whole network.
      variables: its variables.
      head: variables of its :class:`Head`.
    """
    params: dict[str, Any] = {**variables["params"], **head["params"][LAYER]}
    return {**variables, "params": params}
