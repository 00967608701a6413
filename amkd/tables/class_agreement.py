"""Agreement of a kept run's student with its teacher, class by class, from existing answers.

No query is sent: the answers are those of the run's ledger.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data import class_names
from amkd.data.dataset import DataSet
from amkd.models.saved_network import load_network
from amkd.run import inputs
from amkd.run.stored_run import StoredRun

_MOST_BYTES = 2**28  # of evaluation images for which a comparison computes a student's answers


@dataclasses.dataclass(frozen=True, eq=False)
class PredictedClasses:
    """The classes of student and teacher on the evaluation images that the teacher has answered.

    Attributes:
      classes: Y names.
      images: digests of M images.
      student: ``int[M]``, the classes that the student predicts.
      teacher: ``int[M]``, those that the teacher predicts.
    """

    classes: tuple[str, ...]
    images: tuple[bytes, ...]
    student: np.ndarray
    teacher: np.ndarray

    @property
    def agrees(self) -> np.ndarray:
        """Whether both predict the same class: ``bool[M]``."""
        return self.student == self.teacher

    def by_class(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns, for each of the teacher's classes, the number of its images, and the number of
        those on which the student agrees: ``int[Y]`` each.
        """
        count = len(self.classes)
        return (
            np.bincount(self.teacher, minlength=count),
            np.bincount(self.teacher[self.agrees], minlength=count),
        )


def of_run(run: StoredRun, loaded: dict[str, DataSet]) -> PredictedClasses:
    """Returns the classes of a run's student and teacher on the images that the teacher answered.

    Args:
      run: a stored run.
      loaded: data sets that were loaded already, by their settings; new ones are added.

    Raises:
      UserError: says why the classes cannot be computed here, or would take too long.
    """
    if not run.finished:
        raise UserError("the run is not finished, so it has no student yet")
    saved = load_network(run.folder / "student")
    data = _data(run, loaded)
    if not data.task.names_classes:
        raise UserError("the answers are lanes, not classes")
    images = data.test_images
    if images.nbytes > _MOST_BYTES:
        raise UserError(
            f"{len(images):,} evaluation images are too many to compute the student's answers here"
        )
    if list(data.shape) != saved.card["shape"] or data.classes != saved.card["classes"]:
        raise UserError("the data set is not the one for which the student was made")
    digests = [image_digest(image) for image in images]
    known = run.answers(digests, data.classes)
    kept = np.array([digest in known for digest in digests], bool)
    if not kept.any():
        raise UserError("the ledger has no answers to the evaluation images")
    return PredictedClasses(
        classes=class_names.of(data),
        images=tuple(digest for digest in digests if digest in known),
        student=saved.predict(np.asarray(images[kept])).argmax(-1),
        teacher=np.array([known[digest].argmax() for digest in digests if digest in known]),
    )


def _data(run: StoredRun, loaded: dict[str, DataSet]) -> DataSet:
    settings = run.settings
    # The seed decides which images are held out of a folder, or of the training set.
    key = repr((settings.dataset, settings.data, settings.seed))
    if key not in loaded:
        try:
            loaded[key] = inputs.load_data(settings)
        except (UserError, OSError) as error:
            raise UserError(f"the data set cannot be loaded here: {error}") from error
    return loaded[key]


def same_images(predicted: Sequence[PredictedClasses]) -> bool:
    """Returns whether all were evaluated on the same images, with the same answers and the same
    order of classes.
    """
    first = predicted[0]
    return all(
        one.images == first.images
        and one.classes == first.classes
        and np.array_equal(one.teacher, first.teacher)
        for one in predicted[1:]
    )
