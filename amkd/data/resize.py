"""Resizes one image to a given size: a square, or any rectangle."""

import math

import numpy as np
from PIL import Image

KINDS = ("crop", "pad", "stretch")

Bounds = tuple[float, float, float, float]  # left, top, right, bottom, in pixels
Size = tuple[int, int]  # width, height

_FILTER = Image.Resampling.BILINEAR  # Pillow widens it to make an image smaller: no aliasing


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Crops the middle square and resizes it bilinearly.

    Args:
      image: ``uint8[H, W, C]``.
      size: wanted height and width.

    Returns:
      ``uint8[size, size, C]``.
    """
    if image.shape[:2] == (size, size):
        return image
    channels = image.shape[-1]
    pillow = Image.fromarray(image[..., 0] if channels == 1 else image)
    resized = resample(pillow, *fit(pillow.size, (size, size), "crop"))
    return np.asarray(resized).reshape(size, size, channels)


def fit(whole: Size, wanted: Size, kind: str) -> tuple[Bounds, Size]:
    """Computes which part of an image is used, and how large it becomes.

    Args:
      whole: width and height of the image.
      wanted: wanted width and height.
      kind: ``crop`` (the largest part in its middle that has the wanted proportions), ``pad`` (the
        whole image, in proportion) or ``stretch`` (the whole image).

    Returns:
      The part used, and its new width and height; with ``pad`` one of them may be smaller than
      wanted.
    """
    width, height = whole
    across, down = wanted
    if kind == "crop":
        part = min(width, height * across / down), min(height, width * down / across)
        left, top = ((length - own) // 2 for length, own in zip(whole, part, strict=True))
        return (left, top, left + part[0], top + part[1]), wanted
    if kind == "pad":
        if width * down >= height * across:
            wanted = across, max(1, round(height * across / width))
        else:
            wanted = max(1, round(width * down / height)), down
    return (0, 0, width, height), wanted


def resample(image: Image.Image, box: Bounds, size: Size) -> Image.Image:
    """Resizes a part of an image; ``box`` may begin and end inside a pixel."""
    left, top = math.floor(box[0]), math.floor(box[1])
    # Cropped first, so that no pixel outside the box is used.
    part = image.crop((left, top, math.ceil(box[2]), math.ceil(box[3])))
    return part.resize(size, _FILTER, (box[0] - left, box[1] - top, box[2] - left, box[3] - top))


def letterbox(image: Image.Image, wanted: Size) -> Image.Image:
    """Centers an image on black of the wanted size, unless it already has that size."""
    if image.size == wanted:
        return image
    canvas = Image.new(image.mode, wanted)
    left, top = ((one - own) // 2 for one, own in zip(wanted, image.size, strict=True))
    canvas.paste(image, (left, top))
    return canvas
