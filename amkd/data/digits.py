"""scikit-learn's 1,797 real handwritten digits of 8x8 pixels: embedded, nothing to download.

They have no splits, so a fixed split is made here: the teacher is trained on 900 images, the real
images are drawn from 400 images that no teacher has seen, and 497 are the test images.
"""

import numpy as np
from sklearn.datasets import load_digits

from amkd.core import keys
from amkd.data import resize
from amkd.data.dataset import DataSet


def load(size: int) -> DataSet:
    """Loads the digits at ``size`` x ``size`` pixels; 0 for 8x8."""
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    if size:
        images = np.stack([resize.square(image, size) for image in images])
    labels = digits.target.astype(np.int32)
    order = keys.rng(0, 0, keys.Purpose.SPLIT).permutation(len(images))
    teacher, pool, test = order[:900], order[900:1300], order[1300:]
    return DataSet(
        name="digits",
        classes=10,
        teacher_images=images[teacher],
        teacher_labels=labels[teacher],
        pool_images=images[pool],
        pool_labels=labels[pool],
        test_images=images[test],
        test_labels=labels[test],
        class_names=tuple(str(digit) for digit in range(10)),
    )
