"""Describes a data set, and draws the real images from it."""

import dataclasses

import numpy as np

from amkd.core import keys
from amkd.data.lazy_images import Images, LazyImages
from amkd.tasks import ONE_CLASS, Task


@dataclasses.dataclass(frozen=True, eq=False)
class DataSet:
    """A data set; its images are in memory, or mapped from a file.

    Attributes:
      name: the configured name.
      classes: number of classes Y; for another task, the length of an answer.
      teacher_images: ``uint8[M, H, W, C]``; a local teacher is trained and validated on them.
      teacher_labels: ``int32[M]``.
      pool_images: ``uint8[M', H, W, C]``; the N real images are drawn from them, without labels.
      test_images: ``uint8[T, H, W, C]``; the student is evaluated on them, and they have no other
        purpose.
      test_labels: ``int32[T]``, for the final evaluation only; None if there are none.
      class_names: names of the Y classes.
      key: identifies the images if the name alone does not; a resumed run must find the same key.
      pool_indices: ``int64[...]``, indices of the ``pool_images`` that may be drawn; None for all.
      pool_labels: ``int32[M']``, only for reference methods that learn from ground-truth labels;
        None if there are none.
      task: what an answer means; its labels may have another form than class numbers.
      nested_draw: whether a draw of few images is the first part of every larger draw.
    """

    name: str
    classes: int
    teacher_images: Images
    teacher_labels: np.ndarray
    pool_images: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray | None
    class_names: tuple[str, ...] = ()
    key: str = ""
    pool_indices: np.ndarray | None = None
    pool_labels: np.ndarray | None = None
    task: Task = ONE_CLASS
    nested_draw: bool = False

    @property
    def drawable(self) -> np.ndarray:
        """Indices of the pool images that may be drawn: ``int64[...]``."""
        if self.pool_indices is None:
            return np.arange(len(self.pool_images))
        return self.pool_indices

    @property
    def drawable_count(self) -> int:
        """The number of images that may be drawn as the n real ones."""
        return len(self.pool_images if self.pool_indices is None else self.pool_indices)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(H, W, C)`` of every image."""
        return self.pool_images.shape[1:]


def draw_real(data: DataSet, n: int, seed: int) -> np.ndarray:
    """Draws the N real images uniformly by seed, without labels: ``uint8[N, H, W, C]``."""
    return _pool_images(data, _drawn_positions(data, n, seed))


def with_not_drawn(data: DataSet, first: np.ndarray, seed: int) -> LazyImages:
    """Returns the first images, followed by the drawable images that a draw of N leaves out.

    These are the images that :func:`draw_real` does not draw. They are in the order of the data
    set, and are not copied.

    Args:
      data: the data set.
      first: ``uint8[N, H, W, C]``.
      seed: the run's seed.
    """
    positions = np.arange(data.drawable_count)
    rest = np.setdiff1d(positions, _drawn_positions(data, len(first), seed))
    return LazyImages(first, data.pool_images, _rows(data, rest))


def _drawn_positions(data: DataSet, n: int, seed: int) -> np.ndarray:
    rng, count = keys.rng(seed, 0, keys.Purpose.REAL_IMAGES), data.drawable_count
    if not data.nested_draw:
        return rng.choice(count, n, replace=False)
    if n > count:
        raise ValueError(f"cannot draw {n} of {count} images")
    return rng.permutation(count)[:n]


def _pool_images(data: DataSet, positions: np.ndarray) -> np.ndarray:
    """Copies the images at positions among those that may be drawn."""
    return np.ascontiguousarray(data.pool_images[_rows(data, positions)])


def _rows(data: DataSet, positions: np.ndarray) -> np.ndarray:
    """Returns the places in ``pool_images`` of positions among those that may be drawn."""
    return positions if data.pool_indices is None else data.pool_indices[positions]
