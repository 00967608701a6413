"""Shares a batch between the devices, which hold its parts in order. Pure functions, for use inside
a mapped function.
"""

import chex
import jax


def all_gather_batch(part: chex.ArrayTree, axis: str) -> chex.ArrayTree:
    """Returns the whole batch on every device: a tree of ``[b, ...]`` to ``[B, ...]``.

    Args:
      part: this device's part of the batch.
      axis: name of the device axis.
    """
    return jax.tree.map(lambda column: jax.lax.all_gather(column, axis, tiled=True), part)


def own_part(column: jax.Array, size: int, axis: str) -> jax.Array:
    """Returns this device's part of a column of the whole batch: ``[B, ...]`` to ``[b, ...]``.

    Args:
      column: a column of the whole batch.
      size: records of one device, b.
      axis: name of the device axis.
    """
    return jax.lax.dynamic_slice_in_dim(column, jax.lax.axis_index(axis) * size, size)
