"""Resizes one picture to a square of a given size."""

import math

import numpy as np
from PIL import Image

KINDS = ("crop", "pad", "stretch")

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
Size = tuple[int, int]  # width, height

_FILTER = Image.Resampling.BILINEAR  # Pillow widens it when it shrinks, so nothing aliases


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Crops the middle square and resizes it bilinearly.

    Args:
      image: ``uint8[H, W, C]``.
      size: height and width wanted.

    Returns:
      ``uint8[size, size, C]``.
    """
    if image.shape[:2] == (size, size):
        return image
    channels = image.shape[-1]
    picture = Image.fromarray(image[..., 0] if channels == 1 else image)
    resized = resample(picture, *fit(picture.size, size, "crop"))
    return np.asarray(resized).reshape(size, size, channels)


def fit(whole: Size, size: int, kind: str) -> tuple[Box, Size]:
    """Computes which part of a picture is used, and how large it becomes.

    Args:
      whole: width and height of the picture.
      size: width and height of the square that it is for.
      kind: ``crop`` (the middle square), ``pad`` (all of it, in proportion) or ``stretch`` (all of
        it).

    Returns:
      The part used, and its new width and height; with ``pad`` one of them may be less than
      ``size``.
    """
    if kind == "crop":
        side = min(whole)
        left, top = ((length - side) // 2 for length in whole)
        return (left, top, left + side, top + side), (size, size)
    longer = max(whole) if kind == "pad" else 0
    width, height = (max(1, round(length * size / longer)) if longer else size for length in whole)
    return (0, 0, *whole), (width, height)


def resample(picture: Image.Image, box: Box, size: Size) -> Image.Image:
    """Resizes a part of a picture; ``box`` may begin and end inside a pixel."""
    left, top = math.floor(box[0]), math.floor(box[1])
    # Cropped first, so that no pixel outside the box is seen.
    part = picture.crop((left, top, math.ceil(box[2]), math.ceil(box[3])))
    return part.resize(size, _FILTER, (box[0] - left, box[1] - top, box[2] - left, box[3] - top))


def letterbox(picture: Image.Image, size: int) -> Image.Image:
    """Centers a picture on a black square, unless it has that size already."""
    if picture.size == (size, size):
        return picture
    canvas = Image.new(picture.mode, (size, size))
    left, top = ((size - length) // 2 for length in picture.size)
    canvas.paste(picture, (left, top))
    return canvas
