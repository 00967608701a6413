"""Agreement of a kept run's student with its teacher, class by class, from answers that are there.

No teacher is asked: the answers are those of the run's ledger.
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
from amkd.run.kept import KeptRun

_MOST_BYTES = 2**28  # of judging images that a comparison puts through a student


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """A student on the judging images that its teacher has answered.

    Attributes:
      classes: Y names.
      images: digests of M images.
      student: ``int[M]``, the classes that the student picks.
      teacher: ``int[M]``, those that the teacher picks.
    """

    classes: tuple[str, ...]
    images: tuple[bytes, ...]
    student: np.ndarray
    teacher: np.ndarray

    @property
    def agrees(self) -> np.ndarray:
        """Whether both pick the same class: ``bool[M]``."""
        return self.student == self.teacher

    def by_class(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns, for each of the teacher's classes, its images and those agreed on: ``int[Y]``
        each.
        """
        count = len(self.classes)
        return (
            np.bincount(self.teacher, minlength=count),
            np.bincount(self.teacher[self.agrees], minlength=count),
        )


def judge(run: KeptRun, loaded: dict[str, DataSet]) -> Judged:
    """Returns the student of a run on the images that its teacher has answered.

    Args:
      run: a kept run.
      loaded: data sets that were loaded already, by their settings; is added to.

    Raises:
      UserError: why it cannot be found here, or not cheaply.
    """
    if not run.finished:
        raise UserError("the run is not finished, so it has no student yet")
    saved = load_network(run.folder / "student")
    data = _data(run, loaded)
    if not data.task.names_classes:
        raise UserError("the answers are lanes and name no classes")
    images = data.test_images
    if images.nbytes > _MOST_BYTES:
        raise UserError(
            f"{len(images):,} judging images are too many to compute the student's answers here"
        )
    if list(data.shape) != saved.card["shape"] or data.classes != saved.card["classes"]:
        raise UserError("the data set is not the one that the student was made for")
    digests = [image_digest(image) for image in images]
    known = run.answers(digests, data.classes)
    kept = np.array([digest in known for digest in digests], bool)
    if not kept.any():
        raise UserError("the ledger has no answers to the judging images")
    return Judged(
        classes=class_names.of(data),
        images=tuple(digest for digest in digests if digest in known),
        student=saved.predict(np.asarray(images[kept])).argmax(-1),
        teacher=np.array([known[digest].argmax() for digest in digests if digest in known]),
    )


def _data(run: KeptRun, loaded: dict[str, DataSet]) -> DataSet:
    settings = run.settings
    # The seed decides which images are held out of a folder, or of the training set.
    key = repr((settings.dataset, settings.data, settings.seed))
    if key not in loaded:
        try:
            loaded[key] = inputs.load_data(settings)
        except (UserError, OSError) as error:
            raise UserError(f"the data set cannot be loaded here: {error}") from error
    return loaded[key]


def same_images(judged: Sequence[Judged]) -> bool:
    """Tells whether all were judged on the same images, with the same answers, by one order of
    classes.
    """
    first = judged[0]
    return all(
        one.images == first.images
        and one.classes == first.classes
        and np.array_equal(one.teacher, first.teacher)
        for one in judged[1:]
    )
