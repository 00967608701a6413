"""Holds many images of which few are used at a time; images in a file are read when indexed."""

import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class LazyImages:
    """Images in memory, followed by images of another array, which are not copied.

    It is indexed like ``uint8[M, H, W, C]``, by a number, a slice or an array of numbers.

    Attributes:
      first: ``uint8[A, H, W, C]``, in memory.
      others: ``uint8[B, H, W, C]``, such as a memory map of decoded images.
      rows: ``int64[M - A]``, indices of the ``others`` that follow, in this order.
    """

    first: np.ndarray
    others: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        """Returns the number of images, M."""
        return len(self.first) + len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(M, H, W, C)``."""
        return (len(self), *self.first.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Always ``uint8``."""
        return self.first.dtype

    def __getitem__(self, places: Any) -> np.ndarray:
        """Copies the images at these places: ``uint8[..., H, W, C]``."""
        wanted = np.arange(len(self))[places]
        at = wanted.reshape(-1)
        found = np.empty((len(at), *self.shape[1:]), self.dtype)
        held = at < len(self.first)
        found[held] = self.first[at[held]]
        found[~held] = self.others[self.rows[at[~held] - len(self.first)]]
        return found.reshape(*wanted.shape, *self.shape[1:])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Copies all images."""
        del copy
        return self[:].astype(dtype or self.dtype, copy=False)

    def used(self, places: np.ndarray, room: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies the images that are used, each only once.

        Args:
          places: ``int[Q]``, places of the images; a place may occur several times.
          room: number of images in the result, so that its shape is the same in every round.

        Returns:
          ``uint8[room, H, W, C]``, the used images and then black ones; and ``int32[Q]``, the index
          in this array of the image at each of the places.
        """
        named, number = np.unique(places, return_inverse=True)
        images = np.zeros((room, *self.shape[1:]), self.dtype)
        images[: len(named)] = self[named]
        return images, number.astype(np.int32)


Images = np.ndarray | LazyImages
