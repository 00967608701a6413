"""A student of the user's own: any linen module, named as ``--config.student=my_module:build``.

A complete example, ``my_module.py``::

    from flax import linen as nn

    class Student(nn.Module):
        classes: int

        @nn.compact
        def __call__(self, images, train=False):
            x = nn.relu(nn.Dense(32)(images.reshape(len(images), -1) / 255))
            x = nn.Dropout(0.1, deterministic=not train)(x)
            x = nn.BatchNorm(use_running_average=not train, axis_name="devices")(x)
            return nn.Dense(self.classes)(x)

    def build(classes, shape):
        return Student(classes)

Requirements:

- ``build(classes, shape)`` takes the number of classes Y and ``(H, W, C)`` of the images. It
  returns a linen module whose fields are hashable (tuples, not lists), or an
  :class:`amkd.models.Network`, which is used unchanged.
- The module takes images and ``train``, which may be left out if nothing depends on it. Images are
  ``float32[B, H, W, C]`` with values from 0 to 255, because the search mixes them without rounding
  them to bytes; the module must scale them itself. It returns logits ``[B, Y]``.
- Its collections are ``params`` and, for BatchNorm, ``batch_stats``; its only random stream is
  ``dropout``. A BatchNorm averages over all devices if its ``axis_name`` is ``"devices"``. Dropout
  masks are the same after every resume, but different on another number of devices.
- It is trained in its own data types: ``train.dtype`` has no effect on it.

It does not have a stem, so the search mixes images, not activations. Its last features are not
known, so its logits replace them where an acquisition uses features, as k_center, learning_loss and
distillation_gap do. Acquisition ``badge`` and losses with an auxiliary head are refused: they need
the last layer itself. ``bald`` is refused: it needs a dropout mask for each image.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from amkd.core.errors import UserError
from amkd.models.layers import Network, Variables


class UserNetwork(Network):
    """Wraps a linen module that maps images to logits.

    Attributes:
      module: the user's module.
    """

    module: nn.Module | None = None

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self.seen(images).astype(jnp.float32)

    def features(
        self, h: jax.Array, train: bool = False, keys: jax.Array | None = None
    ) -> jax.Array:
        assert self.module is not None
        call: Callable[..., jax.Array] = self.module
        options = {"train": train} if _takes_train(self.module) else {}
        return call(h, **options).astype(jnp.float32)

    def head(self, features: jax.Array) -> jax.Array:
        return features

    def rngs(self, keys: jax.Array) -> dict[str, jax.Array]:
        return {"dropout": keys[0]}

    def feature_count(self, variables: Variables) -> int:
        return self.classes


@lru_cache(maxsize=8)
def adapt(field: str, build: Any, classes: int, shape: tuple[int, ...]) -> Network:
    """Builds a user's network and checks the requirements of this module's docstring.

    Args:
      field: the field and its value ``my_module:build``, for messages.
      build: the object with this name.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images.

    Raises:
      UserError: the network does not meet them.
    """
    if not callable(build):
        raise UserError(f"{field}: must name a function of (classes, shape), not {build!r}")
    try:
        module = build(classes, shape)
    except Exception as error:
        raise UserError(f"{field}: build({classes}, {shape}) failed: {error!r}") from error
    if not isinstance(module, nn.Module):
        raise UserError(
            f"{field}: must return a flax.linen module, but returned a {type(module).__name__}"
        )
    network = module if isinstance(module, Network) else UserNetwork(classes, module=module)
    _check(field, network, classes, shape)
    return network


def _check(field: str, network: Network, classes: int, shape: tuple[int, ...]) -> None:
    try:
        hash(network)
    except TypeError as error:
        raise UserError(
            f"{field}: a field of the module cannot be hashed; use a tuple in place of a list"
        ) from error
    images = jnp.zeros((2, *shape), jnp.uint8)
    try:
        variables = jax.eval_shape(lambda: network.init(jax.random.key(0), images))
        logits = jax.eval_shape(network.apply, variables, images)
    except Exception as error:
        raise UserError(
            f"{field}: fails on images of {shape}: {type(error).__name__}: {error}"
        ) from error
    if logits.shape != (2, classes):
        raise UserError(
            f"{field}: must return logits [B, {classes}], but returns {list(logits.shape)} for two"
            " images"
        )
    if others := set(variables) - {"params", "batch_stats"}:
        raise UserError(
            f"{field}: may have only the collections params and batch_stats, but has"
            f" {', '.join(sorted(others))}"
        )


def _takes_train(module: Any) -> bool:
    return "train" in inspect.signature(module.__call__).parameters
