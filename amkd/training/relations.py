"""Matches rotated images to upright ones: the self-supervised part of SSKD (Xu et al., ECCV 2020).
Pure functions.

A batch of B records has G = B / V images with V adjacent views of each, the upright one first. A
head on a network's last features projects each view to a vector, and vectors are compared by their
cosine: row q of the similarities belongs to view q, and has a column for every upright image. The
teacher's head, on a frozen network, is trained to find the right column; the student, with its own
head, is trained to reproduce the teacher's rows.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from amkd.training.optimizers import promoting

TEMPERATURE = 0.5  # of the rows; this and the next two constants are those of the released code
SHARE = 0.75  # share of the teacher's wrong rows that the student learns: those with lowest ranks
# Relative to the mean over all views, which has the weight .9 + 2.7 in the released sum
# (methods/sskd.py).
WEIGHT = 10 / 3.6

_BATCH, _EPOCHS = 64, 60  # of the teacher's head: images in a batch, and passes, as released
_RATE = 1e-3  # learning rate of Adam, in place of SGD's three rates (ours)
_LEAST_STEPS = 2000  # for few images (ours)
_NONE = -1e9  # logit of a column that does not count
_SHORTEST = 1e-8  # the smallest length by which a vector is divided


_HeadState = tuple[chex.ArrayTree, optax.OptState]


def init(features: int, rng: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Returns the initial weights of a head of two layers, ``d -> d -> d``."""

    def layer(gain: float) -> dict[str, np.ndarray]:
        kernel = rng.normal(0, (gain / features) ** 0.5, (features, features)).astype(np.float32)
        return {"kernel": kernel, "bias": np.zeros(features, np.float32)}

    return {"hidden": layer(2), "last": layer(1)}


