"""Finds the images on which a run's student and teacher can be compared without a query."""

from collections.abc import Callable, Iterator, Sequence, Set

import numpy as np

from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.data.dataset import DataSet, draw_real
from amkd.methods.first_images import SynthesizedImages
from amkd.methods.image_selectors import ImageSelector, MadeImageSelector
from amkd.reporting.gallery import AnsweredImages, Entry, EntryOf
from amkd.run.facts import RunFacts
from amkd.tasks import Task

HELD_OUT, QUERIED = "held-out", "queried real"

_MOST_BYTES = 2**28  # of queried real images that are compared; the first ones in the draw


def queried_real(
    settings: Settings, facts: RunFacts, data: DataSet, used: Set[bytes]
) -> tuple[np.ndarray, list[bytes]]:
    """Returns real images that a run has queried, ``uint8[M, H, W, C]``, and their digests.

    Images that a method makes are left out. If there are very many images, only the first ones are
    returned.

    Args:
      settings: the configuration.
      facts: the facts of the run.
      data: the data set.
      used: digests of all images that the run has queried.
    """
    found: dict[bytes, np.ndarray] = {}
    most = max(_MOST_BYTES // max(int(np.prod(data.shape)), 1), 1)
    for image in _candidates(settings, facts, data):
        digest = image_digest(image)
        if digest in used:
            found.setdefault(digest, image)
        if len(found) == most:
            break
    images = np.array(list(found.values()), np.uint8).reshape(len(found), *data.shape)
    return images, list(found)


def _candidates(settings: Settings, facts: RunFacts, data: DataSet) -> Iterator[np.ndarray]:
    selector = facts.method.selector
    if not isinstance(facts.method.first, SynthesizedImages):
        yield from draw_real(data, facts.real_count, settings.seed)
    if isinstance(selector, ImageSelector) and not isinstance(selector, MadeImageSelector):
        yield from (data.pool_images[place] for place in data.drawable)


def of_run(
    *,
    test_images: np.ndarray,
    test_answers: np.ndarray | None,
    real_images: np.ndarray,
    real_answers: np.ndarray,
    predict: Callable[[np.ndarray], np.ndarray],
) -> Iterator[AnsweredImages]:
    """Yields held-out and queried real images with the answers of teacher and student.

    Args:
      test_images: ``uint8[T, H, W, C]``, the evaluation images.
      test_answers: the teacher's answers on them, ``float32[T, Y]``; NaN where it was not asked;
        None if it was never asked.
      real_images: ``uint8[M, H, W, C]``, queried real images.
      real_answers: the teacher's answers on them, ``float32[M, Y]``.
      predict: the student, as a function of images.
    """
    if test_answers is not None and len(test_images):
        yield AnsweredImages(HELD_OUT, test_images, test_answers, predict(test_images))
    if len(real_images):
        yield AnsweredImages(QUERIED, real_images, real_answers, predict(real_images))


def entry_of(task: Task, names: Sequence[str]) -> EntryOf:
    """Returns a function that makes a gallery's entry from an image.

    Both answers are written below the image, and drawn over it if the task can draw them.

    Args:
      task: what answers mean.
      names: the names of the classes.
    """
    sides = ["teacher", "student"]
    if task.colours:
        sides = [f"{who} ({colour})" for who, colour in zip(sides, task.colours, strict=True)]

    def make(image: np.ndarray, teacher: np.ndarray, student: np.ndarray) -> Entry:
        answers = (teacher, student)
        lines = (
            f"{who}: {task.words(one, names, 1)}" for who, one in zip(sides, answers, strict=True)
        )
        return Entry(image, teacher, student, task.draw(image, *answers), tuple(lines))

    return make
