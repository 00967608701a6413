"""The description of a training for a worker of PyTorch."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """The fields of amkd's recipe that affect the time of a step.

    ``precision`` is the meaning of that recipe on this backend: full ``float32``, ``tensorfloat32``
    or ``bfloat16``.
    """

    batch: int
    optimizer: str
    momentum: float
    weight_decay: float
    crop: int
    flip: bool
    precision: str = "float32"
