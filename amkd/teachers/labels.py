"""The ground-truth labels as a teacher: a reference, and the annotator of active learning."""

import numpy as np

from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.teachers import Teacher


def load(data: DataSet) -> Teacher:
    """Returns a teacher that answers pool images, and no others, by their ground-truth labels.

    Raises:
      UserError: the data set has no ground-truth labels.
    """
    if data.pool_labels is None:
        raise UserError(
            f"config.dataset={data.name!r}: the data set has no ground-truth labels to learn from;"
            " choose another method or teacher"
        )
    labels = data.pool_labels
    place = {image_digest(image): number for number, image in enumerate(data.pool_images)}

    def ask(images: np.ndarray) -> np.ndarray:
        try:
            places = [place[image_digest(image)] for image in images]
            return data.task.answers_of(labels[places], data.classes)
        except KeyError as error:
            raise UserError(
                "an image without a ground-truth label was queried: only real images have"
                " ground-truth labels, mixes do not; choose another method or teacher"
            ) from error

    return Teacher(f"labels:{data.name}", ask)
