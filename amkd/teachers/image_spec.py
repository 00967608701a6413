"""The images that a teacher must accept, and the classes that it must answer."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """The images and classes of a data set, which a model is checked against.

    Attributes:
      shape: ``(H, W, C)`` of one image.
      classes: number of classes Y.
      class_names: names of the Y classes; empty if they have no names.
    """

    shape: tuple[int, int, int]
    classes: int
    class_names: tuple[str, ...] = ()
