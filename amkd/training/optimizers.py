"""Optimizers of optax: under JAX's strict type promotion, and with other rates for parts of a
network.
"""

from collections.abc import Callable
from typing import Any

import jax
import optax

from amkd.training.freezing import names_of


def promoting(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns the same optimizer, allowed to promote types implicitly.

    Optax's Adam does so: its bias correction raises a float to the power of an integer.
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
) -> optax.GradientTransformation:
    """Returns an optimizer that leaves some parameters as they are, and moves the backbone at
    another rate than the last layer.

    Args:
      tx: the optimizer of all that moves.
      frozen: whether the parameter of this path stays.
      last: the last layer.
      backbone_rate: factor of the updates of all other layers.
    """

    def part(names: tuple[str, ...]) -> str:
        if frozen(names):
            return "frozen"
        return "last" if names[0] == last else "backbone"

    def parts(params: Any) -> Any:
        return jax.tree_util.tree_map_with_path(lambda path, _: part(names_of(path)), params)

    moved = optax.chain(tx, optax.scale(backbone_rate))
    of_part = {"frozen": optax.set_to_zero(), "last": tx, "backbone": moved}
    return optax.partition(of_part, parts)
