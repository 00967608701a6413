"""Auxiliary heads: parameters that some losses train together with the student, on its features.
Pure functions.

They are dropped after the training. PAD (Zhang et al., ECCV 2020) has variances (variance.py): one
for each record, for which the teacher's answers are enough; or one for each dimension of its
features, for which the teacher's features must be known. No gradient is stopped. SSKD (Xu et al.,
ECCV 2020) has a head on the student that learns the teacher's relations between images
(relations.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from amkd.training import collectives, relations, variance


class HeadInputs(NamedTuple):
    """One device's part of a batch as an auxiliary head sees it: b records, in order.

    Attributes:
      features: ``[b, d]``, the student's features.
      teacher_features: ``float32[b, e]``; None for a black box.
      weight: ``float32[b]``, 1, or 0 for a record that only fills the batch.
      loss: ``float32[b]``, the cross-entropy of each record.
      distance: ``float32[b]``, the cross-entropy minus its lowest possible value.
      warmed_up: ``bool[]``, whether the warm-up is over.
    """

    features: jax.Array
    teacher_features: jax.Array | None
    weight: jax.Array
    loss: jax.Array
    distance: jax.Array
    warmed_up: jax.Array


class AuxiliaryHead(NamedTuple):
    """The parameters that a loss of losses.py trains together with the student.

    Attributes:
      init: returns the initial parameters, given the numbers of the student's features d and the
        teacher's features e, and a generator.
      losses: given the parameters, a :class:`HeadInputs` and the name of the device axis, returns
        ``float32[b]``, which replaces each record's cross-entropy.
      shows: what the teacher must show in addition to its answers, a key of
        teacher_features.COLUMNS; None where answers are enough.
      views: how many records of one image must be adjacent in a batch, V; see
        :func:`training_set.epoch`.
    """

    init: Callable[[int, int, np.random.Generator], chex.ArrayTree]
    losses: Callable[[chex.ArrayTree, HeadInputs, str], jax.Array]
    shows: str | None = None
    views: int = 1


def pad_kl(params: variance.Params, inputs: HeadInputs, axis: str) -> jax.Array:
    """Returns each record's divergence divided by its variance, plus the log-variance,
    ``float32[b]``; during the warm-up only the divergence.
    """
    logarithms = variance.logarithms(params, inputs.features, inputs.weight, axis)
    adapted = jax.vmap(variance.likelihood)(inputs.distance, logarithms)
    return jnp.where(inputs.warmed_up, adapted, inputs.distance)


def pad_l2(params: chex.ArrayTree, inputs: HeadInputs, axis: str) -> jax.Array:
    """Returns the cross-entropy plus the distance of the features, ``float32[b]``.

    The distance is a mean over the dimensions: the mean of the squared difference divided by the
    variance, plus the log-variance; during the warm-up the mean of only the squared difference.
    """
    assert inputs.teacher_features is not None
    own = align(params, inputs.features.astype(jnp.float32))
    chex.assert_equal_shape((own, inputs.teacher_features))
    squares = jnp.square(inputs.teacher_features - own)
    logarithms = jax.vmap(lambda one: variance.logarithms(one, own, inputs.weight, axis), -1, -1)(
        params["variance"]
    )
    adapted = jax.vmap(jax.vmap(variance.guarded_likelihood))(squares, logarithms)
    return inputs.loss + jnp.mean(jnp.where(inputs.warmed_up, adapted, squares), axis=-1)


def align(params: chex.ArrayTree, features: jax.Array) -> jax.Array:
    """Maps the student's features to the teacher's width, ``[b, d]`` to ``[b, e]``, if the widths
    differ.
    """
    return features @ params["aligner"] if "aligner" in params else features


def init_pad_l2(features: int, teacher_features: int, rng: np.random.Generator) -> chex.ArrayTree:
    """Returns the initial parameters: variances of e dimensions, and an aligner only if d is not e,
    because the loss compares the features themselves.
    """
    params: dict[str, Any] = {"variance": variance.init(teacher_features, rng, teacher_features)}
    if features != teacher_features:
        shape = (features, teacher_features)
        params["aligner"] = rng.normal(0, features**-0.5, shape).astype(np.float32)
    return params


def sskd(params: chex.ArrayTree, inputs: HeadInputs, axis: str) -> jax.Array:
    """Returns the cross-entropy of each view plus the divergence of the rotated views' relations,
    ``float32[b]``.
    """
    assert inputs.teacher_features is not None
    own = jax.vmap(lambda h: relations.project(params, h))(inputs.features.astype(jnp.float32))
    students, teachers, real = collectives.all_gather_batch(
        (own, inputs.teacher_features, inputs.weight), axis
    )
    each = relations.losses(students, teachers, real, SSKD.views)
    return inputs.loss + relations.WEIGHT * collectives.own_part(each, len(own), axis)


PAD_KL = AuxiliaryHead(lambda features, _, rng: variance.init(features, rng), pad_kl)
PAD_L2 = AuxiliaryHead(init_pad_l2, pad_l2, shows="features")
SSKD = AuxiliaryHead(
    lambda features, _, rng: relations.init(features, rng), sskd, shows="relations", views=4
)
