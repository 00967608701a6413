"""Bringing one image to a square of a given size."""

import math

import numpy as np
from PIL import Image

WAYS = ("crop", "pad", "stretch")

Box = tuple[float, float, float, float]  # left, top, right, bottom

_FILTER = Image.Resampling.BILINEAR  # Pillow widens it when it shrinks, so nothing aliases


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Crops the middle square and resizes it, bilinearly: ``uint8[H, W, C]`` to ``[size, size,
    C]``.
    """
    if image.shape[:2] == (size, size):
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    return np.asarray(resample(picture, *plan(picture.size, size, "crop"))).reshape(
        size, size, image.shape[-1]
    )


def plan(whole: tuple[int, int], size: int, way: str) -> tuple[Box, tuple[int, int]]:
    """Which part of a picture is used, and how large it becomes.

    Args:
      whole: the picture's width and height.
      size: width and height of the square that it is for.
      way: ``crop`` (the middle square), ``pad`` (all of it, in proportion) or ``stretch`` (all of
        it).

    Returns:
      The part, in pixels, and its new width and height; with ``pad`` one of them may be less than
      ``size``.
    """
    if way == "crop":
        side = min(whole)
        left, top = ((length - side) // 2 for length in whole)
        return (left, top, left + side, top + side), (size, size)
    longer = max(whole) if way == "pad" else 0
    width, height = (max(1, round(length * size / longer)) if longer else size for length in whole)
    return (0, 0, *whole), (width, height)


def resample(picture: Image.Image, box: Box, shape: tuple[int, int]) -> Image.Image:
    """Resizes a part of a picture, which may begin and end inside a pixel, to ``shape`` (width,
    height).
    """
    left, top = math.floor(box[0]), math.floor(box[1])
    part = picture.crop(
        (left, top, math.ceil(box[2]), math.ceil(box[3]))
    )  # so that nothing beyond it is seen
    return part.resize(shape, _FILTER, (box[0] - left, box[1] - top, box[2] - left, box[3] - top))


def letterbox(picture: Image.Image, size: int) -> Image.Image:
    """Puts a picture in the middle of a black square, if it is not that size already."""
    if picture.size == (size, size):
        return picture
    canvas = Image.new(picture.mode, (size, size))
    left, top = ((size - length) // 2 for length in picture.size)
    canvas.paste(picture, (left, top))
    return canvas
