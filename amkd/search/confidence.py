"""The student's confidence in one image (C1) and in one pair (C2); paper, sec. 3.3, eq. 1 and 2."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.data import mixing
from amkd.models.inference import MixInput, Trunk

# Images i and j -> C2 float32[] of the pair and its arg-min lambda, w int32[].
Minimise = Callable[[MixInput, MixInput], tuple[jax.Array, jax.Array]]


class Minimiser(Protocol):
    """A method to minimise C1 over lambda, for any student.

    It is hashable, because a program is compiled once for each minimiser.
    """

    def __hash__(self) -> int: ...

    @property
    def evaluations(self) -> int:
        """Returns the number of student evaluations for one pair."""

    @property
    def at_once(self) -> int:
        """Returns how many of these evaluations are computed together."""

    @property
    def uses_logits(self) -> bool:
        """Returns whether it uses the real images' logits: one more evaluation for each image."""

    def on(self, trunk: Trunk) -> Minimise:
        """Returns the minimisation for one student, as a function of one pair."""


class Grid(NamedTuple):
    """The lowest C1 on a grid of lambda, as in the paper.

    Attributes:
      w: the grid, in units of 1/65536.
    """

    w: tuple[int, ...]

    @property
    def evaluations(self) -> int:
        """Returns one evaluation for each lambda."""
        return len(self.w)

    @property
    def at_once(self) -> int:
        """Returns the number of all lambdas."""
        return len(self.w)

    @property
    def uses_logits(self) -> bool:
        """Returns False."""
        return False

    def on(self, trunk: Trunk) -> Minimise:
        """Returns :func:`c2` with this grid."""
        return lambda i, j: c2(trunk, i.h, j.h, np.array(self.w, np.int32))


def c1(logits: jax.Array) -> jax.Array:
    """Returns the confidence in one image, ``max_y S(y|x)`` (eq. 1), given its logits ``[Y]``."""
    chex.assert_rank(logits, 1)
    # This computes only the largest probability of the softmax.
    return 1 / jnp.sum(jnp.exp(logits - jnp.max(logits)))


def c2(trunk: Trunk, h_i: jax.Array, h_j: jax.Array, w: np.ndarray) -> tuple[jax.Array, jax.Array]:
    """Returns the confidence in one pair, ``min over lam of C1(lam*x_i + (1-lam)*x_j)`` (eq. 2).

    Mixing commutes with an affine map, so the trunk on a mix of activations gives the student's
    result for the mixed image.

    Args:
      trunk: the student after its affine stem.
      h_i: the stem's activation of image i.
      h_j: the stem's activation of image j, of the same shape.
      w: ``int32[L]``, the grid of lambda, in units of 1/65536.

    Returns:
      The minimum, ``float32[]``, and the first ``w`` that attains it, ``int32[]``.
    """
    chex.assert_type(w, jnp.int32)
    confidence = jax.vmap(lambda lam: c1(trunk(mixing.mix(h_i, h_j, lam))))(mixing.lam_of(w))
    return jnp.min(confidence), jnp.asarray(w)[jnp.argmin(confidence)]


def score_pairs(
    minimise: Minimise, table: MixInput, i: jax.Array, j: jax.Array, tile: int
) -> tuple[jax.Array, jax.Array]:
    """Scores many pairs, ``tile`` pairs at a time.

    Every tile runs the same program on the same shapes, so the bits of a pair's score do not depend
    on the number of pairs in the call.

    Args:
      minimise: computes C2 of one pair.
      table: all real images: arrays ``[N, ...]``.
      i: ``int32[P]``, P a multiple of ``tile``.
      j: ``int32[P]``.
      tile: pairs evaluated together.

    Returns:
      C2 ``float32[P]`` and w ``int32[P]``.
    """
    chex.assert_type([i, j], jnp.int32)
    score, w = jax.lax.map(
        lambda ij: _score_tile(minimise, table, *ij), (i.reshape(-1, tile), j.reshape(-1, tile))
    )
    return score.reshape(-1), w.reshape(-1)


def score_first_pairs(
    minimise: Minimise, table: MixInput, i: jax.Array, j: jax.Array, *, tile: int, count: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Scores only the first ``count`` pairs, in the smallest possible number of tiles.

    So one program serves dispatches of every length.

    Args:
      minimise: computes C2 of one pair.
      table: all real images: arrays ``[N, ...]``.
      i: ``int32[P]``, P a multiple of ``tile``.
      j: ``int32[P]``.
      tile: pairs evaluated together.
      count: ``int32[]``, how many pairs to score.

    Returns:
      C2 ``float32[P]`` and w ``int32[P]``; infinite and 0 beyond the last tile that was scored.
    """
    chex.assert_type([i, j, count], jnp.int32)

    def score_next(done: tuple[jax.Array, jax.Array, jax.Array]) -> Any:
        start, score, w = done
        places = (jax.lax.dynamic_slice_in_dim(side, start, tile) for side in (i, j))
        found = _score_tile(minimise, table, *places)
        update = jax.lax.dynamic_update_slice_in_dim
        return start + tile, update(score, found[0], start, 0), update(w, found[1], start, 0)

    score, w = jnp.full(i.shape, jnp.inf, jnp.float32), jnp.zeros(i.shape, jnp.int32)
    start = jnp.zeros_like(count)
    _, score, w = jax.lax.while_loop(lambda done: done[0] < count, score_next, (start, score, w))
    return score, w


def _score_tile(
    minimise: Minimise, table: MixInput, i: jax.Array, j: jax.Array
) -> tuple[jax.Array, jax.Array]:
    return jax.vmap(lambda p, q: minimise(_image(table, p), _image(table, q)))(i, j)


def _image(table: MixInput, place: jax.Array) -> MixInput:
    found: MixInput = jax.tree.map(lambda column: column[place], table)
    return found
