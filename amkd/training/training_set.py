"""The training set as records, not pixels: which two images, how mixed, what the teacher said.

A record is ``(i, j, w, answer)``; a real image is ``(i, i, w)``. Batches are mixed on the
device from the N real images, so memory grows with N and not with the budget.
"""

import math
from typing import Any, NamedTuple

import jax
import numpy as np

from amkd.data import mixing
from amkd.data.records import Records


class TrainingSet(NamedTuple):
    """What training needs on the device, padded to a fixed capacity.

    The capacity is the whole budget, so every round runs the same compiled program.

    Attributes:
      images: ``uint8[N, H, W, C]``.
      i: ``int32[capacity]``.
      j: ``int32[capacity]``.
      w: ``int32[capacity]``.
      answers: ``float32[capacity, Y]``.
      as_released: ``bool[]``, how mixes are rounded; see :func:`amkd.data.mixing.mix_image`.
      inside: ``float32[capacity, e]``, what the teacher shows of the records beside its answers, or
        None.
    """

    images: Any
    i: Any
    j: Any
    w: Any
    answers: Any
    as_released: Any
    inside: Any = None

    @property
    def width(self) -> int:
        """How many numbers the teacher shows of each record, e."""
        return 0 if self.inside is None else int(self.inside.shape[1])


def make(
    images: np.ndarray,
    records: Records,
    answers: np.ndarray,
    capacity: int,
    as_released: bool = False,
    inside: np.ndarray | None = None,
) -> TrainingSet:
    """The training set of one round.

    Args:
      images: ``uint8[N, H, W, C]``.
      records: Q records.
      answers: ``float32[Q, Y]``.
      capacity: records to make room for, at least Q.
      as_released: how mixes are rounded.
      inside: ``float32[Q, e]``, what the teacher shows of the records, or None.
    """
    room = capacity - len(records)
    i, j, w = (np.pad(column, (0, room)) for column in (records.i, records.j, records.w))
    answers, inside = jax.tree.map(
        lambda rows: np.pad(rows, ((0, room), (0, 0))), (answers, inside)
    )
    return TrainingSet(images, i, j, w, answers, np.bool_(as_released), inside)


class Taken(NamedTuple):
    """Records of a batch as a step sees them.

    Attributes:
      images: ``[B, H, W, C]``.
      answers: ``float32[B, Y]``.
      inside: ``float32[B, e]``, or None.
    """

    images: jax.Array
    answers: jax.Array
    inside: jax.Array | None = None


def take(data: TrainingSet, index: jax.Array) -> Taken:
    """One batch, mixed on the device.

    Args:
      data: the training set.
      index: ``int32[B]``, places of the records.

    Returns:
      Images, ``uint8``, and what the teacher said of them.
    """
    mixed = mixing.mix_images(
        data.images, data.i[index], data.j[index], data.w[index], data.as_released
    )
    return Taken(mixed, data.answers[index], None if data.inside is None else data.inside[index])


class Batches(NamedTuple):
    """Batches of an epoch, S of them with B places each.

    Attributes:
      index: ``int32[S, B]``, places of records.
      weight: ``float32[S, B]``, 1, or 0 for what only fills the last batch.
      position: ``int32[S, B]``, places in the batch: keys of random numbers, on any number of
        devices.
      partner: ``int32[S, B]``, the record that each is mixed with anew, or None if none is.
      lam: ``float32[S, B]``, weight of the record itself in that, 1 where it stays as it is; or
        None.
    """

    index: Any
    weight: Any
    position: Any
    partner: Any = None
    lam: Any = None


def epoch(
    count: int,
    batch: int,
    rng: np.random.Generator,
    share: float = 0.0,
    beta: float = 1.0,
    mix_as_released: bool = False,
    views: int = 1,
) -> Batches:
    """The batches of one epoch.

    The last batch is filled up with records from the start of the same epoch: they have
    weight 0 in the loss, but BatchNorm sees a full batch of real data.

    Args:
      count: number of records Q.
      batch: batch size B.
      rng: source of the order.
      share: of each batch that is mixed anew with a permutation of the batch: exactly so many
        places, rounded.
      beta: both parameters of the distribution of lambda in these mixes.
      mix_as_released: whether the places that stay as they are are drawn as MIX-KD's code draws
        them.
      views: how many records are of one image, V, which stay side by side: the first Q / V records
        are the images as they are, the next ones their second views in the same order, and so on. Q
        and B are multiples of V.
    """
    order = grouped(rng.permutation(count // views), views).astype(np.int32)
    steps = -(-count // batch)
    index = np.resize(order, steps * batch).reshape(steps, batch)
    weight = (np.arange(steps * batch) < count).astype(np.float32).reshape(steps, batch)
    position = np.tile(np.arange(batch, dtype=np.int32), (steps, 1))
    if not share:
        return Batches(index, weight, position)
    partner = rng.permuted(index, axis=1)
    if mix_as_released:
        stays = drawn_with_replacement(steps, batch, 1 - share, rng)
    else:
        stays = rng.permuted(position, axis=1) >= round(share * batch)
    lam = np.where(stays, 1, rng.beta(beta, beta, index.shape)).astype(np.float32)
    return Batches(index, weight, position, partner, lam)


def grouped(images: np.ndarray, views: int) -> np.ndarray:
    """Places of all V views of each image, side by side: ``int[N]`` numbers of images to ``int[V *
    N]`` places.
    """
    return (images[:, None] + len(images) * np.arange(views)).ravel()


def drawn_with_replacement(
    steps: int, batch: int, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Places of S batches that are drawn at least once: ``bool[S, B]``.

    MIX-KD's code draws the rows that it leaves unmixed so: it means a share p of them, and leaves
    ``1 - (1 - 1/B)**floor(p B)`` in the mean; of 64 and p = .9, .592 (Choi et al., 2023).

    Args:
      steps: S.
      batch: B.
      share: p.
      rng: source of the draws.
    """
    draws = math.floor(round(share * batch, 6))  # (1 - .9) * 10 is 1, and a little less in floats
    drawn = np.zeros((steps, batch), bool)
    np.put_along_axis(drawn, rng.integers(0, batch, (steps, draws)), True, axis=1)
    return drawn
