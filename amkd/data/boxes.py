"""Boxes: parts of an image with a given share of its area, for crops and pastes."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from amkd.data import resize


class Box(NamedTuple):
    """A part of an image, in whole pixels.

    Attributes:
      top: number of rows above it.
      left: number of columns to its left.
      height: number of its rows.
      width: number of its columns.
    """

    top: int
    left: int
    height: int
    width: int


def box_of(
    shape: tuple[int, ...], share: float, stretch: float, *, down: float, across: float
) -> Box:
    """Returns the box of a share of the area, rounded to whole pixels, inside the image.

    Args:
      shape: ``(H, W, ...)`` of the image.
      share: share of the image's area, in (0, 1].
      stretch: how much wider the box is than the image's proportions, between ``share`` and
        ``1 / share``: at 1, the box has the proportions of the image.
      down: vertical position, in [0, 1): 0 is at the top.
      across: horizontal position, in [0, 1): 0 is at the left.
    """
    sides = [math.sqrt(share / stretch), math.sqrt(share * stretch)]
    height, width = (
        min(max(round(length * side), 1), length)
        for length, side in zip(shape[:2], sides, strict=True)
    )
    top, left = int(down * (shape[0] - height + 1)), int(across * (shape[1] - width + 1))
    return Box(top, left, height, width)


def draw_crop(
    shape: tuple[int, ...],
    shares: tuple[float, float],
    stretch: float,
    rng: np.random.Generator,
) -> Box:
    """Draws the box of a crop: its share uniformly, its stretch log-uniformly, its place uniformly.

    As in "Inception" crops (Szegedy et al., 2015), but with the proportions of the image instead
    of 1:1. So a crop can have any share, and a crop that is resized to the image's shape is
    distorted at most by ``stretch``.

    Args:
      shape: ``(H, W, ...)`` of the image.
      shares: lowest and highest share of its area.
      stretch: largest stretch, at least 1; the lowest is its inverse.
      rng: source of randomness.
    """
    share = rng.uniform(*shares)
    widest = math.log(min(stretch, 1 / share))  # otherwise a side would be longer than the image's
    wide = math.exp(rng.uniform(-widest, widest))
    return box_of(shape, share, wide, down=rng.random(), across=rng.random())


def draw_paste(
    shape: tuple[int, ...],
    shares: tuple[float, float],
    beta: float,
    rng: np.random.Generator,
) -> Box:
    """Draws the box of a paste, in the image's proportions: its share, ``1 - lambda`` of CutMix,
    and its place.

    CutMix (Yun et al., 2019) centers boxes anywhere and cuts off the part outside the image; here
    the whole box is inside, so that it has the share that was drawn.

    Args:
      shape: ``(H, W, ...)`` of the image.
      shares: lowest and highest share of its area.
      beta: both parameters of the beta distribution of the share between these; 1 is uniform.
      rng: source of randomness.
    """
    low, high = shares
    share = low + (high - low) * rng.beta(beta, beta)
    return box_of(shape, share, 1.0, down=rng.random(), across=rng.random())


def crop(image: np.ndarray, box: Box) -> np.ndarray:
    """Returns a part of an image, resized to the shape of the image; bilinear, and antialiased.

    Args:
      image: ``uint8[H, W, C]``.
      box: the part.

    Returns:
      ``uint8[H, W, C]``.
    """
    height, width, channels = image.shape
    top, left = box.top, box.left
    bounds = (left, top, left + box.width, top + box.height)

    def resized(pixels: np.ndarray) -> np.ndarray:
        part = resize.resample(Image.fromarray(pixels), bounds, (width, height))
        return np.asarray(part).reshape(height, width, -1)

    if channels == 3:
        return resized(image)
    return np.concatenate([resized(image[..., one]) for one in range(channels)], -1)


def paste(image: np.ndarray, other: np.ndarray, box: Box) -> np.ndarray:
    """Returns an image with a part of another in the same place, ``uint8[H, W, C]``."""
    pasted = image.copy()
    rows, columns = slice(box.top, box.top + box.height), slice(box.left, box.left + box.width)
    pasted[rows, columns] = other[rows, columns]
    return pasted
