"""Finds a model's tensors, and checks its input before any image is sent."""

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import pixels as pixel_values

FREE = -1  # in a shape: any size is accepted
_AXES = {"nhwc": (0, 1, 2), "nchw": (2, 0, 1)}
_CHANNELS = 2  # the axis of an image
_FLAT, _SINGLE = 2, 3  # axes of an input of flattened images, and of one without a batch


class Tensor(NamedTuple):
    """One input or output of a model.

    Attributes:
      name: name of the tensor.
      dtype: NumPy's name of its type, or the server's own name if NumPy has none.
      shape: sizes, ``FREE`` for any size; None if the shape is not known.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None


def choose(tensors: Sequence[Tensor], name: str, field: str) -> Tensor:
    """Returns the tensor with a name, or the only one.

    Args:
      tensors: one or more.
      name: empty for the only one.
      field: the field of the configuration that contains the name.

    Raises:
      UserError: no tensor has this name, or the name is empty and there are several.
    """
    names = ", ".join(repr(tensor.name) for tensor in tensors)
    if not name and len(tensors) > 1:
        raise UserError(f"{field} is empty, but the model has several: set it to one of {names}")
    found = [tensor for tensor in tensors if not name or tensor.name == name]
    if not found:
        raise UserError(f"{field}={name!r} is not a tensor of the model: set it to one of {names}")
    return found[0]


def resolve(pixels: Pixels, tensor: Tensor, shape: tuple[int, int, int]) -> Pixels:
    """Replaces each ``auto`` of the pixels by what the input tensor takes.

    Args:
      pixels: the configured pixels.
      tensor: the model's input.
      shape: ``(H, W, C)`` of one image.

    Raises:
      UserError: the tensor does not take such images.
    """
    dtype = _dtype(pixels.dtype, tensor)
    found = dataclasses.replace(pixels, layout=_layout(pixels.layout, tensor, shape), dtype=dtype)
    pixel_values.check(found, shape[-1])
    return found


def _dtype(asked: str, tensor: Tensor) -> str:
    if tensor.dtype not in pixel_values.DTYPES:
        raise UserError(
            f"the model's input {tensor.name!r} takes {tensor.dtype}, not pixels"
            f" ({', '.join(pixel_values.DTYPES)}): choose another input, or if it takes encoded"
            " image files, set config.teacher.kind=json"
        )
    if asked not in ("auto", tensor.dtype):
        raise UserError(
            f"config.teacher.pixels.dtype={asked!r}, but the model's input {tensor.name!r} takes"
            f" {tensor.dtype}: set it to that type or to 'auto'"
        )
    return tensor.dtype


def _layout(asked: str, tensor: Tensor, shape: tuple[int, int, int]) -> str:
    fitting = [layout for layout in pixel_values.LAYOUTS if _fits(tensor.shape, shape, layout)]
    flat = tensor.shape is not None and len(tensor.shape) == _FLAT
    if asked == "auto" and len(fitting) == 1:
        return fitting[0]
    if asked in fitting:
        return asked
    problem = f"the model's input {tensor.name!r} has the shape {_text(tensor.shape)}"
    if asked == "auto" and fitting and not flat:
        raise UserError(
            f"{problem}, which fits both nhwc and nchw: set config.teacher.pixels.layout to the"
            " right one"
        )
    remedy = (
        "if it takes them flattened, set config.teacher.pixels.layout to the order of their values"
        " (nhwc for images of NumPy)"
        if fitting
        else "check the layout and the data set's image size"
    )
    raise UserError(
        f"{problem}, which does not fit images of {shape} (H, W, C) in"
        f" config.teacher.pixels.layout={asked!r}, one row per image: {remedy}"
    )


def _fits(sizes: tuple[int, ...] | None, shape: tuple[int, int, int], layout: str) -> bool:
    """Returns whether a tensor of these sizes takes images of a shape in a layout.

    It has a row per image, or takes one image without a batch axis, or has a row of all values.
    """
    if sizes is None:
        return True
    if len(sizes) == _FLAT:
        return sizes[1] in (FREE, math.prod(shape))
    axes = _AXES[layout]
    wanted = [shape[axis] for axis in axes]
    if len(sizes) == _SINGLE and sizes[axes.index(_CHANNELS)] == FREE:
        return False  # more likely the batch axis of grey images without a channel axis
    return len(sizes) in (_SINGLE, 4) and all(
        size in (FREE, want) for size, want in zip(sizes[-3:], wanted, strict=True)
    )


def _text(shape: tuple[int, ...] | None) -> str:
    return "unknown" if shape is None else str(list(shape))


def is_single(tensor: Tensor) -> bool:
    """Returns whether an input that fits takes one image, without an axis for the batch."""
    return tensor.shape is not None and len(tensor.shape) == _SINGLE


def check_batch(tensor: Tensor, batch: int) -> None:
    """Refuses a batch size that the input does not take, although it fits the images.

    Raises:
      UserError: the input takes a fixed number of images.
    """
    if is_single(tensor) and batch > 1:
        raise UserError(
            f"config.teacher.batch={batch}, but the model's input {tensor.name!r} of shape"
            f" {_text(tensor.shape)} has no axis for a batch: set config.teacher.batch=1"
        )
    if not is_single(tensor) and tensor.shape and tensor.shape[0] not in (FREE, batch):
        raise UserError(
            f"config.teacher.batch={batch}, but the model's input {tensor.name!r} takes"
            f" {tensor.shape[0]} image(s) at a time: set it to that number, or serve the model with"
            " a free batch size if that number is not 1"
        )


def fill(images: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Fills a batch up to the input's fixed size, if it has one, by repeating the last image."""
    size = FREE if is_single(tensor) or not tensor.shape else tensor.shape[0]
    return (
        images
        if size == FREE
        else np.pad(images, ((0, size - len(images)), (0, 0), (0, 0), (0, 0)), mode="edge")
    )


def feed(images: np.ndarray, tensor: Tensor, pixels: Pixels) -> np.ndarray:
    """Returns what an input is given for a batch of images ``uint8[B, H, W, C]``.

    Raises:
      UserError: the input has no axis for a batch, but there are several images.
    """
    values = pixel_values.prepare(images, pixels)
    if is_single(tensor):
        check_batch(tensor, len(images))
        return values[0]
    flat = tensor.shape is not None and len(tensor.shape) == _FLAT
    return values.reshape(len(values), -1) if flat else values
