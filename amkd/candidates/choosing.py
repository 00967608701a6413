"""The programs of acquisitions on the devices: how students see candidates, and which of them are chosen."""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd import devices
from amkd.candidates import coverage, gradients, loss_prediction, uncertainty
from amkd.compilation import jit
from amkd.learning import student
from amkd.models import Network


@lru_cache(maxsize=8)
def _look_program(network: Network) -> Callable[..., Any]:
    return jit(partial(student.look, devices.suited(network, "scoring")))


def look(network: Network, variables: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities and features of any number of images: ``float32[M, Y]`` and ``float32[M, d]``."""
    with jax.default_matmul_precision("highest"):
        found: tuple[np.ndarray, np.ndarray] = devices.in_batches(_look_program(network), variables, images)
    return found


@lru_cache(maxsize=8)
def _look_often_program(network: Network, passes: int) -> Callable[..., Any]:
    def run(args: Any, rows: Any) -> Any:
        (variables, key), (images, number) = args, rows
        masks = jax.vmap(lambda n: jax.random.split(jax.random.fold_in(key, n), passes))(number)
        looks = student.look_often(devices.suited(network, "scoring"), variables, images, jnp.swapaxes(masks, 0, 1))
        return jnp.swapaxes(looks, 0, 1)

    return jit(run)


def look_often(
    network: Network, variables: Any, blocks: Iterable[np.ndarray], passes: int, key: jax.Array
) -> np.ndarray:
    """Class probabilities of images in blocks under dropout, every pass and image with a mask of its own.

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


@lru_cache(maxsize=16)
def _each_program(function: Callable[..., Any]) -> Callable[..., Any]:
    return jit(lambda _, rows: jax.vmap(function)(rows))


def each(function: Callable[[jax.Array], jax.Array], rows: np.ndarray) -> np.ndarray:
    """A pure function of every row, a block at a time."""
    found: np.ndarray = devices.in_batches(_each_program(function), None, rows, 4096)
    return found


@lru_cache(maxsize=1)
def _contrasts_program() -> Callable[..., Any]:
    return jit(uncertainty.contrasts)


def contrasts(plain: np.ndarray, distilled: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Uncertainty by distillation: three times ``float32[M, Y]`` to ``float32[M]``."""
    return np.asarray(_contrasts_program()(plain, distilled, teacher))


@lru_cache(maxsize=8)
def _greedy_program(near: int, k: int) -> Callable[..., Any]:
    def run(worth: Any, points: Any, beta: Any) -> Any:
        return coverage.greedy(worth, coverage.neighbours(points - points.mean(0, keepdims=True), near), beta, k)

    return jit(run)


def greedy(worth: np.ndarray, points: np.ndarray, near: int, beta: float, k: int) -> np.ndarray:
    """Worth ``float32[M]`` and reverse neighbours among points ``float32[M, d]``: ``int32[k]`` places."""
    with jax.default_matmul_precision("highest"):
        return np.asarray(_greedy_program(near, k)(worth, points, np.float32(beta)))


@lru_cache(maxsize=8)
def _spread_program(k: int) -> Callable[..., Any]:
    return jit(lambda p, h, key: gradients.spread(gradients.factors(p, h), k, key))


def spread(p: np.ndarray, h: np.ndarray, k: int, key: jax.Array) -> np.ndarray:
    """BADGE's seeds: probabilities ``float32[M, Y]`` and features ``float32[M, d]`` to ``int32[k]`` places."""
    with jax.default_matmul_precision("highest"):
        return np.asarray(_spread_program(k)(p, h, key))


@lru_cache(maxsize=2)
def _predicted_losses_program(steps: int) -> Callable[..., Any]:
    def run(asked: Any, losses: Any, points: Any, key: Any) -> Any:
        params = loss_prediction.fit(asked, losses, steps, key)
        return jax.vmap(lambda h: loss_prediction.predict(params, h))(points)

    return jit(run)


def predicted_losses(
    asked: np.ndarray, losses: np.ndarray, points: np.ndarray, steps: int, key: jax.Array
) -> np.ndarray:
    """Of features ``float32[M, d]``, by a predictor trained on others, ``float32[A, d]``, and their losses."""
    return np.asarray(_predicted_losses_program(steps)(asked, losses, points, key))


@lru_cache(maxsize=8)
def _farthest_program(k: int) -> Callable[..., Any]:
    def run(points: Any, centers: Any) -> Any:
        # Distances are differences of squares: around the middle, where these are small, little is lost.
        middle = points.mean(0, keepdims=True)
        return coverage.farthest(points - middle, coverage.nearest(points - middle, centers - middle), k)

    return jit(run)


def farthest(points: np.ndarray, centers: np.ndarray, k: int) -> np.ndarray:
    """Greedy k-center: ``int32[k]`` places of ``float32[M, d]`` points, far from ``float32[A, d]`` centers."""
    with jax.default_matmul_precision("highest"):
        return np.asarray(_farthest_program(k)(points, centers))
