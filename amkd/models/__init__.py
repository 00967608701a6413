"""The networks by name. Each fits teacher and student alike.

A student may also be the user's own, as ``my_module:build``; see amkd/models/user_network.py.
"""

from collections.abc import Callable
from typing import NamedTuple

from amkd.core import plugins
from amkd.core.errors import UserError
from amkd.models import user_network
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
    dropout: bool = False


MODELS = {
    "lenet5": Entry(lambda **kw: LeNet5(widths=(6, 16), **kw), 1, 32),
    "lenet5_half": Entry(lambda **kw: LeNet5(widths=(3, 8), **kw), 1, 32),
    "alexnet": Entry(lambda **kw: AlexNet(width=1.0, **kw), 15, None, dropout=True),
    "alexnet_half": Entry(lambda **kw: AlexNet(width=0.5, **kw), 15, None, dropout=True),
    "vgg16": Entry(VGG16, 32, None),
    "resnet18": Entry(lambda **kw: ResNet18(large=False, **kw), 8, None),
    "resnet18_224": Entry(lambda **kw: ResNet18(large=True, **kw), 32, None),
}


def build(name: str, classes: int, shape: tuple[int, ...], *, side: int = 0) -> Network:
    """Builds a network by name, in float32; :func:`layers.for_training` is how it is trained.

    Args:
      name: one of ``MODELS``, or ``my_module:build``.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images.
      side: height and width at which the network sees them; 0 for their own.

    Raises:
      UserError: the network cannot take images of this size, or is none.
    """
    if side:
        shape = (side, side, *shape[2:])
    entry = plugins.resolve(name, MODELS, "student")
    if not isinstance(entry, Entry):
        own = user_network.adapt(name, entry, classes, shape)
        return own.clone(side=side) if side else own
    low, high = min(shape[:2]), max(shape[:2])
    if low < entry.smallest or (entry.largest is not None and high > entry.largest):
        size = entry.smallest if low < entry.smallest else entry.largest
        wanted = f"at least {entry.smallest}" + (
            f" and at most {entry.largest}" if entry.largest else ""
        )
        field = "student_size" if side else "data.size"
        raise UserError(
            f"model {name!r} takes images of {wanted} pixels a side, and these are"
            f" {shape[0]}x{shape[1]}; set --config.{field}={size}, or choose another of"
            f" {', '.join(MODELS)}"
        )
    return entry.build(classes=classes, side=side)
