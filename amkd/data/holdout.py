"""Training images that judge the student in place of the test images, so that a recipe is not
chosen by these.
"""

import numpy as np

from amkd.core import keys
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet


def from_training(data: DataSet, seed: int) -> DataSet:
    """The data set judged by images that the real ones might have been drawn from, and now are not.

    They are as many as the test images, the same for every configuration of a seed, and have no
    labels.

    Args:
      data: the data set.
      seed: the run's.

    Raises:
      UserError: fewer than two images would be left to draw.
    """
    count = len(data.test_images)
    places = np.arange(len(data.pool_images)) if data.pool_places is None else data.pool_places
    if count > len(places) - 2:
        raise UserError(
            f"config.data.judge='train': {count} of the {len(places)} training images of"
            f" {data.name} would judge, and"
            " none be left to draw; set --config.data.test_images to fewer"
        )
    order = keys.rng(seed, 0, keys.Purpose.HELD_OUT).permutation(places)
    judges, left = np.sort(order[:count]), np.sort(order[count:])
    return data._replace(test_images=data.pool_images[judges], test_labels=None, pool_places=left)
