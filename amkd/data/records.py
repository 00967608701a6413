"""Records of queries, and the images that they describe."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct

from amkd.core.compilation import compiled
from amkd.data import mixing
from amkd.data.lazy_images import Images


@struct.dataclass
class Records:
    """Queried mixes, in the order in which they were queried; a real image is mixed with itself.

    Attributes:
      i: ``int32[Q]``, place of the first image.
      j: ``int32[Q]``, place of the second image.
      w: ``int32[Q]``, weight of image ``i`` in units of 1/65536.
    """

    i: np.ndarray
    j: np.ndarray
    w: np.ndarray

    def __len__(self) -> int:
        """Returns the number of records, Q."""
        return len(self.i)

    def take(self, places: np.ndarray | slice) -> "Records":
        """Returns the records at these places, in this order."""
        return Records(self.i[places], self.j[places], self.w[places])

    def extend(self, more: "Records") -> "Records":
        """Returns these records followed by ``more``."""
        return Records(
            np.concatenate([self.i, more.i]),
            np.concatenate([self.j, more.j]),
            np.concatenate([self.w, more.w]),
        )


def whole_records(places: np.ndarray) -> Records:
    """Returns the records of images themselves, at the places ``int[Q]``."""
    index = np.asarray(places, np.int32)
    return Records(index, index, np.full(len(index), mixing.ONE, np.int32))


def real_records(n: int) -> Records:
    """Returns the records of the N real images themselves; no record for ``n = 0``."""
    return whole_records(np.arange(n))


_mix = compiled(kept=2)(mixing.mix_images)

_BLOCK = 1024  # images mixed together
_BLOCK_BYTES = 2**25  # maximum for these images: mixing needs several times as much
_TABLE_BYTES = 2**28  # maximum of images that are all copied to the device at once


_FIRST, _SECOND = np.zeros(1, np.int32), np.ones(1, np.int32)


def block_size(shape: tuple[int, ...]) -> int:
    """Returns how many images of ``shape`` (H, W, C) are mixed together: a power of two."""
    fit = max(min(_BLOCK, _BLOCK_BYTES // max(math.prod(shape), 1)), 1)
    return 2 ** (fit.bit_length() - 1)


def mixes(
    images: Images, records: Records, as_released: bool = False, block: int = 0
) -> Iterator[np.ndarray]:
    """Yields the canonical mixes of records, on the host, in blocks.

    Images of more than 256 MiB in total stay on the host or in their file: only the images of one
    block at a time are read and copied to the device.

    Args:
      images: ``uint8[N, H, W, C]``, the real images and all others that records name.
      records: what to mix. For a block without mixes, only its own images are read.
      as_released: see :func:`mixing.mix_image`.
      block: images in a block (the last block may be shorter); 0 chooses by their size.

    Yields:
      ``uint8[block, H, W, C]``; one empty block if there is no record.
    """
    one = int(np.prod(images.shape[1:]))
    block = block or block_size(images.shape[1:])
    in_blocks, on_device = one * len(images) > _TABLE_BYTES, None
    for start in range(0, max(len(records), 1), block):
        part = records.take(slice(start, start + block))
        if not as_released and np.array_equal(part.i, part.j):
            yield images[part.i]  # an image mixed with itself is the image
            continue
        room = block - len(part)
        i, j, w = (np.pad(column, (0, room)) for column in (part.i, part.j, part.w))
        if in_blocks:
            table = jnp.asarray(np.concatenate([images[i], images[j]]))
            i, j = np.arange(2 * block, dtype=np.int32).reshape(2, block)
        else:
            table = on_device = jnp.asarray(images) if on_device is None else on_device
        yield np.asarray(_mix(table, i, j, w, as_released))[: len(part)]


class Mixes(Sequence[np.ndarray]):
    """The canonical mixes of records, each made when it is accessed: ``uint8[H, W, C]``."""

    def __init__(self, images: Images, records: Records, as_released: bool = False) -> None:
        """Takes the arguments of :func:`mixes`."""
        self._images, self._records, self._as_released = images, records, as_released

    def __len__(self) -> int:
        """Returns the number of records, Q."""
        return len(self._records)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields all mixes, made in blocks."""
        for block in mixes(self._images, self._records, self._as_released):
            yield from block

    def __getitem__(self, place: Any) -> Any:
        """Returns one mix."""
        one = self._records.take(slice(place, place + 1))
        pair = self._images[np.concatenate([one.i, one.j])]
        return next(mixes(pair, Records(_FIRST, _SECOND, one.w), self._as_released, block=1))[0]
