"""What a worker of PyTorch is told about a training."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """The fields of amkd's recipe, as far as they bear on the time of a step.

    ``precision`` is what that recipe means on this backend: ``float32`` in full, ``tensorfloat32``
    or ``bfloat16``.
    """

    batch: int
    optimizer: str
    momentum: float
    weight_decay: float
    crop: int
    flip: bool
    precision: str = "float32"
