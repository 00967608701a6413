"""The training set as records, not pixels: two images, their mixing weight, the teacher's answer.

A record is ``(i, j, w, answer)``; a real image is ``(i, i, w)``. Batches are mixed on the device
from the N real images, so memory grows with N and not with the budget.
"""

import math

import flax.struct
import numpy as np
from chex import Array

from amkd.data import mixing
from amkd.data.lazy_images import Images, LazyImages
from amkd.data.records import Records


@flax.struct.dataclass
class TrainingSet:
    """The arrays that training needs on the device, padded to a fixed capacity.

    The capacity is the whole budget, so every round runs the same compiled program.

    Attributes:
      images: ``uint8[N, H, W, C]``.
      i: ``int32[capacity]``.
      j: ``int32[capacity]``.
      w: ``int32[capacity]``.
      answers: ``float32[capacity, Y]``.
      as_released: ``bool[]``, how mixes are rounded; see :func:`amkd.data.mixing.mix_image`.
      teacher_features: ``float32[capacity, e]``, a white-box teacher's features of each record;
        None for a black box.
      features: ``float16[capacity, V, d]``, a frozen backbone's features of V views of each record,
        in place of its image; None if the network sees images.
    """

    images: Array
    i: Array
    j: Array
    w: Array
    answers: Array
    as_released: Array
    teacher_features: Array | None = None
    features: Array | None = None

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Returns the shape of a network's input for one record: ``(H, W, C)``, or ``(d,)`` for
        features.
        """
        if self.features is not None:
            return tuple(self.features.shape[2:])
        return tuple(self.images.shape[1:])

    @property
    def teacher_feature_count(self) -> int:
        """Returns how many features the teacher shows for each record, e; 0 for a black box."""
        return 0 if self.teacher_features is None else int(self.teacher_features.shape[1])


def make(
    images: Images,
    records: Records,
    answers: np.ndarray,
    *,
    capacity: int,
    lazy_capacity: int = 0,
    as_released: bool = False,
    teacher_features: np.ndarray | None = None,
    features: np.ndarray | None = None,
) -> TrainingSet:
    """Returns the training set of one round.

    Args:
      images: ``uint8[N, H, W, C]``; if lazy, only those that records use are read.
      records: Q records.
      answers: ``float32[Q, Y]``.
      capacity: the padded number of records, at least Q.
      lazy_capacity: the padded number of lazy images, at least those that records use; 0 for the
        padded number of records.
      as_released: how mixes are rounded.
      teacher_features: ``float32[Q, e]``, or None for a black box.
      features: ``float16[Q, V, d]``, which a network sees in place of images; None for images.
    """
    room = capacity - len(records)
    if isinstance(images, LazyImages):
        named = np.concatenate([records.i, records.j])
        images, places = images.used(named, lazy_capacity or capacity)
        records = Records(places[: len(records)], places[len(records) :], records.w)

    def pad(column: np.ndarray) -> np.ndarray:
        return np.pad(column, [(0, room), *[(0, 0)] * (column.ndim - 1)])

    return TrainingSet(
        images=images,
        i=pad(records.i),
        j=pad(records.j),
        w=pad(records.w),
        answers=pad(answers),
        as_released=np.bool_(as_released),
        teacher_features=None if teacher_features is None else pad(teacher_features),
        features=None if features is None else pad(features),
    )


@flax.struct.dataclass
class Examples:
    """Records of a batch as a step sees them.

    Attributes:
      images: ``[B, H, W, C]``, or features ``[B, d]``.
      answers: ``float32[B, Y]``.
      teacher_features: ``float32[B, e]``, or None for a black box.
    """

    images: Array
    answers: Array
    teacher_features: Array | None = None


def take(data: TrainingSet, index: Array) -> Examples:
    """Returns records of the training set, mixed on the device; their images are ``uint8``.

    Args:
      data: the training set.
      index: ``int32[B]``, places of the records.
    """
    features = data.teacher_features
    return Examples(
        images=mixing.mix_images(
            data.images, data.i[index], data.j[index], data.w[index], data.as_released
        ),
        answers=data.answers[index],
        teacher_features=None if features is None else features[index],
    )


def take_views(data: TrainingSet, index: Array, view: Array) -> Examples:
    """Returns records of the training set, each as the features of one of its views.

    Args:
      data: the training set, with features.
      index: ``int32[B]``, places of the records.
      view: ``int32[B]``, numbers of the views.
    """
    assert data.features is not None
    shown = data.teacher_features
    return Examples(
        images=data.features[index, view],
        answers=data.answers[index],
        teacher_features=None if shown is None else shown[index],
    )


@flax.struct.dataclass
class Batches:
    """Batches of an epoch, S of them with B places each.

    Attributes:
      index: ``int32[S, B]``, places of records.
      weight: ``float32[S, B]``, 1 or the record's own weight, or 0 for a record that only fills
        the last batch.
      position: ``int32[S, B]``, places in the batch, which are keys of random numbers and do not
        depend on the number of devices.
      partner: ``int32[S, B]``, the record with which each is mixed again; None if none is.
      lam: ``float32[S, B]``, weight of the record itself in that mix, 1 if it is not changed; or
        None.
    """

    index: Array
    weight: Array
    position: Array
    partner: Array | None = None
    lam: Array | None = None


def epoch(
    count: int,
    batch: int,
    rng: np.random.Generator,
    *,
    share: float = 0.0,
    beta: float = 1.0,
    mix_as_released: bool = False,
    views: int = 1,
    assisted: int = 0,
    assisted_places: int = 0,
) -> Batches:
    """Returns the batches of one epoch: one pass over the records that the teacher answered.

    The last batch is filled with records from the start of the same epoch: they have weight 0 in
    the loss, but BatchNorm sees a full batch of real data.

    Args:
      count: number of records Q that the teacher answered.
      batch: batch size B.
      rng: source of the order.
      share: share of each batch that is mixed again with a permutation of the batch: exactly this
        share of the places, rounded.
      beta: both parameters of the distribution of lambda in these mixes.
      mix_as_released: whether the unmixed places are drawn as in MIX-KD's code.
      views: how many records belong to one image, V; they stay adjacent. The first Q / V records
        are the unchanged images, the next ones their second views in the same order, and so on. Q
        and B are multiples of V.
      assisted: number of records after the first Q, which an assistant answered.
      assisted_places: how many places of each batch, the last ones, such records fill. In an epoch,
        each of these records is used as often as any other, or once more.
    """
    if count % views or batch % views:
        raise ValueError(
            f"{count} records in batches of {batch} are not whole sets of {views} views"
        )
    order = group_views(rng.permutation(count // views), views).astype(np.int32)
    own = batch - assisted_places
    steps = -(-count // own)
    index = np.resize(order, steps * own).reshape(steps, own)
    weight = (np.arange(steps * own) < count).astype(np.float32).reshape(steps, own)
    if assisted_places:
        drawn = np.resize(rng.permutation(assisted), steps * assisted_places)
        others = (count + drawn).astype(np.int32).reshape(steps, assisted_places)
        index = np.concatenate([index, others], axis=1)
        weight = np.concatenate([weight, np.ones_like(others, np.float32)], axis=1)
    position = np.tile(np.arange(batch, dtype=np.int32), (steps, 1))
    if not share:
        return Batches(index=index, weight=weight, position=position)
    partner = rng.permuted(index, axis=1)
    if mix_as_released:
        stays = draw_with_replacement(steps, batch, share=1 - share, rng=rng)
    else:
        stays = rng.permuted(position, axis=1) >= round(share * batch)
    lam = np.where(stays, 1, rng.beta(beta, beta, index.shape)).astype(np.float32)
    return Batches(index=index, weight=weight, position=position, partner=partner, lam=lam)


def group_views(images: np.ndarray, views: int) -> np.ndarray:
    """Returns the places of all V views of each image, one after the other: ``int[N]`` numbers of
    images to ``int[V * N]``.
    """
    return (images[:, None] + len(images) * np.arange(views)).ravel()


def draw_with_replacement(
    steps: int, batch: int, *, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Returns which places of S batches are drawn at least once: ``bool[S, B]``.

    MIX-KD's code draws the unmixed rows by this method (Choi et al., 2023). It intends a share p,
    but the mean share is ``1 - (1 - 1/B)**floor(p B)``: .592 for B = 64 and p = .9.

    Args:
      steps: number of batches, S.
      batch: batch size, B.
      share: intended share, p.
      rng: source of the draws.
    """
    draws = math.floor(round(share * batch, 6))  # (1 - .9) * 10 is 1, but a little less in floats
    drawn = np.zeros((steps, batch), bool)
    np.put_along_axis(drawn, rng.integers(0, batch, (steps, draws)), True, axis=1)
    return drawn
