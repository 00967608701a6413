"""Student confidence on one image (C1) and on one pair (C2); paper, section 3.3, eq. 1 and 2."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp

from amkd import mixing

Trunk = Callable[[jax.Array], jax.Array]  # activation of one image -> logits[Y]


def c1(logits: jax.Array) -> jax.Array:
    """Confidence in one image, ``max_y S(y|x)`` (eq. 1): ``[Y]`` logits to a probability."""
    chex.assert_rank(logits, 1)
    return jnp.max(jax.nn.softmax(logits))


def c2(trunk: Trunk, h_i: jax.Array, h_j: jax.Array, lams: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Confidence in one pair, ``min over lam of C1(lam*x_i + (1-lam)*x_j)`` (eq. 2).

    Mixing commutes with an affine map, so the trunk on a mix of activations is the student on
    the mixed image.

    Args:
      trunk: the student after its affine stem.
      h_i: the stem's activation of image i.
      h_j: the stem's activation of image j, of the same shape.
      lams: ``float32[L]``, the grid.

    Returns:
      The minimum, ``float32[]``, and the index of the first ``lam`` that attains it, ``int32[]``.
    """
    confidence = jax.vmap(lambda lam: c1(trunk(mixing.mix(h_i, h_j, lam))))(lams)
    return jnp.min(confidence), jnp.argmin(confidence).astype(jnp.int32)


def score_pairs(
    trunk: Trunk, table: jax.Array, i: jax.Array, j: jax.Array, lams: jax.Array, tile: int
) -> tuple[jax.Array, jax.Array]:
    """C2 of many pairs, ``tile`` pairs at a time.

    Every tile is the same program on the same shapes, so a pair's score has the same
    bits whatever the number of pairs in the call.

    Args:
      trunk: the student after its affine stem.
      table: ``[N, ...]``, the stem's activation of every real image.
      i: ``int32[P]``, P a multiple of ``tile``.
      j: ``int32[P]``.
      lams: ``float32[L]``.
      tile: pairs evaluated together.

    Returns:
      C2 ``float32[P]`` and index of the arg-min lambda ``int32[P]``.
    """
    chex.assert_type([i, j, lams], [jnp.int32, jnp.int32, jnp.float32])

    def score_tile(ij: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return jax.vmap(lambda p, q: c2(trunk, table[p], table[q], lams))(*ij)

    scores, best = jax.lax.map(score_tile, (i.reshape(-1, tile), j.reshape(-1, tile)))
    return scores.reshape(-1), best.reshape(-1)
