"""Student confidence on one image (C1) and on one pair (C2); paper, section 3.3, eq. 1 and 2."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.data import mixing
from amkd.models.inference import Seen, Trunk

# Images i and j -> score float32[] and what else is wanted of the pair: C2 and its lambda, w
# int32[].
Minimise = Callable[[Seen, Seen], tuple[jax.Array, Any]]


class Minimiser(Protocol):
    """A way to minimise over lambda, for any student. Hashable: programs are compiled once for
    each.
    """

    def __hash__(self) -> int: ...

    @property
    def evaluations(self) -> int:
        """Student evaluations that one pair takes."""

    @property
    def at_once(self) -> int:
        """How many of them are made together."""

    @property
    def knows_ends(self) -> bool:
        """Whether it looks at the logits of the real images: one more evaluation for each of
        these.
        """

    def on(self, trunk: Trunk) -> Minimise:
        """The same for one student, as a function of one pair."""


class Grid(NamedTuple):
    """The least C1 on a grid of lambda: the paper's way.

    Attributes:
      weights: the grid, in units of 1/65536.
    """

    weights: tuple[int, ...]

    @property
    def evaluations(self) -> int:
        """One for each lambda."""
        return len(self.weights)

    @property
    def at_once(self) -> int:
        """All of them."""
        return len(self.weights)

    @property
    def knows_ends(self) -> bool:
        """It does not."""
        return False

    def on(self, trunk: Trunk) -> Minimise:
        """:func:`c2` with this grid."""
        return lambda i, j: c2(trunk, i.h, j.h, np.array(self.weights, np.int32))


def c1(logits: jax.Array) -> jax.Array:
    """Confidence in one image, ``max_y S(y|x)`` (eq. 1): ``[Y]`` logits to a probability."""
    chex.assert_rank(logits, 1)
    return 1 / jnp.sum(
        jnp.exp(logits - jnp.max(logits))
    )  # the largest of the softmax, and no other


def c2(
    trunk: Trunk, h_i: jax.Array, h_j: jax.Array, weights: np.ndarray
) -> tuple[jax.Array, jax.Array]:
    """Confidence in one pair, ``min over lam of C1(lam*x_i + (1-lam)*x_j)`` (eq. 2).

    Mixing commutes with an affine map, so the trunk on a mix of activations is the student on
    the mixed image.

    Args:
      trunk: the student after its affine stem.
      h_i: the stem's activation of image i.
      h_j: the stem's activation of image j, of the same shape.
      weights: ``int32[L]``, the grid, in units of 1/65536.

    Returns:
      The minimum, ``float32[]``, and the first weight that attains it, ``int32[]``.
    """
    chex.assert_type(weights, jnp.int32)
    confidence = jax.vmap(lambda lam: c1(trunk(mixing.mix(h_i, h_j, lam))))(mixing.lam_of(weights))
    return jnp.min(confidence), jnp.asarray(weights)[jnp.argmin(confidence)]


def score_pairs(
    minimise: Minimise, table: Seen, i: jax.Array, j: jax.Array, tile: int
) -> tuple[jax.Array, Any]:
    """Scores of many pairs, ``tile`` pairs at a time.

    Every tile is the same program on the same shapes, so a pair's score has the same
    bits whatever the number of pairs in the call.

    Args:
      minimise: what to compute of one pair.
      table: every real image as the student sees it: arrays ``[N, ...]``.
      i: ``int32[P]``, P a multiple of ``tile``.
      j: ``int32[P]``.
      tile: pairs evaluated together.

    Returns:
      What ``minimise`` returns, with an axis of P in front: C2 ``float32[P]`` and w ``int32[P]``.
    """
    chex.assert_type([i, j], jnp.int32)

    def score_tile(ij: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, Any]:
        return jax.vmap(lambda p, q: minimise(_at(table, p), _at(table, q)))(*ij)

    found = jax.lax.map(score_tile, (i.reshape(-1, tile), j.reshape(-1, tile)))
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), found)


def _at(table: Seen, place: jax.Array) -> Seen:
    return jax.tree.map(lambda column: column[place], table)
