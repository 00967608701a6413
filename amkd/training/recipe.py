"""How a network is trained: the recipe, its optimizer and its number of steps."""

import dataclasses
from typing import Any

import flax.struct
import numpy as np
import optax
from chex import Array

from amkd.config.recipe import Recipe
from amkd.training import freezing, losses
from amkd.training.optimizers import by_part, promoting

_BLOCK = 4096  # steps whose learning rates are computed together


def step_recipe(recipe: Recipe) -> Recipe:
    """Returns the recipe with reset values in all fields that a single step does not use. Recipes
    that are equal after this share a compiled program.
    """
    same = dataclasses.replace(recipe, epochs=1, min_steps=0, steps_per_dispatch=1, pad_warmup=0.0)
    same = dataclasses.replace(same, mix_as_released=False, corrections=0.0)
    return dataclasses.replace(
        same, learning_rate=1.0, schedule="constant", drops=(), drop_factor=1.0, warmup=0.0
    )


def head_recipe(recipe: Recipe) -> Recipe:
    """Returns the recipe of a head that is trained on cached features: these are already augmented,
    and all parameters of the head are trained.
    """
    still = dataclasses.replace(recipe, crop=0, flip=False, rotate=0.0, zoom=0.0)
    return dataclasses.replace(still, freeze="", backbone_rate=1.0, layer_decay=1.0, views=0)


# Values with which a field has no effect.
_IDLE = {
    "loss": "soft",
    "weighting": "even",
    "rotate": 0.0,
    "zoom": 0.0,
    "mix_share": 0.0,
    "average": 0.0,
    "precision": "default",
    "freeze": "",
    "backbone_rate": 1.0,
    "layer_decay": 1.0,
    "views": 0,
    "corrections": 0.0,
}


def weight_fields(recipe: Recipe) -> dict[str, Any]:
    """Returns the fields of a recipe that identify the trained weights.

    A field that was added later is left out at a value without effect, so that it does not change
    the identity of a network that was trained before.
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


def assisted_places(recipe: Recipe, share: float) -> int:
    """Returns how many places of a batch are for images that an assistant answered.

    Args:
      recipe: gives the size of a batch.
      share: their share of each batch; 0 without an assistant.
    """
    return round(share * recipe.batch_size)


def steps_per_epoch(recipe: Recipe, count: int, share: float = 0.0) -> int:
    """Returns the steps in one pass over ``count`` records, the last batch partly filled.

    Args:
      recipe: gives the size of a batch.
      count: number of records that the teacher answered.
      share: the share of each batch that an assistant answered.
    """
    return -(-count // (recipe.batch_size - assisted_places(recipe, share)))


def epochs(recipe: Recipe, count: int, share: float = 0.0) -> int:
    """Returns the number of epochs over ``count`` records: ``epochs``, or more if ``min_steps``
    requires it. The arguments are those of :func:`steps_per_epoch`.
    """
    return max(recipe.epochs, -(-recipe.min_steps // steps_per_epoch(recipe, count, share)))


def images_per_epoch(recipe: Recipe, count: int, share: float = 0.0) -> int:
    """Returns the images in one pass over ``count`` records, including those of an assistant. The
    arguments are those of :func:`steps_per_epoch`.
    """
    return count + steps_per_epoch(recipe, count, share) * assisted_places(recipe, share)


@flax.struct.dataclass
class StepInputs:
    """The inputs of S steps in addition to their batches. They are data, so that rounds of other
    lengths run the same program.

    Attributes:
      rate: ``float32[S]``, learning rates.
      warmed_up: ``bool[S]``, whether the warm-up of an auxiliary head is over; None for a loss
        without one.
    """

    rate: Array
    warmed_up: Array | None = None


def step_inputs(recipe: Recipe, total: int) -> StepInputs:
    """Returns the inputs of all ``total`` steps of a training."""
    warm = round(recipe.pad_warmup * total)
    warmed_up = np.arange(total) >= warm if losses.auxiliary_head(recipe) else None
    return StepInputs(rate=learning_rates(recipe, total), warmed_up=warmed_up)


def learning_rates(recipe: Recipe, total: int) -> np.ndarray:
    """Returns the learning rate of each of ``total`` steps, ``float32[total]``."""
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
    # In blocks of one size, so that a round with another number of steps compiles nothing.
    blocks = np.arange(-(-total // _BLOCK) * _BLOCK, dtype=np.float32).reshape(-1, _BLOCK)
    return np.concatenate(
        [np.broadcast_to(np.asarray(schedule(block), np.float32), _BLOCK) for block in blocks]
    )[:total]


def epoch_rates(recipe: Recipe, count: int, share: float = 0.0) -> np.ndarray:
    """Returns the learning rate of the last step of each epoch over ``count`` records:
    ``float32[epochs]``. The arguments are those of :func:`steps_per_epoch`.
    """
    steps = steps_per_epoch(recipe, count, share)
    return learning_rates(recipe, steps * epochs(recipe, count, share))[steps - 1 :: steps]


def optimizer_of(recipe: Recipe, last: str) -> optax.GradientTransformation:
    """Returns the optimizer of a network, without its learning rate.

    Args:
      recipe: how the network is trained.
      last: its last layer.
    """
    tx = optimizer_without_rate(recipe)
    if not recipe.freeze and recipe.backbone_rate == recipe.layer_decay == 1:
        return tx
    frozen = freezing.frozen_in(recipe.freeze, last)
    return by_part(tx, frozen, last, recipe.backbone_rate, layer_decay=recipe.layer_decay)


def optimizer_without_rate(recipe: Recipe) -> optax.GradientTransformation:
    """Returns the optimizer without its learning rate: a step is minus the rate times its update.

    SGD adds the weight decay to the gradient of every parameter before momentum, as in the released
    code; AdamW decouples it.
    """
    decay = optax.add_decayed_weights(recipe.weight_decay)
    if recipe.optimizer == "adamw":
        return optax.chain(promoting(optax.scale_by_adam()), decay)
    return optax.chain(decay, optax.trace(recipe.momentum))
