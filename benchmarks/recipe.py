"""What a worker of PyTorch is told about a training."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """The fields of amkd's recipe, as far as they bear on the time of a step."""

    batch: int
    optimizer: str
    momentum: float
    weight_decay: float
    crop: int
    flip: bool
