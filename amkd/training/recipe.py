"""How a network is trained: the recipe, its optimizer and its number of steps."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import optax

from amkd.config.recipe import Recipe
from amkd.training import losses

_BLOCK = 4096  # steps whose learning rates are computed together


def of_a_step(recipe: Recipe) -> Recipe:
    """What a single step follows from: recipes that differ in nothing else share a compiled
    program.
    """
    same = dataclasses.replace(recipe, epochs=1, min_steps=0, steps_per_dispatch=1, pad_warmup=0.0)
    same = dataclasses.replace(same, mix_as_released=False)
    return dataclasses.replace(
        same, learning_rate=1.0, schedule="constant", drops=(), drop_factor=1.0, warmup=0.0
    )


# Values at which a field does nothing.
_IDLE = {
    "loss": "soft",
    "weighting": "even",
    "rotate": 0.0,
    "zoom": 0.0,
    "mix_share": 0.0,
    "average": 0.0,
}


def essence(recipe: Recipe) -> dict[str, Any]:
    """What trained weights follow from; what does nothing is left out, so that a new field changes
    nothing old.
    """
    found = dataclasses.asdict(recipe)
    idle = {"steps_per_dispatch"}
    if not losses.auxiliary_head(recipe):
        idle |= {"pad_warmup"}
    if recipe.weighting == "even":
        idle |= {name for name in found if name.startswith("weighting_")}
    if not recipe.mix_share:
        idle |= {"mix_beta", "mix_as_released"}
    return {
        name: value
        for name, value in found.items()
        if name not in idle and value != _IDLE.get(name)
    }


def steps_per_epoch(recipe: Recipe, count: int) -> int:
    """Steps in one pass over ``count`` records, the last batch partly filled."""
    return -(-count // recipe.batch_size)


def epochs(recipe: Recipe, count: int) -> int:
    """Epochs over ``count`` records: ``epochs``, or more where ``min_steps`` asks for it."""
    return max(recipe.epochs, -(-recipe.min_steps // steps_per_epoch(recipe, count)))


class Steps(NamedTuple):
    """What each of S steps is told. It is data, so that rounds of other lengths run the same
    program.

    Attributes:
      rate: ``float32[S]``, learning rates.
      adapts: ``bool[S]``, whether the warm-up of a loss with a branch is over; None for all other
        losses.
    """

    rate: Any
    adapts: Any = None


def steps(recipe: Recipe, total: int) -> Steps:
    """What each of ``total`` steps is told."""
    rates = learning_rates(recipe, total)
    adapts = np.arange(total) >= round(recipe.pad_warmup * total)
    return Steps(rates, adapts if losses.auxiliary_head(recipe) else None)


def learning_rates(recipe: Recipe, total: int) -> np.ndarray:
    """Learning rate of each of ``total`` steps, ``float32[total]``."""
    warm = round(recipe.warmup * total)
    rest = max(total - warm, 1)
    peak = recipe.learning_rate
    if recipe.schedule == "cosine":
        main = optax.cosine_decay_schedule(peak, rest)
    elif recipe.schedule == "steps":
        at = [round(drop * total) - warm for drop in recipe.drops]
        marks = {step: recipe.drop_factor ** at.count(step) for step in at}
        main = optax.piecewise_constant_schedule(peak, marks)
    else:
        main = optax.constant_schedule(peak)
    schedule = (
        optax.join_schedules([optax.linear_schedule(0.0, peak, warm), main], [warm])
        if warm
        else main
    )
    # In blocks of one size: a round with other steps compiles nothing.
    blocks = np.arange(-(-total // _BLOCK) * _BLOCK, dtype=np.float32).reshape(-1, _BLOCK)
    return np.concatenate(
        [np.broadcast_to(np.asarray(schedule(block), np.float32), _BLOCK) for block in blocks]
    )[:total]


def direction(recipe: Recipe) -> optax.GradientTransformation:
    """The optimizer up to its learning rate: the step is minus the rate times what this returns.

    SGD adds the weight decay to the gradient of every parameter before momentum, as the
    released code does; AdamW decouples it.
    """
    decay = optax.add_decayed_weights(recipe.weight_decay)
    if recipe.optimizer == "adamw":
        return optax.chain(optax.scale_by_adam(), decay)
    return optax.chain(decay, optax.trace(recipe.momentum))
