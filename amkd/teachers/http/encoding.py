"""Encodes images as PNG or JPEG files, and these files as base64 text."""

import base64
import io

import numpy as np
from PIL import Image

from amkd.core.errors import UserError

_FIELD = "config.teacher.json"
_MODES = {1: "L", 3: "RGB"}


def check(encoding: str, quality: int, channels: int) -> None:
    """Refuses an unknown encoding, or one that does not support the number of channels.

    Raises:
      UserError: a field of ``config.teacher.json`` is wrong; the message names it.
    """
    if encoding not in ("png", "jpeg"):
        raise UserError(f"{_FIELD}.encoding={encoding!r} must be png or jpeg")
    if not 1 <= quality <= 100:
        raise UserError(f"{_FIELD}.quality={quality} must be between 1 and 100; 95 is usual")
    if channels not in _MODES:
        raise UserError(
            f"{_FIELD}.encoding={encoding!r} takes images with 1 or 3 channels, but the data set's"
            f" images have {channels}"
        )


def encode(image: np.ndarray, encoding: str, quality: int) -> str:
    """Returns the file of one image in base64; takes the same arguments as :func:`file_of`."""
    return as_text(file_of(image, encoding, quality))


def as_text(file: bytes) -> str:
    """Returns a file in base64."""
    return base64.b64encode(file).decode()


def mime(encoding: str) -> str:
    """Returns the type of an image file, as headers name it."""
    return f"image/{encoding}"


def file_of(image: np.ndarray, encoding: str, quality: int) -> bytes:
    """Returns the file of one image.

    Args:
      image: ``uint8[H, W, C]`` with 1 or 3 channels.
      encoding: ``png``, which keeps every pixel, or ``jpeg``, which does not.
      quality: quality of ``jpeg``, 1 to 100.
    """
    pillow = Image.fromarray(
        image[..., 0] if image.shape[-1] == 1 else image, _MODES[image.shape[-1]]
    )
    file = io.BytesIO()
    if encoding == "png":
        pillow.save(file, "PNG")
    else:
        pillow.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