def project(params: chex.ArrayTree, features: jax.Array) -> jax.Array:
    """Projects one image's features by the head: ``float32[d]`` to ``float32[d]``."""
    chex.assert_rank(features, 1)
    hidden = jax.nn.relu(features @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    return hidden @ params["last"]["kernel"] + params["last"]["bias"]


def similarities(rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Returns the cosines of all rows with all columns: ``float32[R, d]`` and ``float32[G, d]`` to
    ``float32[R, G]``.
    """
    chex.assert_rank([rows, columns], 2)

    def unit(one: jax.Array) -> jax.Array:
        return one * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(one)), _SHORTEST**2))

    # Ranks are discontinuous: accelerators must not round the factors.
    return jnp.matmul(jax.vmap(unit)(rows), jax.vmap(unit)(columns).T, precision="highest")


def rank_of_match(row: jax.Array, right: jax.Array, counts: jax.Array) -> jax.Array:
    """Returns the rank of the right column, ``int32[]``: how many columns of the row are larger, or
    are equal and come before it.

    Args:
      row: ``float32[G]``, similarities.
      right: ``int32[]``, the right column.
      counts: ``bool[G]``, which columns count.
    """
    above = (row > row[right]) | ((row == row[right]) & (jnp.arange(len(row)) < right))
    return jnp.sum(above & counts)


def rows_to_learn(ranks: jax.Array, counts: jax.Array, share: float) -> jax.Array:
    """Returns which rows the student learns: those of rank 0, and a share of the others.

    The share is rounded down, and taken from the lowest ranks; of equals the first are taken.

    Args:
      ranks: ``int32[R]``, the rank of the right column in each of the teacher's rows.
      counts: ``bool[R]``, which rows count.
      share: share of the rows whose rank is not 0.

    Returns:
      ``bool[R]``.
    """
    chex.assert_equal_shape((ranks, counts))
    wrong = jnp.sum(counts & (ranks > 0))
    room = jnp.sum(counts) - wrong + jnp.floor(share * wrong.astype(jnp.float32)).astype(jnp.int32)
    order = jnp.argsort(jnp.where(counts, ranks, jnp.iinfo(ranks.dtype).max), stable=True)
    return counts & (jnp.argsort(order, stable=True) < room)


def divergence(teacher: jax.Array, student: jax.Array, counts: jax.Array) -> jax.Array:
    """Returns ``tau**2 * KL(teacher || student)`` of the softmaxes of two rows.

    Args:
      teacher: ``float32[G]``, the teacher's similarities.
      student: ``float32[G]``, the student's.
      counts: ``bool[G]``, which columns count.
    """
    p, q = (
        jax.nn.log_softmax(jnp.where(counts, row / TEMPERATURE, _NONE))
        for row in (teacher, student)
    )
    return TEMPERATURE**2 * jnp.sum(jnp.exp(p) * (p - q))


def losses(students: jax.Array, teachers: jax.Array, real: jax.Array, views: int) -> jax.Array:
    """Returns the divergences of the rotated views' rows that the student learns, scaled so that
    their mean over all records is the mean over these rows.

    Args:
      students: ``float32[B, d]``, the student's projections.
      teachers: ``float32[B, e]``, the teacher's projections.
      real: ``float32[B]``, 1, or 0 for views of images that only fill the batch: these are neither
        rows nor columns.
      views: number of views of an image, V.

    Returns:
      ``float32[B]``, 0 for all other records.
    """
    place = jnp.arange(len(real))
    columns, rows = real[::views] > 0, (real > 0) & (place % views > 0)
    of_teacher, of_student = (similarities(side, side[::views]) for side in (teachers, students))
    ranks = jax.vmap(rank_of_match, (0, 0, None))(of_teacher, place // views, columns)
    learn = rows_to_learn(ranks, rows, SHARE).astype(jnp.float32)
    each = jax.vmap(divergence, (0, 0, None))(of_teacher, of_student, columns)
    return learn * each * (jnp.sum(real) / jnp.maximum(jnp.sum(learn), 1))


def matching_loss(params: chex.ArrayTree, features: jax.Array) -> jax.Array:
    """Returns the cross-entropy of finding the right column, without a temperature, as a mean over
    the rotated views: ``float32[]``.

    Args:
      params: the parameters of the head.
      features: ``float32[V, G, d]``: first of all upright images, then of all images in the first
        rotation, and so on.
    """
    upright, *turned = jax.vmap(jax.vmap(lambda h: project(params, h)))(features)

    def of_turn(rows: jax.Array) -> jax.Array:
        return -jnp.mean(jnp.diagonal(jax.nn.log_softmax(similarities(rows, upright))))

    return jnp.mean(jnp.stack([of_turn(rows) for rows in turned]))


def steps(images: int) -> int:
    """Returns the number of steps for which a head is trained on ``images`` images."""
    return max(_EPOCHS * -(-images // _BATCH), _LEAST_STEPS)


def fit(params: chex.ArrayTree, features: jax.Array, key: jax.Array) -> chex.ArrayTree:
    """Trains the head of a frozen network by Adam, on random batches of images.

    Args:
      params: the initial weights.
      features: ``float32[V, N, d]``: first of all N upright images, then of all images in the first
        rotation, and so on.
      key: randomness.
    """
    tx, images = promoting(optax.adam(_RATE)), features.shape[1]
    batch = min(_BATCH, images)
    each = images // batch  # whole batches of a pass; the remaining images are left out

    def step(state: _HeadState, some: jax.Array) -> tuple[_HeadState, None]:
        params, moments = state
        gradient = jax.grad(matching_loss)(params, features[:, some])
        updates, moments = tx.update(gradient, moments, params)
        return (optax.apply_updates(params, updates), moments), None

    def one_pass(state: _HeadState, key: jax.Array) -> tuple[_HeadState, None]:
        order = jax.random.permutation(key, images)[: each * batch].reshape(each, batch)
        return jax.lax.scan(step, state, order)[0], None

    passes = -(-steps(images) // each)
    return jax.lax.scan(one_pass, (params, tx.init(params)), jax.random.split(key, passes))[0][0]
