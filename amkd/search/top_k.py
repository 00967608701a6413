"""The exact k lowest scores of a stream; of equal scores, the pair of lower rank comes first.

They are kept on the device that computes the scores. A buffer takes every score that may still be
among the k lowest. When it is full, it is sorted, and only the k lowest are kept. So memory is
O(k + batch). Sorting costs little, because few scores of a long stream are low enough to enter the
buffer. Ranks are row-major, so the order of (score, i, j) is the order of (score, rank), in 32
bits.
"""

from collections.abc import Sequence
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from amkd.data.records import Records

# Replaces the number of an image in rows of the buffer without a pair; the score of these rows is
# infinite.
NO_IMAGE = np.int32(2**31 - 1)


@struct.dataclass
class Scored:
    """Pairs with their scores; JAX arrays on the devices, NumPy arrays on the host.

    Attributes:
      score: ``float32[P]``, C2.
      i: ``int32[P]``, the lower image of each pair.
      j: ``int32[P]``, the higher image of each pair.
      w: ``int32[P]``, the arg-min lambda in units of 1/65536.
    """

    score: Any
    i: Any
    j: Any
    w: Any

    def __len__(self) -> int:
        """Returns the number of pairs, P."""
        return len(self.score)

    def take(self, places: Any) -> "Scored":
        """Returns the pairs at these places, in this order."""
        return Scored(self.score[places], self.i[places], self.j[places], self.w[places])

    def records(self) -> Records:
        """Returns the mixes without their scores."""
        return Records(self.i, self.j, self.w)


def concatenate(parts: Sequence[Scored]) -> Scored:
    """Returns the pairs of all parts, one part after the other. It runs on the host."""
    joined: Scored = jax.tree.map(lambda *columns: np.concatenate(columns), *parts)
    return joined


@struct.dataclass
class Buffer:
    """The pairs that are kept from a stream so far.

    Attributes:
      rows: ``2k + batch`` rows.
      filled: ``int32[]``, how many of them are in use.
      threshold: ``float32[]``; no score above it is among the k lowest.
      bad: ``bool[]``, whether some score was not finite.
    """

    rows: Scored
    filled: jax.Array
    threshold: jax.Array
    bad: jax.Array


def empty(k: int, batch: int) -> Buffer:
    """Returns an empty buffer.

    Args:
      k: how many pairs to keep.
      batch: pairs that are added at a time, P.
    """
    size = 2 * k + batch
    i, j = (jnp.full(size, NO_IMAGE, jnp.int32) for _ in range(2))
    rows = Scored(jnp.full(size, jnp.inf, jnp.float32), i, j, jnp.zeros(size, jnp.int32))
    return Buffer(rows, jnp.int32(0), jnp.float32(jnp.inf), jnp.bool_(False))


def add(buffer: Buffer, scored: Scored, count: jax.Array, k: int) -> Buffer:
    """Returns the buffer after one more batch.

    Args:
      buffer: the buffer after the batches before.
      scored: the batch, P pairs that were not added before.
      count: ``int32[]``; only the first ``count`` pairs are added, the others are padding.
      k: how many pairs to keep.
    """
    (batch,) = scored.score.shape
    (size,) = buffer.rows.score.shape
    chex.assert_type(
        [scored.score, scored.i, scored.j, count], [jnp.float32, jnp.int32, jnp.int32, jnp.int32]
    )
    chex.assert_equal(size, 2 * k + batch)
    meant = jnp.arange(batch, dtype=jnp.int32) < count
    buffer = jax.lax.cond(
        buffer.filled > size - batch, lambda one: compact(one, k), lambda one: one, buffer
    )
    # A score equal to the threshold enters, too: the rank of its pair may be lower.
    near = meant & (scored.score <= buffer.threshold)
    # Pairs that do not enter get different places after the end: no place comes twice, so that
    # accelerators may write all rows at once, even if they must be deterministic.
    beyond = size + jnp.arange(batch, dtype=jnp.int32)
    place = jnp.where(near, buffer.filled + jnp.cumsum(near, dtype=jnp.int32) - 1, beyond)
    rows = jax.tree.map(
        lambda all_, new: all_.at[place].set(new, mode="drop", unique_indices=True),
        buffer.rows,
        scored,
    )
    filled = buffer.filled + jnp.sum(near, dtype=jnp.int32)
    bad = buffer.bad | jnp.any(meant & ~jnp.isfinite(scored.score))
    return Buffer(rows, filled, buffer.threshold, bad)


def compact(buffer: Buffer, k: int) -> Buffer:
    """Sorts the rows and keeps only the k lowest; new pairs may replace the others."""
    rows = buffer.rows
    own = jnp.arange(len(rows.score), dtype=jnp.int32)
    score, i, j, order = jax.lax.sort(
        (rows.score, rows.i, rows.j, own), num_keys=3, is_stable=False
    )
    rows = Scored(score, i, j, rows.w[order])
    return Buffer(rows, jnp.minimum(buffer.filled, k), score[k - 1], buffer.bad)


def k_lowest(buffer: Buffer, k: int) -> Scored:
    """Returns the k lowest in order, ``[k]``; padded with ``NO_IMAGE`` if fewer were added."""
    return compact(buffer, k).rows.take(slice(k))


def merge(parts: Scored, k: int) -> Scored:
    """Returns the k lowest of several parts in order, ``[parts, k]`` to ``[k]``, on the host."""
    joined = jax.tree.map(lambda column: np.asarray(column).reshape(-1), parts)
    return joined.take(np.lexsort((joined.j, joined.i, joined.score))[:k])


def without_padding(scored: Scored) -> Scored:
    """Returns the rows that contain a pair. It runs on the host."""
    return scored.take(scored.i != NO_IMAGE)
