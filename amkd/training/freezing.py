"""Frozen parts of a network, which training does not change: parameters, BatchNorm statistics."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
from flax import linen as nn

from amkd.core.errors import UserError
from amkd.models import Network
from amkd.models.layers import Variables
from amkd.models.pretrained.naming import dotted

BACKBONE = "backbone"  # all but the last layer

Names = tuple[str, ...]  # path of a module or a variable inside its collection, outermost first
_COLLECTIONS = ("params", "batch_stats")  # the collections that training changes


def names_of(path: Any) -> Names:
    """Returns the names on a path of JAX through nested dictionaries."""
    return tuple(str(key.key) for key in path)


def frozen_in(freeze: str, last: str) -> Callable[[Names], bool]:
    """Returns a function that takes names and returns whether this module or variable is frozen.

    Args:
      freeze: ``train.freeze``.
      last: the last layer of the network.
    """
    if freeze == BACKBONE:
        return lambda names: names[0] != last
    prefixes = [f"{dotted((part,))}." for part in _parts(freeze)]
    return lambda names: any(f"{dotted(names)}.".startswith(prefix) for prefix in prefixes)


def stopped(params: Any, frozen: Callable[[Names], bool]) -> Any:
    """Returns parameters with no gradient for the frozen ones, so that none is computed."""
    return jax.tree_util.tree_map_with_path(
        lambda path, value: jax.lax.stop_gradient(value) if frozen(names_of(path)) else value,
        params,
    )


def kept(average: Variables, variables: Variables, frozen: Callable[[Names], bool]) -> Variables:
    """Returns a running average whose frozen variables equal the network's own, bit for bit."""

    def one(path: Any, averaged: Any, own: Any) -> Any:
        collection, *names = names_of(path)
        stays = collection not in _COLLECTIONS or frozen(tuple(names))
        return own if stays else averaged

    return jax.tree_util.tree_map_with_path(one, average, variables)


@contextlib.contextmanager
def batch_norm_kept(freeze: str, last: str) -> Iterator[None]:
    """Makes BatchNorm use its running statistics, and not change them, where it is frozen."""
    if not freeze:
        yield
        return
    frozen = frozen_in(freeze, last)

    def intercept(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        module = context.module
        if isinstance(module, nn.BatchNorm) and frozen(module.path):
            if module.use_running_average is None:
                kwargs = {**kwargs, "use_running_average": True}
            else:  # set where the module was made; linen makes a new module for each call
                object.__setattr__(module, "use_running_average", True)
        return call(*args, **kwargs)

    with nn.intercept_methods(intercept):
        yield


def check(
    freeze: str,
    backbone_rate: float,
    network: Network,
    variables: Variables,
    group: str = "train",
) -> None:
    """Checks that the parts of a network that a recipe names exist.

    Args:
      freeze: ``train.freeze``.
      backbone_rate: ``train.backbone_rate``.
      network: the network.
      variables: its variables, or their shapes.
      group: a group of fields of the recipe.

    Raises:
      UserError: a part does not exist, or nothing is left to train.
    """
    params = variables["params"]
    if network.last not in params and (freeze == BACKBONE or backbone_rate != 1):
        field = "freeze='backbone'" if freeze == BACKBONE else f"backbone_rate={backbone_rate}"
        raise UserError(
            f"config.{group}.{field}: needs the network's last layer, but this network does not"
            f" show it; name layers in {group}.freeze ({', '.join(map(_shown, params))}), or let"
            " its build function return an amkd.models.Network"
        )
    if freeze == BACKBONE:
        return
    names = [names_of(path) for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    for part in _parts(freeze):
        if not any(map(frozen_in(part, network.last), names)):
            raise UserError(
                f"config.{group}.freeze={freeze!r}: the network has no layer {part!r}; its layers"
                f" are {', '.join(map(_shown, params))}"
            )
    if all(map(frozen_in(freeze, network.last), names)) and names:
        raise UserError(
            f"config.{group}.freeze={freeze!r}: nothing is left to train; name fewer layers"
        )


def _parts(freeze: str) -> list[str]:
    return [part.strip() for part in freeze.split(",") if part.strip()]


def _shown(name: str) -> str:
    return dotted((name,))
