"""Which upright image a turned one is of: the self-supervised part of SSKD (Xu et al., ECCV 2020).
Pure functions.

A batch of B records holds G = B / V images, V views of each side by side, the upright one first. A
head on a network's
last features makes of them what is compared by its cosine: row q of the similarities is of view q,
  with a column for
every upright image. The teacher's head, on a frozen network, is trained to find the right column,
and the student, with a head of its own, to have the teacher's rows.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

TEMPERATURE = 0.5  # of the rows; the released constants, as are the next two
SHARE = 0.75  # of the rows in which the teacher is wrong that are learned from, the least wrong
WEIGHT = (
    10 / 3.6
)  # beside the mean over all views, which weighs .9 + 2.7 in the released sum (methods/sskd.py)

_BATCH, _EPOCHS = 64, 60  # of the teacher's head: images a batch, and passes, as released
_RATE, _LEAST_STEPS = (
    1e-3,
    2000,
)  # of Adam, in place of SGD's three rates, and for few images (ours)
_NONE = -1e9  # logit of a column that is not there
_SHORTEST = 1e-8  # length by which what is compared is divided, at least


def init(features: int, rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """First weights of a head of two layers, ``d -> d -> d``."""

    def layer(gain: float) -> dict[str, np.ndarray]:
        kernel = rng.normal(0, (gain / features) ** 0.5, (features, features)).astype(np.float32)
        return {"kernel": kernel, "bias": np.zeros(features, np.float32)}

    return {"hidden": layer(2), "last": layer(1)}


def project(params: Any, features: jax.Array) -> jax.Array:
    """What the head makes of one image's features: ``float32[d]`` twice."""
    chex.assert_rank(features, 1)
    hidden = jax.nn.relu(features @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    return hidden @ params["last"]["kernel"] + params["last"]["bias"]


def similarities(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Cosines of all rows with all columns: ``float32[R, d]`` and ``float32[G, d]`` to ``float32[R,
    G]``.
    """
    chex.assert_rank([rows, columns], 2)

    def unit(one: jax.Array) -> jax.Array:
        return one * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(one)), _SHORTEST**2))

    # Ranks are discontinuous: accelerators must not round what is multiplied.
    return jnp.matmul(jax.vmap(unit)(rows), jax.vmap(unit)(columns).T, precision="highest")


def rank(row: jax.Array, right: jax.Array, there: jax.Array) -> jax.Array:
    """How many columns are above the right one in a row; of equals, those before it.

    Args:
      row: ``float32[G]``.
      right: ``int32[]``.
      there: ``bool[G]``, which columns count.
    """
    above = (row > row[right]) | ((row == row[right]) & (jnp.arange(len(row)) < right))
    return jnp.sum(above & there)


def kept(ranks: jax.Array, there: jax.Array, share: float) -> jax.Array:
    """All rows of rank 0, and the share of the others that is ranked best, rounded down; of equals,
    the first.

    Args:
      ranks: ``int32[R]``.
      there: ``bool[R]``, which rows count.
      share: of those in which the right column is not the first.

    Returns:
      ``bool[R]``.
    """
    chex.assert_equal_shape((ranks, there))
    wrong = jnp.sum(there & (ranks > 0))
    room = jnp.sum(there) - wrong + jnp.floor(share * wrong).astype(jnp.int32)
    order = jnp.argsort(jnp.where(there, ranks, jnp.iinfo(ranks.dtype).max), stable=True)
    return there & (jnp.argsort(order, stable=True) < room)


def divergence(theirs: jax.Array, own: jax.Array, there: jax.Array) -> jax.Array:
    """``tau**2 * KL(teacher || student)`` of the softmaxes of two rows.

    Args:
      theirs: ``float32[G]``, the teacher's similarities.
      own: ``float32[G]``, the student's.
      there: ``bool[G]``, which columns count.
    """
    p, q = (jax.nn.log_softmax(jnp.where(there, row / TEMPERATURE, _NONE)) for row in (theirs, own))
    return TEMPERATURE**2 * jnp.sum(jnp.exp(p) * (p - q))


def losses(own: jax.Array, theirs: jax.Array, real: jax.Array, views: int) -> jax.Array:
    """Divergences of the rows of turned views that are kept, scaled so that their mean over all
    records is theirs.

    Args:
      own: ``float32[B, d]``, projections of the student.
      theirs: ``float32[B, e]``, of the teacher.
      real: ``float32[B]``, 1, or 0 for views of images that only fill the batch: neither rows nor
        columns.
      views: V.

    Returns:
      ``float32[B]``, 0 for what is not kept.
    """
    place = jnp.arange(len(real))
    columns, rows = real[::views] > 0, (real > 0) & (place % views > 0)
    teachers, students = (similarities(side, side[::views]) for side in (theirs, own))
    ranks = jax.vmap(rank, (0, 0, None))(teachers, place // views, columns)
    keep = kept(ranks, rows, SHARE).astype(jnp.float32)
    each = jax.vmap(divergence, (0, 0, None))(teachers, students, columns)
    return keep * each * (jnp.sum(real) / jnp.maximum(jnp.sum(keep), 1))


def finding(params: Any, features: jax.Array) -> jax.Array:
    """Cross-entropy of finding the right column, without a temperature, in the mean over turned
    views: ``float32[]``.

    Args:
      params: of the head.
      features: ``float32[V, G, d]``, of all images upright, then of all turned, and so on.
    """
    upright, *turned = jax.vmap(jax.vmap(lambda h: project(params, h)))(features)

    def of_turn(rows: jax.Array) -> jax.Array:
        return -jnp.mean(jnp.diagonal(jax.nn.log_softmax(similarities(rows, upright))))

    return jnp.mean(jnp.stack([of_turn(rows) for rows in turned]))


def steps(images: int) -> int:
    """Of the training of a head on so many images."""
    return max(_EPOCHS * -(-images // _BATCH), _LEAST_STEPS)


def fit(params: Any, features: jax.Array, key: jax.Array) -> Any:
    """A head of a frozen network, by Adam on random batches of images.

    Args:
      params: the first ones.
      features: ``float32[V, N, d]``, of all N images upright, then of all turned, and so on.
      key: randomness.
    """
    tx, images = optax.adam(_RATE), features.shape[1]
    batch = min(_BATCH, images)
    each = images // batch  # whole batches of a pass, which leaves the rest of its order out

    def step(state: tuple[Any, Any], some: jax.Array) -> tuple[tuple[Any, Any], None]:
        params, moments = state
        updates, moments = tx.update(jax.grad(finding)(params, features[:, some]), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    def one_pass(state: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], None]:
        order = jax.random.permutation(key, images)[: each * batch].reshape(each, batch)
        return jax.lax.scan(step, state, order)[0], None

    passes = -(-steps(images) // each)
    return jax.lax.scan(one_pass, (params, tx.init(params)), jax.random.split(key, passes))[0][0]
