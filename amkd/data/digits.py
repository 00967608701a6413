"""scikit-learn's 1,797 real handwritten digits of 8x8 pixels: embedded, nothing to download.

They come without splits, so a fixed one is made here: 900 to train the teacher on, 400 that
no teacher has seen to draw the real images from, and 497 to test on.
"""

import numpy as np
from sklearn.datasets import load_digits

from amkd.core import keys
from amkd.data import resize
from amkd.data.dataset import DataSet


def load(size: int) -> "DataSet":
    """The digits, ``size`` x ``size`` pixels (0: 8x8)."""
    digits = load_digits()
    grey = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    if size:
        grey = np.stack([resize.square(image, size) for image in grey])
    labels = digits.target.astype(np.int32)
    order = keys.rng(0, 0, keys.Purpose.SPLIT).permutation(len(grey))
    teacher, pool, test = order[:900], order[900:1300], order[1300:]
    names = tuple(str(digit) for digit in range(10))
    parts = (grey[teacher], labels[teacher], grey[pool], grey[test], labels[test])
    return DataSet("digits", 10, *parts, names, pool_labels=labels[pool])
