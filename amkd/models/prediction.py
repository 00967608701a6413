"""Answers, features and initial variables of networks, computed by compiled programs."""

import functools
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core import devices
from amkd.core.compilation import compiled, portable
from amkd.core.devices import in_batches, place
from amkd.models import Network, inference
from amkd.models.layers import Variables, suited

BATCH = 256  # images computed at a time
_SIZES = (1, 4, 16, 64)  # smaller ones, for callers with few images
_FEW = 8  # size of a batch in which an image's number determines its place

# Precision is "highest" everywhere, so that answers and figures agree on every backend.


def predict(
    network: Network, variables: Variables, images: np.ndarray, *, batch: int = BATCH
) -> np.ndarray:
    """Returns class probabilities of images: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
    run = functools.partial(_predict, network)
    answers: np.ndarray = in_batches(run, variables, images, batch)
    return answers


def batch_of_block(images: int) -> int:
    """Returns the batch size with which all devices work on blocks of so many images.

    Blocks of large images are smaller than a batch; a whole batch on each device would mostly be
    padding.
    """
    return min(-(-images // devices.count()) if devices.accelerated() else images, BATCH)


def batch_of(images: int) -> int:
    """Returns the smallest batch size that suffices for so many images, or the largest one.

    There are only a few sizes, because each needs a program of its own.
    """
    return next((size for size in _SIZES if images <= size), BATCH)


@compiled(static=("network",), precision="highest")
def _predict(network: Network, variables: Variables, images: jax.Array) -> jax.Array:
    return inference.predict(suited(network, "scoring"), variables, images)


def exportable(network: Network, variables: Variables) -> Any:
    """Returns the prediction including its variables, for ``jax.export``: ``uint8[B, H, W, C]`` to
    ``float32[B, Y]``.
    """

    def run(images: jax.Array) -> jax.Array:
        with jax.default_matmul_precision("highest"):
            return inference.predict(network, variables, images)

    return portable(run)


@compiled(static=("network", "shape"))
def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Variables:
    """Returns fresh variables for images of ``shape`` (H, W, C), by one compiled program."""
    return inference.init(network, shape, key)


def predict_with_features(
    network: Network, variables: Variables, images: np.ndarray, *, batch: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Returns class probabilities and features of images: ``float32[M, Y]`` and ``float32[M,
    d]``.
    """
    found: tuple[np.ndarray, np.ndarray] = in_batches(
        functools.partial(_predict_with_features, network), variables, images, batch
    )
    return found


def features(
    network: Network, variables: Variables, images: np.ndarray, numbers: np.ndarray
) -> np.ndarray:
    """Returns the features of images, with bits that do not depend on the other images.

    The last bits of a row depend on its place in a batch. So the number of an image determines its
    place in a batch. Places without an image are filled with an arbitrary image.

    Args:
      network: the network.
      variables: its variables.
      images: ``uint8[M, H, W, C]``.
      numbers: ``int[M]``, a number for each image, such as one computed from its bytes.

    Returns:
      ``float32[M, d]``.
    """
    table = _places(numbers % _FEW).ravel()
    rows = predict_with_features(network, variables, images[np.maximum(table, 0)], batch=_FEW)[1]
    found = np.empty((len(images), rows.shape[1]), rows.dtype)
    found[table[table >= 0]] = rows[table >= 0]
    return found


def _places(places: np.ndarray) -> np.ndarray:
    """Returns the image at each place of each batch: ``int64[B, P]``, -1 where there is none.

    Args:
      places: the place of each image in its batch, below P, ``int[M]``.
    """
    order, counts = np.argsort(places, kind="stable"), np.bincount(places, minlength=_FEW)
    batch = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((counts.max(), _FEW), -1)
    table[batch, places[order]] = order
    return table


@compiled(static=("network",), precision="highest")
def _predict_with_features(
    network: Network, variables: Variables, images: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return inference.predict_with_features(suited(network, "scoring"), variables, images)


def predict_with_dropout(
    network: Network,
    variables: Variables,
    blocks: Iterable[np.ndarray],
    *,
    passes: int,
    key: jax.Array,
) -> np.ndarray:
    """Returns class probabilities under dropout, with a separate mask for every pass and image.

    Args:
      network: a network with dropout.
      variables: its variables.
      blocks: images, in blocks of ``uint8[..., H, W, C]``; M in all.
      passes: number of passes, E.
      key: randomness.

    Returns:
      ``float32[M, E, Y]``.
    """
    run, found, start = functools.partial(_predict_with_dropout, network, passes), [], 0
    placed = place((variables, key))
    for block in blocks:
        number = np.arange(start, start + len(block), dtype=np.int32)
        found.append(in_batches(run, placed, (block, number)))
        start += len(block)
    return np.concatenate(found)


@compiled(static=("network", "passes"), precision="highest")
def _predict_with_dropout(
    network: Network,
    passes: int,
    variables_and_key: tuple[Variables, jax.Array],
    images_and_number: tuple[jax.Array, jax.Array],
) -> jax.Array:
    (variables, key), (images, number) = variables_and_key, images_and_number
    masks = jax.vmap(lambda n: jax.random.split(jax.random.fold_in(key, n), passes))(number)
    found = inference.predict_with_dropout(
        suited(network, "scoring"), variables, images, jnp.swapaxes(masks, 0, 1)
    )
    return jnp.swapaxes(found, 0, 1)
