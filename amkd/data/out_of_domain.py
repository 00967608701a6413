"""Real images from another data set than the teacher's (paper, section 4.4).

They are converted to the size and the number of channels of the teacher's images.
"""

import dataclasses

import numpy as np

from amkd.core.errors import UserError
from amkd.data import resize
from amkd.data.dataset import DataSet

_LUMA = np.array([299, 587, 114])  # thousandths; ITU-R BT.601


def image_side(data: DataSet) -> int:
    """Returns the height and width of the teacher's images, in pixels.

    Raises:
      UserError: the images are not square.
    """
    height, width, _ = data.shape
    if height != width:
        raise UserError(
            f"config.data.real: {data.name} has images of {height}x{width}, but images of"
            " another domain are made square; set --config.data.size, and --config.data.width=0"
        )
    return height


def with_pool_from(data: DataSet, other: DataSet) -> DataSet:
    """Returns the data set, with the pool images of ``other`` instead of its own.

    Args:
      data: the teacher's data set.
      other: the data set that the real images are drawn from.
    """
    images = convert(other.pool_images, image_side(data), data.shape[-1])
    return dataclasses.replace(
        data, pool_images=images, pool_indices=other.pool_indices, pool_labels=None
    )


def convert(images: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Converts images to another size and number of channels.

    Args:
      images: ``uint8[M, H, W, C]``, C 1 or 3.
      size: wanted height and width; the middle square is resized bilinearly.
      channels: 1 (luma of red, green and blue) or 3 (grey three times).

    Returns:
      ``uint8[M, size, size, channels]``.
    """
    if images.shape[-1] == 3 and channels == 1:
        images = ((images @ _LUMA + 500) // 1000).astype(np.uint8)[..., None]
    if images.shape[1:3] != (size, size):
        images = np.stack([resize.square(image, size) for image in images])
    return images.repeat(3, -1) if images.shape[-1] == 1 and channels == 3 else images
