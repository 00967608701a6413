"""Every program that runs on the devices, and what is placed there."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe
from amkd.core.compilation import AXIS, Mapped
from amkd.core.devices import count
from amkd.models import Network
from amkd.models.layers import suited
from amkd.training import train_step, training_set
from amkd.training.recipe import Steps, direction, of_a_step


def steps_per_dispatch(recipe: Recipe) -> int:
    """Training steps in one program: as configured, or what suits the backend."""
    return recipe.steps_per_dispatch or (1 if jax.default_backend() == "cpu" else 8)


def split_batches(batches: training_set.Batches) -> training_set.Batches:
    """Cuts each batch into one part per device: ``[S, B]`` to ``[S, D, B/D]``."""
    return jax.tree.map(lambda column: column.reshape(len(column), count(), -1), batches)


def train_program(network: Network, recipe: Recipe) -> Callable[..., Any]:
    """Training steps over every local device.

    Returns:
      A function of the state, the training set (both from :func:`replicate`), batches ``[S, D,
      B/D]``, what each of S steps is told and a key, that does S steps and returns the state and
      the sums of losses and of weights, ``float32[S]`` each. The state passed in is used up.
    """
    return _train_program(network, of_a_step(recipe))


@lru_cache(maxsize=8)
def _train_program(network: Network, recipe: Recipe) -> Callable[..., Any]:
    step = train_step.train_step(suited(network, "training"), direction(recipe), recipe, AXIS)

    def run(state: Any, data: Any, batches: Any, steps: Steps, key: Any) -> Any:
        # Unrolled: XLA on CPU runs convolutions inside loops several times slower.
        sums = []
        for number in range(len(steps.rate)):
            batch, told = jax.tree.map(lambda column: column[number], (batches, steps))  # noqa: B023, used at once
            state, sum_ = step(state, data, batch, told, key)
            sums.append(sum_)
        losses, weights = zip(*sums, strict=True)
        return state, (jnp.stack(losses), jnp.stack(weights))

    axes = (None, None, 1, None, None)
    return Mapped(run, steady=False, in_axes=axes, out_axes=None, donate_argnums=0)
