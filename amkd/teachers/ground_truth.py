"""The ground-truth labels as a teacher: a reference, and the annotator of active learning."""

import numpy as np

from amkd.config.data import source_of
from amkd.core.digest import array_digest, image_digest
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.teachers import Teacher

_FIXED = ("digits", "roads", "tfds")  # sources whose name decides their labels
_OWN = "tfds:"  # a folder of the user's own


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
    place: dict[bytes, int] = {}
    for number, image in enumerate(data.pool_images):
        place.setdefault(image_digest(image), number)  # of equal images, the first one is drawn

    def ask(images: np.ndarray) -> np.ndarray:
        try:
            places = [place[image_digest(image)] for image in images]
            return data.task.answers_of(labels[places], data.classes)
        except KeyError as error:
            raise UserError(
                "an image without a ground-truth label was queried: only real images have"
                " ground-truth labels, mixes do not; choose another method or teacher"
            ) from error

    return Teacher(_identity(data), ask)


def _identity(data: DataSet) -> str:
    """Returns the name under which a ledger keeps the labels.

    Labels of the user's own may be corrected, or be read from another column, so that they are part
    of it.
    """
    if source_of(data.name) in _FIXED and not data.name.startswith(_OWN):
        return f"labels:{data.name}"
    digest = array_digest(data.pool_labels, first=repr(data.class_names).encode())
    return f"labels:{data.name}:{digest[:16]}"
