"""Every program that runs on the devices, and what is placed there."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from amkd.core.compilation import AXIS, Mapped, jit


def count() -> int:
    """Number of local devices."""
    return jax.local_device_count()


def describe() -> str:
    """The local devices in words."""
    kinds = sorted({device.device_kind for device in jax.local_devices()})
    return f"{count()} x {', '.join(kinds)} ({jax.default_backend()})"


def replicate(tree: Any) -> Any:
    """A copy of every array on every local device, placed so that ``pmap`` moves nothing."""
    mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def _split(rows: np.ndarray) -> jax.Array:
    """One row for each local device, placed so that ``pmap`` moves nothing: ``[D, ...]``."""
    mesh = Mesh(np.array(jax.local_devices()), (AXIS,))
    return jax.device_put(rows, NamedSharding(mesh, PartitionSpec(AXIS)))


def _each(run: Callable[..., Any], in_axes: Any = 0, **options: Any) -> Mapped:
    """A function for every device of this process alone: processes need not keep step."""
    return Mapped(run, steady=True, in_axes=in_axes, devices=jax.local_devices(), **options)


def in_batches(run: Callable[..., Any], variables: Any, rows: Any, batch: int = 256) -> Any:
    """``run(variables, rows)`` a batch at a time, the last one padded, on the host in the end.

    Args:
      run: may return a tree of arrays.
      variables: its first argument.
      rows: a tree of arrays, each ``[M, ...]``.
      batch: rows at a time.
    """
    total = len(jax.tree.leaves(rows)[0])

    def part(start: int) -> Any:
        of = jax.tree.map(lambda column: column[start : start + batch], rows)
        room = batch - len(jax.tree.leaves(of)[0])
        return jax.tree.map(
            lambda column: np.pad(column, [(0, room), *[(0, 0)] * (column.ndim - 1)]), of
        )

    parts = [run(variables, part(start)) for start in range(0, total, batch)]
    join = lambda *columns: np.concatenate([np.asarray(one) for one in columns])[:total]  # noqa: E731
    return jax.tree.map(join, *parts)


@lru_cache(maxsize=16)
def _each_program(function: Callable[..., Any]) -> Callable[..., Any]:
    return jit(lambda _, rows: jax.vmap(function)(rows))


def each(function: Callable[[jax.Array], jax.Array], rows: np.ndarray) -> np.ndarray:
    """A pure function of every row, a block at a time."""
    found: np.ndarray = in_batches(_each_program(function), None, rows, 4096)
    return found
