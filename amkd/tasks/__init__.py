"""What a student is trained for, and so what an answer means: one class of an image, or lanes."""

from amkd.config.data import is_of_lanes
from amkd.tasks.base import Task
from amkd.tasks.lanes import LaneTask
from amkd.tasks.one_class import ONE_CLASS, OneClass

__all__ = ["ONE_CLASS", "LaneTask", "OneClass", "Task", "kind_of"]


def kind_of(dataset: str) -> type[Task]:
    """Returns the kind of task that a data set's name means, before the data are there."""
    return LaneTask if is_of_lanes(dataset) else OneClass
