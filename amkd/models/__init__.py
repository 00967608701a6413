"""The networks by name. Each can be a teacher or a student.

A student may also be a network of the user's own, named as ``my_module:build``; see
amkd/models/user_network.py.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from amkd.core import plugins
from amkd.core.errors import UserError
from amkd.models import user_network
from amkd.models.alexnet import AlexNet
from amkd.models.layers import Network
from amkd.models.lenet import LeNet5
from amkd.models.pretrained.base import HALF, PretrainedNetwork
from amkd.models.pretrained.convnext import ConvNeXt
from amkd.models.pretrained.efficientnet import EfficientNetLite0
from amkd.models.pretrained.mobilenet import MobileNetV3Small
from amkd.models.pretrained.resnet import ImageNetResNet
from amkd.models.pretrained.vit import ViTSmall
from amkd.models.resizing import Side, seen_shape
from amkd.models.resnet import ResNet18
from amkd.models.row_anchor import RowAnchor
from amkd.models.vgg import VGG16

__all__ = ["MODELS", "Network", "build"]


class Entry(NamedTuple):
    """How to build a network, and the image sizes (height and width, in pixels) that it takes.

    Attributes:
      build: builds the network, given the keyword arguments ``classes``, ``side`` and ``groups``.
      smallest: smallest height and width.
      largest: largest height and width; None for no limit.
      dropout: whether it has dropout.
      timm: its name in timm, if it takes published weights; it then takes only images with three
        channels.
      multiple: a number; height and width must be multiples of it.
    """

    build: Callable[..., Network]
    smallest: int
    largest: int | None
    dropout: bool = False
    timm: str = ""
    multiple: int = 1


def _published(kind: type[PretrainedNetwork], timm: str, smallest: int = 32, **how: Any) -> Entry:
    """Returns the entry of a network with published weights."""
    multiple = how.get("patch", 1)
    return Entry(partial(kind, timm=timm, **how), smallest, None, timm=timm, multiple=multiple)


MODELS = {
    "lenet5": Entry(lambda **kw: LeNet5(widths=(6, 16), **kw), 1, 32),
    "lenet5_half": Entry(lambda **kw: LeNet5(widths=(3, 8), **kw), 1, 32),
    "alexnet": Entry(lambda **kw: AlexNet(width=1.0, **kw), 15, None, dropout=True),
    "alexnet_half": Entry(lambda **kw: AlexNet(width=0.5, **kw), 15, None, dropout=True),
    "vgg16": Entry(VGG16, 32, None),
    "resnet18": Entry(lambda **kw: ResNet18(large=False, **kw), 8, None),
    "resnet18_224": Entry(lambda **kw: ResNet18(large=True, **kw), 32, None),
    "row_anchor": Entry(lambda **kw: RowAnchor(widths=(16, 32, 64), hidden=256, **kw), 16, None),
    "row_anchor_half": Entry(
        lambda **kw: RowAnchor(widths=(8, 16, 32), hidden=128, **kw), 16, None
    ),
    "resnet18_imagenet": _published(ImageNetResNet, "resnet18"),
    "resnet50_imagenet": _published(
        ImageNetResNet, "resnet50", depths=(3, 4, 6, 3), bottleneck=True
    ),
    "efficientnet_lite0": _published(EfficientNetLite0, "efficientnet_lite0"),
    "tf_efficientnet_lite0": _published(
        EfficientNetLite0, "tf_efficientnet_lite0", tensorflow=True, mean=HALF, std=HALF
    ),
    "mobilenetv3_small_100": _published(MobileNetV3Small, "mobilenetv3_small_100"),
    "convnext_atto": _published(
        ConvNeXt, "convnext_atto", depths=(2, 2, 6, 2), widths=(40, 80, 160, 320)
    ),
    "convnext_tiny": _published(ConvNeXt, "convnext_tiny"),
    "vit_small_patch16_224": _published(
        ViTSmall, "vit_small_patch16_224", 16, patch=16, mean=HALF, std=HALF
    ),
    "vit_small_patch14_dinov2": _published(
        ViTSmall, "vit_small_patch14_dinov2", 14, patch=14, scaled=True
    ),
}


# The fields of height and width at which a network sees images of any size. An assistant sees
# squares.
_SIZE_FIELDS = {
    "student": ("student_size", "student_width"),
    "assistant.model": ("assistant.size", ""),
}


def build(
    name: str,
    classes: int,
    shape: tuple[int, ...],
    *,
    side: Side = 0,
    field: str = "student",
    groups: int = 1,
) -> Network:
    """Builds a network by name, in float32; for training use :func:`layers.for_training`.

    Args:
      name: one of ``MODELS``, or ``my_module:build``.
      classes: number of classes Y.
      shape: ``(H, W, C)`` of the images.
      side: height and width at which the network sees them, one number if they are equal; 0 for
        their own size.
      field: the field that names the network, for messages.
      groups: how many distributions an answer has; see :class:`layers.Network`.

    Raises:
      UserError: the network cannot take images of this size, or there is no such network.
    """
    shape = seen_shape(shape, side)
    entry = plugins.resolve(name, MODELS, field)
    if not isinstance(entry, Entry):
        own = user_network.adapt(f"config.{field}={name!r}", entry, classes, shape)
        return own.clone(side=side, groups=groups) if side or groups > 1 else own
    if entry.timm and shape[2] != 3:
        raise UserError(
            f"model {name!r} takes images with 3 channels (red, green and blue), but these images"
            f" have {shape[2]}; choose one of"
            f" {', '.join(other for other, one in MODELS.items() if not one.timm)}, or for a"
            " folder of image files set --config.data.mode=rgb"
        )
    size_field, width_field = _SIZE_FIELDS.get(field, ("data.size", "data.width"))
    low, high = min(shape[:2]), max(shape[:2])
    if low < entry.smallest or (entry.largest is not None and high > entry.largest):
        size = entry.smallest if low < entry.smallest else entry.largest
        wanted = f"at least {entry.smallest}" + (
            f" and at most {entry.largest}" if entry.largest else ""
        )
        raise UserError(
            f"model {name!r} takes images of {wanted} pixels a side, but these images are"
            f" {shape[0]}x{shape[1]}; set --config.{size_field}={size}, or choose another of"
            f" {', '.join(MODELS)}"
        )
    if any(length % entry.multiple for length in shape[:2]):
        height, width = (max(round(s / entry.multiple), 1) * entry.multiple for s in shape[:2])
        wide = f" and --config.{width_field}={width}" if width_field else ""
        both = wide if shape[0] != shape[1] else ""
        raise UserError(
            f"model {name!r} takes images whose sides are multiples of {entry.multiple} pixels,"
            f" but these images are {shape[0]}x{shape[1]}; set --config.{size_field}={height}{both}"
        )
    return entry.build(classes=classes, side=side, groups=groups)
