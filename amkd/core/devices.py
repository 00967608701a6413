"""The devices of this process: how many there are, and what is placed on them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from amkd.core import mesh, processes
from amkd.core.compilation import compiled


def count() -> int:
    """Returns the number of local devices, D."""
    return jax.local_device_count()


def taking_part() -> int:
    """Returns the number of devices that train together: the local ones, or those of all processes
    inside :func:`amkd.core.mesh.together`.
    """
    return mesh.current().size


def describe() -> str:
    """Returns the devices of each process in words."""
    kinds = sorted({device.device_kind for device in jax.local_devices()})
    each = f" in each of {processes.count()} processes" if processes.count() > 1 else ""
    return f"{count()} x {', '.join(kinds)} ({jax.default_backend()}){each}"


def replicate(tree: Any, *, all_processes: bool = False) -> Any:
    """Copies every array to every device, placed so that a mapped program moves nothing.

    Args:
      tree: arrays.
      all_processes: see :func:`amkd.core.compilation.mapped`.
    """
    return mesh.place(tree, mesh.current(all_processes), None)


def split(rows: np.ndarray) -> jax.Array:
    """Places one row ``[D, ...]`` on each local device, so that a mapped program moves nothing."""
    placed: jax.Array = mesh.place(rows, mesh.current(all_processes=False), 0)
    return placed


def in_batches(run: Callable[..., Any], variables: Any, rows: Any, batch: int = 256) -> Any:
    """Returns ``run(variables, rows)``, computed a batch at a time, as arrays on the host.

    The last batch is padded, so that all batches have one shape.

    Args:
      run: may return a tree of arrays ``[batch, ...]``.
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


@compiled(static=("function",), kept=16)
def _each(function: Callable[[jax.Array], jax.Array], _: None, rows: jax.Array) -> jax.Array:
    return jax.vmap(function)(rows)


def each(function: Callable[[jax.Array], jax.Array], rows: np.ndarray) -> np.ndarray:
    """Applies a pure function to every row of ``[M, ...]``, a block at a time."""
    found: np.ndarray = in_batches(partial(_each, function), None, rows, 4096)
    return found
