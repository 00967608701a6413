"""Evaluates the student on training images instead of the test images.

So a recipe can be chosen without using the test images.
"""

import dataclasses

import numpy as np

from amkd.core import keys
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet


def from_training(data: DataSet, seed: int) -> DataSet:
    """Replaces the test images by as many pool images, which then cannot be drawn.

    These images are the same for every configuration with the same seed, and have no labels.

    Args:
      data: the data set.
      seed: the run's seed.

    Raises:
      UserError: fewer than two images would be left to draw.
    """
    count = len(data.test_images)
    drawable = data.drawable
    if count > len(drawable) - 2:
        raise UserError(
            f"config.data.evaluate_on='train': {count} of the {len(drawable)} training images of"
            f" {data.name} would be evaluation images, and fewer than 2 would be left to draw; set"
            " --config.data.test_images to"
            " a smaller number"
        )
    order = keys.rng(seed, 0, keys.Purpose.HELD_OUT).permutation(drawable)
    held_out, left = np.sort(order[:count]), np.sort(order[count:])
    return dataclasses.replace(
        data, test_images=data.pool_images[held_out], test_labels=None, pool_indices=left
    )
