"""The devices of this process: how many there are, and what is placed on them."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core import mesh, processes
from amkd.core.compilation import compiled

_IN_FLIGHT = 2  # batches whose results are not waited for
_USUAL_MEMORY = 12 * 2**30  # of a device that does not report its memory
_least_memory = sys.maxsize  # of a device of any process


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


def split(rows: Any) -> Any:
    """Splits the rows of arrays ``[M, ...]``, M a multiple of D, over the local devices in order.

    A mapped program takes arrays with one row for each device, and then moves nothing.
    """
    return mesh.place(rows, mesh.current(all_processes=False), 0)


def accelerated() -> bool:
    """Returns whether work takes the form for accelerators: long loops in one dispatch, batches
    over all devices, and arrays that stay on the devices.

    A CPU needs none of that, and runs convolutions inside loops several times slower. All forms
    give the same results up to rounding.
    """
    return jax.default_backend() != "cpu"


def memory() -> int:
    """Returns the bytes that programs may use on each local device; a guess if it is not reported.

    It is a property of the device and of JAX's settings, not what is free now: sizes that follow
    from it are the same from run to run.
    """
    told = [device.memory_stats() or {} for device in jax.local_devices()]
    return min(*(int(one.get("bytes_limit", _USUAL_MEMORY)) for one in told), _least_memory)


def limit_memory(least: int) -> None:
    """Sets the most that :func:`memory` returns: the least of all processes, which must derive the
    same sizes from it.
    """
    global _least_memory
    _least_memory = least


def place(tree: Any) -> Any:
    """Places arrays where repeated calls use them: on every accelerator, once, or on the host of a
    CPU.
    """
    return replicate(tree) if accelerated() else tree


def place_result(tree: Any) -> Any:
    """Returns the result of a program where repeated calls use it.

    That is on the devices of an accelerator, and on the host of a CPU or with several processes.
    """
    return tree if accelerated() and jax.process_count() == 1 else jax.device_get(tree)


def in_batches(run: Callable[..., Any], variables: Any, rows: Any, batch: int = 256) -> Any:
    """Returns ``run(variables, rows)``, computed a batch at a time, as arrays on the host.

    The last batch is padded, so that all batches have one shape. On accelerators, all devices take
    part, each with ``batch`` rows at a time, and ``variables`` are uploaded once.

    Args:
      run: works on each row for itself; may return a tree of arrays ``[batch, ...]``.
      variables: its first argument.
      rows: a tree of arrays, each ``[M, ...]``.
      batch: rows at a time.
    """
    total = len(jax.tree.leaves(rows)[0])
    if not total:
        one = jax.tree.map(lambda a: np.zeros((1, *a.shape[1:]), a.dtype), rows)
        return jax.tree.map(lambda a: a[:0], in_batches(run, variables, one, batch))
    parts: list[Any] = []
    for part in _parts(run, variables, rows, batch):
        parts.append(part)
        if len(parts) > _IN_FLIGHT:  # the devices work while the host fetches
            parts[-1 - _IN_FLIGHT] = jax.device_get(parts[-1 - _IN_FLIGHT])
    join = lambda *columns: np.concatenate(columns)[:total]  # noqa: E731
    return jax.tree.map(join, *map(jax.device_get, parts))


def on_every_device(run: Callable[..., Any], variables: Any, rows: Any, batch: int = 256) -> Any:
    """Returns what :func:`in_batches` returns, as arrays on every local device.

    On accelerators it never comes to the host, and there is never a copy of the whole.
    """
    if not accelerated():
        return replicate(in_batches(run, variables, rows, batch))
    total, done, whole = len(jax.tree.leaves(rows)[0]), 0, None
    for part in _parts(run, variables, rows, batch):
        part = replicate(part)
        whole = whole or _room(total, part)
        size = min(len(jax.tree.leaves(part)[0]), total - done)
        whole = _written(size, whole, part)
        done += size
    return whole[0] if whole else None


@compiled(static=("total",))
def _room(total: int, part: Any) -> tuple[Any, jax.Array]:
    """Returns arrays with ``total`` rows, of which none is written yet, where ``part`` is."""
    room = lambda rows: jnp.broadcast_to(rows[:1], (total, *rows.shape[1:]))  # noqa: E731
    return jax.tree.map(room, part), jnp.int32(0)


@compiled(static=("size",), donate="whole")
def _written(size: int, whole: tuple[Any, jax.Array], part: Any) -> tuple[Any, jax.Array]:
    """Writes the first ``size`` rows of ``part`` into the arrays, after the rows that are there."""
    arrays, done = whole
    write = jax.lax.dynamic_update_slice_in_dim
    found = jax.tree.map(lambda to, rows: write(to, rows[:size], done, 0), arrays, part)
    return found, done + size


def _parts(run: Callable[..., Any], variables: Any, rows: Any, batch: int) -> Iterator[Any]:
    """Yields what ``run`` returns of each batch; no result is waited for."""
    total, place = len(jax.tree.leaves(rows)[0]), lambda of: of
    if accelerated():
        variables, batch, place = replicate(variables), batch * count(), split
    for start in range(0, total, batch):
        of = jax.tree.map(lambda column: column[start : start + batch], rows)  # noqa: B023, used at once
        room = batch - len(jax.tree.leaves(of)[0])
        padded = jax.tree.map(
            lambda column: np.pad(column, [(0, room), *[(0, 0)] * (column.ndim - 1)]),  # noqa: B023
            of,
        )
        yield run(variables, place(padded))


@compiled(static=("function",), kept=16)
def _each(function: Callable[[jax.Array], jax.Array], _: None, rows: jax.Array) -> jax.Array:
    return jax.vmap(function)(rows)


def each(
    function: Callable[[jax.Array], jax.Array], rows: np.ndarray, batch: int = 4096
) -> np.ndarray:
    """Applies a pure function to every row of ``[M, ...]``, a batch at a time, padded."""
    found: np.ndarray = in_batches(partial(_each, function), None, rows, batch)
    return found
