"""Enumerates pairs on the device that scores them: a few numbers describe a long range of ranks.

Ranks need 64 bits, but the programs here use 32-bit integers. So pairs are counted from the first
one of the range.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.search import pairs

_NEVER = np.int32(2**31 - 1)  # fills places without a removed pair


class Span(NamedTuple):
    """A range of pairs, described with 32-bit integers.

    Attributes:
      row: ``int32[]``, i of the first pair.
      column: ``int32[]``, number of pairs before the first one in its row.
      removed: ``int32[G]``, ascending: how many pairs of the range come before each pair that was
        removed from the pool; unused places have the largest 32-bit integer.
    """

    row: chex.Array
    column: chex.Array
    removed: chex.Array


def span_of(ranks: pairs.RankRange, n: int, room: int) -> Span:
    """Returns a range of ranks in the form that is sent to a device. It runs on the host.

    Args:
      ranks: the pairs.
      n: number of real images N.
      room: G, at least the number of removed pairs.
    """
    (i,), (j,) = pairs.pair_of(np.array([ranks.first]), n)
    removed = np.full(room, _NEVER, np.int32)
    before = ranks.removed - ranks.first - np.arange(len(ranks.removed))
    removed[: len(before)] = before
    return Span(np.int32(i), np.int32(j - i - 1), removed)


def pairs_of(span: Span, n: int, length: int) -> tuple[jax.Array, jax.Array]:
    """Returns the pairs of a range, in the order of their ranks.

    Args:
      span: the range.
      n: number of real images N.
      length: how many pairs, P, at most 2**20; above this the root may be off by more than one.

    Returns:
      ``(i, j)``, each ``int32[P]``. After the last of all pairs, they are valid places of images,
      but not pairs of the range.
    """
    chex.assert_type([span.row, span.column, span.removed], jnp.int32)
    place = jnp.arange(length, dtype=jnp.int32)
    # The chosen pairs before place p are those with at most p pairs of the range before them.
    skipped = jnp.searchsorted(span.removed, place, side="right").astype(jnp.int32)
    offset = span.column + place + skipped
    width = n - 1 - span.row  # pairs in the first row; each following row has one pair fewer

    def before(rows: jax.Array) -> jax.Array:
        return rows * width - rows * (rows - 1) // 2

    # The lower root of ``before(rows) = offset``, in the form without cancellation.
    full = (2 * width + 1).astype(jnp.float32)
    root = jnp.sqrt(jnp.maximum(full * full - 8 * offset.astype(jnp.float32), 1))
    rows = (4 * offset.astype(jnp.float32) / (full + root)).astype(jnp.int32)
    rows = jnp.minimum(rows, width - 1)
    # The root may be off by one next to a row's edge; integer arithmetic corrects it.
    rows = rows - (before(rows) > offset).astype(jnp.int32)
    rows = rows + (before(rows + 1) <= offset).astype(jnp.int32)
    i = span.row + rows
    j = i + 1 + offset - before(rows)
    return jnp.minimum(i, n - 1), jnp.minimum(j, n - 1)
