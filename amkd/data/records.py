"""Records of queries, and the images that they stand for."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from amkd.core.compilation import jit
from amkd.data import mixing


class Records(NamedTuple):
    """Queried mixes, in the order in which they were queried.

    Attributes:
      i: ``int32[Q]``.
      j: ``int32[Q]``.
      w: ``int32[Q]``, weight of image ``i`` in units of 1/65536.
    """

    i: np.ndarray
    j: np.ndarray
    w: np.ndarray

    def __len__(self) -> int:  # NamedTuple's own length would be the number of fields
        return len(self.i)


def real_records(n: int) -> Records:
    """The N real images themselves."""
    index = np.arange(n, dtype=np.int32)
    return Records(index, index, np.full(n, mixing.ONE, np.int32))


def extend(records: Records, more: Records) -> Records:
    """``records`` followed by ``more``."""
    return Records(*(np.concatenate([a, b]) for a, b in zip(records, more, strict=True)))


@lru_cache(maxsize=1)
def _mix_program() -> Callable[..., Any]:
    return jit(mixing.mix_images)


def mixes(
    images: np.ndarray, records: Records, as_released: bool = False, block: int = 1024
) -> Iterator[np.ndarray]:
    """The canonical bytes of records, on the host, in blocks of at most ``uint8[block, H, W,
    C]``.
    """
    on_device = jnp.asarray(images)
    for start in range(0, max(len(records), 1), block):
        part = [column[start : start + block] for column in records]
        padded = (np.pad(column, (0, block - len(part[0]))) for column in part)
        yield np.asarray(_mix_program()(on_device, *padded, as_released))[: len(part[0])]
