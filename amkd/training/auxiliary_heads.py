"""What losses learn beside the student, and is no part of it: parameters trained with it, from its
features. Pure.

The branches of PAD (Zhang et al., ECCV 2020), with the variances of variance.py: of a record, which
answers are enough for; and of each dimension of its features, for which the teacher's must be
known. No gradient is stopped. And the student's head in SSKD (Xu et al., ECCV 2020), with the
relations of relations.py.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.training import collectives, relations, variance


class Seen(NamedTuple):
    """One device's share of a batch as a branch sees it, b records dealt out in order.

    Attributes:
      features: ``[b, d]``, the student's.
      inside: ``float32[b, e]``, what the teacher shows of each record beside its answer; None for a
        black box.
      weight: ``float32[b]``, 1, or 0 for what only fills the batch.
      loss: ``float32[b]``, the cross-entropy of each.
      distance: ``float32[b]``, what that is above the least it can be.
      adapts: ``bool[]``, whether the warm-up is over.
    """

    features: jax.Array
    inside: jax.Array | None
    weight: jax.Array
    loss: jax.Array
    distance: jax.Array
    adapts: jax.Array


class Kind(NamedTuple):
    """A branch, as a loss of amkd/training/losses.py names it.

    Attributes:
      init: its first parameters: of d features of the student, e numbers that the teacher shows of
        each record, and a generator.
      of: parameters, what is seen and the name of the device axis to ``float32[b]``, what is made
        smaller in place of the cross-entropy of each record.
      shows: what the teacher must show beside its answers, one of insight.py; None where answers
        are enough.
      views: how many records of one image must be side by side in a batch, V; see
        :func:`training_set.epoch`.
    """

    init: Callable[[int, int, np.random.Generator], Any]
    of: Callable[[Any, Seen, str], jax.Array]
    shows: str | None = None
    views: int = 1


def pad_kl(params: variance.Params, seen: Seen, axis: str) -> jax.Array:
    """Divergences over variances of the records: ``float32[b]``. The divergences alone in the
    warm-up.
    """
    logarithms = variance.logarithms(params, seen.features, seen.weight, axis)
    return jnp.where(
        seen.adapts, jax.vmap(variance.likelihood)(seen.distance, logarithms), seen.distance
    )


def pad_l2(params: Any, seen: Seen, axis: str) -> jax.Array:
    """The cross-entropy, and the mean over dimensions of squared distances of features over
    variances: ``float32[b]``.

    In the warm-up, the mean of the squared distances alone takes the place of the latter.
    """
    assert seen.inside is not None
    own = aligned(params, seen.features.astype(jnp.float32))
    chex.assert_equal_shape((own, seen.inside))
    squares = jnp.square(seen.inside - own)
    logarithms = jax.vmap(lambda one: variance.logarithms(one, own, seen.weight, axis), -1, -1)(
        params["variance"]
    )
    adapted = jax.vmap(jax.vmap(variance.guarded_likelihood))(squares, logarithms)
    return seen.loss + jnp.mean(jnp.where(seen.adapts, adapted, squares), axis=-1)


def aligned(params: Any, features: jax.Array) -> jax.Array:
    """The student's features brought to the teacher's width, where it is another: ``[b, d]`` to
    ``[b, e]``.
    """
    return features @ params["aligner"] if "aligner" in params else features


def init_pad_l2(features: int, inside: int, rng: np.random.Generator) -> dict[str, Any]:
    """Variances of e dimensions; an aligner only where d is another, as the loss is of the features
    themselves.
    """
    params: dict[str, Any] = {"variance": variance.init(inside, rng, inside)}
    if features != inside:
        params["aligner"] = rng.normal(0, features**-0.5, (features, inside)).astype(np.float32)
    return params


def sskd(params: Any, seen: Seen, axis: str) -> jax.Array:
    """The cross-entropy of each view, and beside it the divergence of the relations of turned ones:
    ``float32[b]``.
    """
    assert seen.inside is not None
    own = jax.vmap(lambda h: relations.project(params, h))(seen.features.astype(jnp.float32))
    owns, theirs, real = collectives.whole((own, seen.inside, seen.weight), axis)
    each = relations.losses(owns, theirs, real, SSKD.views)
    return seen.loss + relations.WEIGHT * collectives.part(each, len(own), axis)


PAD_KL = Kind(lambda features, _, rng: variance.init(features, rng), pad_kl)
PAD_L2 = Kind(init_pad_l2, pad_l2, shows="features")
SSKD = Kind(
    lambda features, _, rng: relations.init(features, rng), sskd, shows="relations", views=4
)
