"""What a teacher must be able to take and to answer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """The images and classes of a data set, which a model is checked against.

    Attributes:
      shape: ``(H, W, C)`` of one image.
      classes: number of classes Y.
      class_names: names of the classes, Y of them; empty if they have none.
    """

    shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...] = ()
