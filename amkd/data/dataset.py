"""Where images come from: the embedded digits, TFDS, a folder of pictures, or an array in
memory.
"""

from typing import NamedTuple

import numpy as np

from amkd.core import keys


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
      pool_labels: ``int32[M']``, for references that learn from labels, and nothing else; None if
        there are none.
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


def draw_real(data: DataSet, n: int, seed: int) -> np.ndarray:
    """The N real images: a uniform draw by seed, blind to labels. ``uint8[N, H, W, C]``."""
    return _at(data, _drawn(data, n, seed))


def not_drawn(data: DataSet, n: int, seed: int) -> np.ndarray:
    """The images that :func:`draw_real` leaves, in the order of the data set: ``uint8[..., H, W,
    C]``.
    """
    return _at(data, np.setdiff1d(np.arange(data.pool_size), _drawn(data, n, seed)))


def _drawn(data: DataSet, n: int, seed: int) -> np.ndarray:
    return keys.rng(seed, 0, keys.Purpose.REAL_IMAGES).choice(data.pool_size, n, replace=False)


def _at(data: DataSet, places: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(
        data.pool_images[places if data.pool_places is None else data.pool_places[places]]
    )
