"""Bringing one image to a square of a given size."""

import numpy as np
from PIL import Image


def square(image: np.ndarray, size: int) -> np.ndarray:
    """Crops the middle square and resizes it, bilinearly: ``uint8[H, W, C]`` to ``[size, size, C]``."""
    if image.shape[:2] == (size, size):
        return image
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    middle = image[top : top + side, left : left + side]
    flat = middle[..., 0] if middle.shape[-1] == 1 else middle
    resized = Image.fromarray(flat).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized).reshape(size, size, image.shape[-1])
