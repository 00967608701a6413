"""The student's network, as the configuration names it."""

from amkd import models
from amkd.config.settings import Settings
from amkd.models import Network


def seen_shape(settings: Settings, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns ``(H, W, C)`` of the images as the student sees them.

    Args:
      settings: the configuration.
      shape: ``(H, W, C)`` of the images that the teacher is asked about.
    """
    side = settings.student_size
    return (side, side, *shape[2:]) if side else shape


def student_of(settings: Settings, classes: int, shape: tuple[int, ...]) -> Network:
    """Returns the student's network in float32, as it scores and predicts.

    Args:
      settings: the configuration.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images that the teacher is asked about.

    Raises:
      UserError: the network cannot take images of this size, or is none.
    """
    return models.build(settings.student, classes, shape, side=settings.student_size)
