"""Builds the networks of student and assistant that the configuration names."""

from amkd import models
from amkd.config.settings import Settings
from amkd.models import Network, resizing


def seen_side(settings: Settings, shape: tuple[int, ...]) -> resizing.Side:
    """Returns height and width at which the student sees the images; 0 for their own size.

    Args:
      settings: the configuration.
      shape: ``(H, W, C)`` of the images that are sent to the teacher.
    """
    return _side(settings.student_size, settings.student_width, shape)


def _side(height: int, width: int, shape: tuple[int, ...]) -> resizing.Side:
    if not height:
        return 0
    width = width or max(1, round(height * shape[1] / shape[0]))
    return height if width == height else (height, width)


def seen_shape(settings: Settings, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns ``(H, W, C)`` of the images as the student sees them.

    Args:
      settings: the configuration.
      shape: ``(H, W, C)`` of the images that are sent to the teacher.
    """
    return resizing.seen_shape(shape, seen_side(settings, shape))


def student_of(
    settings: Settings, classes: int, shape: tuple[int, ...], groups: int = 1
) -> Network:
    """Returns the student's network in float32, as it scores and predicts.

    Args:
      settings: the configuration.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images that are sent to the teacher.
      groups: how many distributions an answer has, see :class:`amkd.tasks.Task`.

    Raises:
      UserError: the network cannot take images of this size, or there is no such network.
    """
    side = seen_side(settings, shape)
    return models.build(settings.student, classes, shape, side=side, groups=groups)


def assistant_side(settings: Settings, shape: tuple[int, ...]) -> resizing.Side:
    """Returns height and width at which the assistant sees the images; 0 for their own size."""
    return _side(settings.assistant.size, 0, shape)


def assistant_of(settings: Settings, classes: int, shape: tuple[int, ...]) -> Network:
    """Returns the assistant's network in float32; takes the same as :func:`student_of`.

    Raises:
      UserError: the network cannot take images of this size, or there is no such network.
    """
    side = assistant_side(settings, shape)
    return models.build(
        settings.assistant.model, classes, shape, side=side, field="assistant.model"
    )
