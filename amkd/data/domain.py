"""Real images from another data set than the teacher's: brought to its size and colours (paper,
section 4.4).
"""

import numpy as np

from amkd.core.errors import UserError
from amkd.data import resize
from amkd.data.dataset import DataSet

_LUMA = np.array([299, 587, 114])  # thousandths; ITU-R BT.601


def side(data: DataSet) -> int:
    """Height and width of the teacher's images, which the others are brought to.

    Raises:
      UserError: they are no squares.
    """
    height, width, _ = data.shape
    if height != width:
        raise UserError(
            f"config.data.real: {data.name} has images of {height}x{width}, and others are made"
            " squares"
        )
    return height


def drawn_from(data: DataSet, other: DataSet) -> DataSet:
    """The data set with the images of another one in place of its own to draw from."""
    images = adapted(other.pool_images, side(data), data.shape[-1])
    return data._replace(pool_images=images, pool_places=other.pool_places, pool_labels=None)


def adapted(images: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Images in another size and number of channels.

    Args:
      images: ``uint8[M, H, W, C]``, C 1 or 3.
      size: height and width wanted: the middle square, bilinearly.
      channels: 1 (luma of red, green and blue) or 3 (grey three times).

    Returns:
      ``uint8[M, size, size, channels]``.
    """
    if images.shape[-1] == 3 and channels == 1:
        images = ((images @ _LUMA + 500) // 1000).astype(np.uint8)[..., None]
    if images.shape[1:3] != (size, size):
        images = np.stack([resize.square(image, size) for image in images])
    return images.repeat(3, -1) if images.shape[-1] == 1 and channels == 3 else images
