"""The programs of acquisitions on the devices: how students see candidates, and which of them are
chosen.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from amkd.candidates import coverage, gradients, loss_prediction
from amkd.core.compilation import jit
from amkd.models import uncertainty


@lru_cache(maxsize=1)
def _contrasts_program() -> Callable[..., Any]:
    return jit(uncertainty.contrasts)


def contrasts(plain: np.ndarray, distilled: np.ndarray, teacher: np.ndarray) -> np.ndarray:
    """Uncertainty by distillation: three times ``float32[M, Y]`` to ``float32[M]``."""
    return np.asarray(_contrasts_program()(plain, distilled, teacher))


@lru_cache(maxsize=8)
def _greedy_program(near: int, k: int) -> Callable[..., Any]:
    def run(worth: Any, points: Any, beta: Any) -> Any:
        return coverage.greedy(
            worth, coverage.neighbours(points - points.mean(0, keepdims=True), near), beta, k
        )

    return jit(run)


def greedy(worth: np.ndarray, points: np.ndarray, near: int, beta: float, k: int) -> np.ndarray:
    """Worth ``float32[M]`` and reverse neighbours among points ``float32[M, d]``: ``int32[k]``
    places.
    """
    with jax.default_matmul_precision("highest"):
        return np.asarray(_greedy_program(near, k)(worth, points, np.float32(beta)))


@lru_cache(maxsize=8)
def _spread_program(k: int) -> Callable[..., Any]:
    return jit(lambda p, h, key: gradients.spread(gradients.factors(p, h), k, key))


def spread(p: np.ndarray, h: np.ndarray, k: int, key: jax.Array) -> np.ndarray:
    """BADGE's seeds: probabilities ``float32[M, Y]`` and features ``float32[M, d]`` to ``int32[k]``
    places.
    """
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
    """Of features ``float32[M, d]``, by a predictor trained on others, ``float32[A, d]``, and their
    losses.
    """
    return np.asarray(_predicted_losses_program(steps)(asked, losses, points, key))


@lru_cache(maxsize=8)
def _farthest_program(k: int) -> Callable[..., Any]:
    def run(points: Any, centers: Any) -> Any:
        # Distances are differences of squares: around the middle, where these are small, little is
        # lost.
        middle = points.mean(0, keepdims=True)
        return coverage.farthest(
            points - middle, coverage.nearest(points - middle, centers - middle), k
        )

    return jit(run)


def farthest(points: np.ndarray, centers: np.ndarray, k: int) -> np.ndarray:
    """Greedy k-center: ``int32[k]`` places of ``float32[M, d]`` points, far from ``float32[A, d]``
    centers.
    """
    with jax.default_matmul_precision("highest"):
        return np.asarray(_farthest_program(k)(points, centers))
