"""Where images come from: the embedded digits, TFDS, a folder of pictures, or an array in memory."""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd import keys


class DataSet(NamedTuple):
    """A data set in memory.

    Attributes:
      name: as configured.
      classes: number of classes Y.
      teacher_images: ``uint8[M, H, W, C]`` on which a local teacher is trained and validated.
      teacher_labels: ``int32[M]``.
      pool_images: ``uint8[M', H, W, C]`` from which the N real images are drawn, without labels.
      test_images: ``uint8[T, H, W, C]`` that judge the student, and serve for nothing else.
      test_labels: ``int32[T]``, for the final evaluation only; None if there are none.
      class_names: Y names.
      key: identity of these very images where the name does not tell it; a run keeps to it.
      pool_places: ``int64[...]``, those of ``pool_images`` that may be drawn; None for all.
      pool_labels: ``int32[M']``, for references that learn from labels, and nothing else; None if there are none.
    """

    name: str
    classes: int
    teacher_images: np.ndarray
    teacher_labels: np.ndarray
    pool_images: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray | None
    class_names: tuple[str, ...] = ()
    key: str = ""
    pool_places: np.ndarray | None = None
    pool_labels: np.ndarray | None = None

    @property
    def pool_size(self) -> int:
        """Images that the real ones are drawn from."""
        return len(self.pool_images if self.pool_places is None else self.pool_places)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W, C)`` of every image."""
        return self.pool_images.shape[1:]


def load(name: str, directory: str, size: int, test_images: int, cache_dir: Path) -> DataSet:
    """Loads a data set.

    Args:
      name: ``digits``, or a TFDS name such as ``mnist`` or ``cifar10:3.0.2``.
      directory: TFDS directory; empty for TFDS's own default.
      size: resize to ``size`` x ``size`` pixels; 0 keeps images as they are.
      test_images: use only so many test images; 0 for all.
      cache_dir: where decoded arrays are kept.

    Raises:
      UserError: the data are not there, or cannot be read.
    """
    if name == "digits":
        from amkd.images import digits

        data = digits.load(size)
    else:
        from amkd.images import tfds_source

        data = tfds_source.load(name, directory, size, cache_dir)
    if test_images:
        labels = None if data.test_labels is None else data.test_labels[:test_images]
        data = data._replace(test_images=data.test_images[:test_images], test_labels=labels)
    logging.info("%s: %d images to draw from, %s", name, len(data.pool_images), data.shape)
    return data


def draw_real(data: DataSet, n: int, seed: int) -> np.ndarray:
    """The N real images: a uniform draw by seed, blind to labels. ``uint8[N, H, W, C]``."""
    return _at(data, _drawn(data, n, seed))


def not_drawn(data: DataSet, n: int, seed: int) -> np.ndarray:
    """The images that :func:`draw_real` leaves, in the order of the data set: ``uint8[..., H, W, C]``."""
    return _at(data, np.setdiff1d(np.arange(data.pool_size), _drawn(data, n, seed)))


def _drawn(data: DataSet, n: int, seed: int) -> np.ndarray:
    return keys.rng(seed, 0, keys.Purpose.REAL_IMAGES).choice(data.pool_size, n, replace=False)


def _at(data: DataSet, places: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(data.pool_images[places if data.pool_places is None else data.pool_places[places]])
