"""Every program that runs on the devices, and what is placed there."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core import devices
from amkd.core.compilation import jit, portable
from amkd.core.devices import in_batches
from amkd.models import Network, inference
from amkd.models.layers import suited


@lru_cache(maxsize=8)
def _predict_program(network: Network) -> Callable[..., Any]:
    def run(variables: Any, images: Any) -> Any:
        with jax.default_matmul_precision("highest"):  # answers and figures alike on every backend
            return inference.predict(suited(network, "scoring"), variables, images)

    return jit(run)


def exportable(network: Network, variables: Any) -> Any:
    """The prediction with its variables inside, for ``jax.export``: ``uint8[B, H, W, C]`` to
    ``float32[B, Y]``.
    """

    def run(images: Any) -> Any:
        with jax.default_matmul_precision("highest"):
            return inference.predict(network, variables, images)

    return portable(run)


def predict(network: Network, variables: Any, images: np.ndarray) -> np.ndarray:
    """Class probabilities of any number of images: ``uint8[M, H, W, C]`` to ``float32[M, Y]``."""
    return in_batches(_predict_program(network), variables, images)


@lru_cache(maxsize=8)
def _init_program(network: Network, shape: tuple[int, ...]) -> Callable[..., Any]:
    return jit(lambda key: inference.init(network, shape, key))


def init(network: Network, shape: tuple[int, ...], key: jax.Array) -> Any:
    """Fresh variables, compiled in one piece."""
    return _init_program(network, shape)(key)


@lru_cache(maxsize=8)
def _look_program(network: Network) -> Callable[..., Any]:
    return jit(partial(inference.look, suited(network, "scoring")))


def look(network: Network, variables: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities and features of any number of images: ``float32[M, Y]`` and ``float32[M,
    d]``.
    """
    with jax.default_matmul_precision("highest"):
        found: tuple[np.ndarray, np.ndarray] = devices.in_batches(
            _look_program(network), variables, images
        )
    return found


@lru_cache(maxsize=8)
def _look_often_program(network: Network, passes: int) -> Callable[..., Any]:
    def run(args: Any, rows: Any) -> Any:
        (variables, key), (images, number) = args, rows
        masks = jax.vmap(lambda n: jax.random.split(jax.random.fold_in(key, n), passes))(number)
        looks = inference.look_often(
            suited(network, "scoring"), variables, images, jnp.swapaxes(masks, 0, 1)
        )
        return jnp.swapaxes(looks, 0, 1)

    return jit(run)


def look_often(
    network: Network, variables: Any, blocks: Iterable[np.ndarray], passes: int, key: jax.Array
) -> np.ndarray:
    """Class probabilities of images in blocks under dropout, every pass and image with a mask of
    its own.

    Returns:
      ``float32[M, passes, Y]``.
    """
    run, found, start = _look_often_program(network, passes), [], 0
    with jax.default_matmul_precision("highest"):
        for block in blocks:
            number = np.arange(start, start + len(block), dtype=np.int32)
            found.append(devices.in_batches(run, (variables, key), (block, number)))
            start += len(block)
    return np.concatenate(found)
