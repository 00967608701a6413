"""Adapts optimizers of optax: to JAX's strict type promotion, and to different learning rates for
parts of a network.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import jax
import optax

from amkd.training.freezing import names_of


def promoting(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns the same optimizer, with implicit type promotion allowed.

    Optax's Adam needs it: its bias correction raises a float to the power of an integer.
    """

    def update(*args: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return tx.update(*args)

    return optax.GradientTransformation(tx.init, update)


def by_part(
    tx: optax.GradientTransformation,
    frozen: Callable[[tuple[str, ...]], bool],
    last: str,
    backbone_rate: float,
    *,
    layer_decay: float = 1.0,
) -> optax.GradientTransformation:
    """Returns an optimizer that does not change frozen parameters, and trains the backbone at
    another rate than the last layer.

    Args:
      tx: the optimizer of all trained parameters.
      frozen: returns whether the parameter at a path is frozen.
      last: the last layer.
      backbone_rate: factor of the updates of all other layers.
      layer_decay: a further factor for each block from a layer to the last layer, as
        :func:`layer_factors` counts them.
    """

    def part(names: tuple[str, ...]) -> str:
        if frozen(names):
            return "frozen"
        return "last" if names[0] == last else "backbone"

    def parts(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(lambda path, _: part(names_of(path)), params)

    moved = optax.chain(tx, optax.scale(backbone_rate))
    of_part = {"frozen": optax.set_to_zero(), "last": tx, "backbone": moved}
    parted = optax.partition(of_part, parts)
    if layer_decay == 1:
        return parted
    # Outside of the partition, which hides the frozen blocks: these count, too.
    return optax.chain(parted, decayed_by_layer(layer_decay, last))


_BLOCK = re.compile(r"(?:blocks_|stages_|layer)(\d+)")  # a block or a stage, with its number
_BEHIND = ("norm", "conv_head", "bn2")  # layers between the last block and the last layer


def has_blocks(names: Iterable[str]) -> bool:
    """Returns whether one of a network's layers is a block with a number."""
    return any(map(_BLOCK.match, names))


def layer_factors(names: Iterable[str], decay: float) -> dict[str, float]:
    """Returns the factor of each layer's learning rate (BEiT, Bao et al., 2022).

    The last block has ``decay``, the block before it ``decay**2``, and so on; all layers before the
    blocks have one factor more, and layers after the blocks have none.

    Args:
      names: the names of a network's layers.
      decay: factor from one block to the block before it.
    """
    numbers = {
        name: int(found[1]) if (found := _BLOCK.match(name)) else -1 for name in sorted(set(names))
    }
    first, last = min(n for n in numbers.values() if n >= 0), max(numbers.values())
    return {
        name: 1.0 if name in _BEHIND else decay ** (last + 1 - max(number, first - 1))
        for name, number in numbers.items()
    }


def decayed_by_layer(decay: float, last: str) -> optax.GradientTransformation:
    """Returns a transformation that multiplies the updates of each layer by its factor.

    Args:
      decay: factor from one block to the block before it.
      last: the last layer, which has the factor 1.
    """

    def update(updates: Any, params: Any) -> Any:
        del params
        paths = [names_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(updates)]
        backbone = (names[0] for names in paths if names[0] != last)
        factors = {last: 1.0, **layer_factors(backbone, decay)}
        return jax.tree_util.tree_map_with_path(
            lambda path, value: factors[names_of(path)[0]] * value, updates
        )

    return optax.stateless(update)
