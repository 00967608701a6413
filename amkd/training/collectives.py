"""What devices know of each other's shares of a batch, dealt out in order. Pure, inside a mapped
function.
"""

from typing import Any

import jax


def whole(share: Any, axis: str) -> Any:
    """Columns of the whole batch, of one device's: a tree of ``[b, ...]`` to ``[B, ...]``."""
    return jax.tree.map(lambda column: jax.lax.all_gather(column, axis, tiled=True), share)


def part(column: jax.Array, size: int, axis: str) -> jax.Array:
    """This device's part of a column of the whole batch, of so many records."""
    return jax.lax.dynamic_slice_in_dim(column, jax.lax.axis_index(axis) * size, size)
