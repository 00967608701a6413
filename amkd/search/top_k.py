"""The k lowest of a stream of scores, exactly; ties go to the lower rank.

They are kept where the scores are made. A buffer takes every score that may still be among the k
lowest; when it is full, it is sorted and all but the k lowest are given up. So memory is O(k +
batch),
and sorting costs little: few scores of a long stream are low enough to enter the buffer at all.
Ranks are row-major, so the order of (score, i, j) is the order of (score, rank), in 32 bits.
"""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

NOTHING = np.int32(
    2**31 - 1
)  # in place of an image's number, where there is no pair; its score is infinite


class Scored(NamedTuple):
    """Pairs with their scores.

    Attributes:
      score: ``float32[P]``, C2.
      i: ``int32[P]``, the lower image of each pair.
      j: ``int32[P]``, the higher one.
      extra: arrays ``[P, ...]`` of what else is known of each pair; for C2, its lambda: w
        ``int32[P]``.
    """

    score: Any
    i: Any
    j: Any
    extra: Any


class Lowest(NamedTuple):
    """What has been kept of a stream so far.

    Attributes:
      rows: the buffer.
      filled: ``int32[]``, how many of its rows are in use.
      bar: ``float32[]``; no score above it is among the k lowest.
      bad: ``bool[]``, whether some score was not finite.
    """

    rows: Scored
    filled: jax.Array
    bar: jax.Array
    bad: jax.Array


def empty(k: int, batch: int, extra: Any) -> Lowest:
    """Nothing kept yet.

    Args:
      k: how many to keep.
      batch: pairs that come at a time, P.
      extra: arrays, or their shapes, like those of one pair.
    """
    size = 2 * k + batch
    i, j = (jnp.full(size, NOTHING, jnp.int32) for _ in range(2))
    more = jax.tree.map(lambda one: jnp.zeros((size, *one.shape), one.dtype), extra)
    rows = Scored(jnp.full(size, jnp.inf, jnp.float32), i, j, more)
    return Lowest(rows, jnp.int32(0), jnp.float32(jnp.inf), jnp.bool_(False))


def add(lowest: Lowest, scored: Scored, count: jax.Array, k: int) -> Lowest:
    """Takes a batch in.

    Args:
      lowest: what has been kept of the batches before.
      scored: the batch, P pairs of which none came before.
      count: ``int32[]``; only the first ``count`` of them are meant.
      k: how many to keep.
    """
    (batch,) = scored.score.shape
    (size,) = lowest.rows.score.shape
    chex.assert_type(
        [scored.score, scored.i, scored.j, count], [jnp.float32, jnp.int32, jnp.int32, jnp.int32]
    )
    chex.assert_equal(size, 2 * k + batch)
    meant = jnp.arange(batch, dtype=jnp.int32) < count
    lowest = jax.lax.cond(
        lowest.filled > size - batch, lambda one: settle(one, k), lambda one: one, lowest
    )
    near = meant & (scored.score <= lowest.bar)  # the bar's equals, too: their ranks may be lower
    place = jnp.where(near, lowest.filled + jnp.cumsum(near, dtype=jnp.int32) - 1, size)
    rows = jax.tree.map(lambda all_, new: all_.at[place].set(new, mode="drop"), lowest.rows, scored)
    filled = lowest.filled + jnp.sum(near, dtype=jnp.int32)
    bad = lowest.bad | jnp.any(meant & ~jnp.isfinite(scored.score))
    return Lowest(rows, filled, lowest.bar, bad)


def settle(lowest: Lowest, k: int) -> Lowest:
    """Sorts the buffer and gives up all but the k lowest: what comes next may take their place."""
    score, i, j, extra = lowest.rows
    own = jnp.arange(len(score), dtype=jnp.int32)
    score, i, j, order = jax.lax.sort((score, i, j, own), num_keys=3, is_stable=False)
    rows = Scored(score, i, j, jax.tree.map(lambda column: column[order], extra))
    return Lowest(rows, jnp.minimum(lowest.filled, k), score[k - 1], lowest.bad)


def first(lowest: Lowest, k: int) -> Scored:
    """The k lowest in order, ``[k]``; the last of them are ``NOTHING`` where there were fewer."""
    return jax.tree.map(lambda column: column[:k], settle(lowest, k).rows)


def merge(parts: Scored, k: int) -> Scored:
    """The k lowest of several parts, ``[parts, k]`` to ``[k]`` in order. On the host."""
    joined = jax.tree.map(lambda column: np.asarray(column).reshape(-1, *column.shape[2:]), parts)
    order = np.lexsort((joined.j, joined.i, joined.score))[:k]
    return jax.tree.map(lambda column: column[order], joined)


def pairs_of(scored: Scored) -> Scored:
    """Without the rows that are ``NOTHING``. On the host."""
    there = scored.i != NOTHING
    return jax.tree.map(lambda column: column[there], scored)
