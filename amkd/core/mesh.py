"""Which devices take part in a mapped program, and how arrays are placed on them.

A mapped program runs on the devices of this process. Inside :func:`together` the devices of all
processes take part in the programs that are declared so, and all processes must call them in the
same order.
"""

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from amkd.core import processes

AXIS = "devices"  # the one device axis; every psum and every BatchNorm names it

_together = False


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Lets the devices of all processes take part while it lasts; all processes must enter it.

    Raises:
      JobEnded: another process failed.
    """
    global _together
    before, _together = _together, jax.process_count() > 1
    processes.waiting_together(_together)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        # The outermost block says what the error means: that may take a minute.
        if before or processes.count() == 1 or "RESOURCE_EXHAUSTED" in str(error):
            raise
        if (cause := processes.cause_of(error)) is error:
            raise
        raise cause from error
    finally:
        _together = before
        processes.waiting_together(before)


def is_together() -> bool:
    """Returns whether other processes take part now."""
    return _together


def current(all_processes: bool = True) -> Mesh:
    """Returns the mesh of the devices that take part now.

    Args:
      all_processes: False for the devices of this process alone, also inside :func:`together`.
    """
    return _mesh(_together and all_processes)


@lru_cache(maxsize=2)
def _mesh(everywhere: bool) -> Mesh:
    return Mesh(np.array(jax.devices() if everywhere else jax.local_devices()), (AXIS,))


def first_own_row() -> int:
    """Returns the place of this process's first device among those that take part now."""
    of = [device.process_index for device in current().devices.flat]
    return of.index(jax.process_index())


def spec(axis: int | None) -> PartitionSpec:
    """Returns how an array is split over the devices along ``axis``.

    With None it is not split: every device has the whole array.
    """
    return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, AXIS)


def place(tree: Any, mesh: Mesh, axis: int | None) -> Any:
    """Places arrays on the devices of a mesh; moves only those that are elsewhere.

    Args:
      tree: arrays of NumPy or JAX. Where other processes take part, each process gives the whole
        array, and keeps the parts of its own devices.
      mesh: what :func:`current` returns.
      axis: see :func:`spec`.
    """
    sharding = NamedSharding(mesh, spec(axis))
    leaves, structure = jax.tree.flatten(tree)
    away = [
        place
        for place, leaf in enumerate(leaves)
        if not (isinstance(leaf, jax.Array) and leaf.sharding == sharding)
    ]
    moved = [leaves[place] for place in away]
    if sharding.is_fully_addressable:
        moved = jax.device_put(moved, sharding)
    else:
        moved = [_placed_globally(leaf, sharding) for leaf in moved]
    for place, leaf in zip(away, moved, strict=True):
        leaves[place] = leaf
    return jax.tree.unflatten(structure, leaves)


def _placed_globally(leaf: Any, sharding: NamedSharding) -> jax.Array:
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _placed_globally(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    host = np.asarray(leaf)
    return jax.make_array_from_callback(host.shape, sharding, lambda part: host[part])
