"""The networks by name. Each fits teacher and student alike."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from amkd.core.errors import UserError
from amkd.models.alexnet import AlexNet
from amkd.models.layers import Network
from amkd.models.lenet import LeNet5
from amkd.models.resnet import ResNet18
from amkd.models.vgg import VGG16

__all__ = ["MODELS", "Network", "build"]


class Entry(NamedTuple):
    """How to build a network, and the image sizes (height and width, in pixels) it takes."""

    build: Callable[..., Network]
    smallest: int
    largest: int | None
    norm: bool  # has BatchNorm, whose statistics are averaged over devices
    dropout: bool = False


MODELS = {
    "lenet5": Entry(lambda **kw: LeNet5(widths=(6, 16), **kw), 1, 32, False),
    "lenet5_half": Entry(lambda **kw: LeNet5(widths=(3, 8), **kw), 1, 32, False),
    "alexnet": Entry(lambda **kw: AlexNet(width=1.0, **kw), 15, None, True, dropout=True),
    "alexnet_half": Entry(lambda **kw: AlexNet(width=0.5, **kw), 15, None, True, dropout=True),
    "vgg16": Entry(VGG16, 32, None, True),
    "resnet18": Entry(lambda **kw: ResNet18(large=False, **kw), 8, None, True),
    "resnet18_224": Entry(lambda **kw: ResNet18(large=True, **kw), 32, None, True),
}


def build(
    name: str,
    classes: int,
    shape: tuple[int, ...],
    dtype: str = "float32",
    axis_name: str | None = None,
) -> Network:
    """A network by name.

    Args:
      name: one of ``MODELS``.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images.
      dtype: type of the computation, ``float32`` or ``bfloat16``.
      axis_name: device axis of the training step, for BatchNorm.

    Raises:
      UserError: the network cannot take images of this size.
    """
    entry = MODELS[name]
    low, high = min(shape[:2]), max(shape[:2])
    if low < entry.smallest or (entry.largest is not None and high > entry.largest):
        wanted = f"at least {entry.smallest}" + (
            f" and at most {entry.largest}" if entry.largest else ""
        )
        raise UserError(
            f"model {name!r} takes images of {wanted} pixels a side, and these are"
            f" {shape[0]}x{shape[1]}; choose another of {', '.join(MODELS)}"
        )
    extra = {"axis_name": axis_name} if entry.norm else {}
    return entry.build(classes=classes, dtype=jnp.dtype(dtype), **extra)
