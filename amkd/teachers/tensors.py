"""Checks the input and output tensors of a model before any image is sent."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import Unanswered
from amkd.teachers import pixels as pixel_values

FREE = -1  # in a shape: any size will do
_AXES = {"nhwc": (0, 1, 2), "nchw": (2, 0, 1)}


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
      field: the field of the configuration that holds the name.

    Raises:
      UserError: there is no such tensor, or the name is empty and there are several.
    """
    names = ", ".join(repr(tensor.name) for tensor in tensors)
    if not name and len(tensors) > 1:
        raise UserError(f"{field} is empty and the model has several: set it to one of {names}")
    found = [tensor for tensor in tensors if not name or tensor.name == name]
    if not found:
        raise UserError(f"{field}={name!r} is no tensor of the model: set it to one of {names}")
    return found[0]


def resolve(pixels: Pixels, tensor: Tensor, shape: tuple[int, int, int]) -> Pixels:
    """Replaces each ``auto`` of the pixels by what the input tensor takes.

    Args:
      pixels: as configured.
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
            " pictures, config.teacher.kind=json"
        )
    if asked not in ("auto", tensor.dtype):
        raise UserError(
            f"config.teacher.pixels.dtype={asked!r}, and the model's input {tensor.name!r} takes"
            f" {tensor.dtype}: set it to that or to 'auto'"
        )
    return tensor.dtype


def _layout(asked: str, tensor: Tensor, shape: tuple[int, int, int]) -> str:
    fitting = [layout for layout in pixel_values.LAYOUTS if _fits(tensor.shape, shape, layout)]
    if asked == "auto" and len(fitting) == 1:
        return fitting[0]
    if asked in fitting:
        return asked
    problem = f"the model's input {tensor.name!r} has the shape {_text(tensor.shape)}"
    if asked == "auto" and fitting:
        raise UserError(
            f"{problem}, which is both nhwc and nchw: set config.teacher.pixels.layout to the right"
            " one"
        )
    raise UserError(
        f"{problem}, which does not take images of {shape} (H, W, C) in"
        f" config.teacher.pixels.layout={asked!r}, one row per image: check the layout and the data"
        " set's image size"
    )


def _fits(sizes: tuple[int, ...] | None, shape: tuple[int, int, int], layout: str) -> bool:
    """Tells whether a tensor ``[B, ...]`` of these sizes takes images of a shape in a layout."""
    if sizes is None:
        return True
    wanted = [shape[axis] for axis in _AXES[layout]]
    return len(sizes) == 4 and all(
        size in (FREE, want) for size, want in zip(sizes[1:], wanted, strict=True)
    )


def _text(shape: tuple[int, ...] | None) -> str:
    return "unknown" if shape is None else str(list(shape))


def check_batch(tensor: Tensor, batch: int) -> None:
    """Refuses a batch size that the input does not take.

    Raises:
      UserError: the input takes a fixed number of images.
    """
    if tensor.shape and tensor.shape[0] not in (FREE, batch):
        raise UserError(
            f"config.teacher.batch={batch}, and the model's input {tensor.name!r} takes"
            f" {tensor.shape[0]} image(s) at a time: set it to that, or serve the model with a free"
            " batch size if that is not 1"
        )


def fill(images: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Fills a batch up to the input's fixed size, if it has one, by repeating the last image."""
    size = tensor.shape[0] if tensor.shape else FREE
    return (
        images
        if size == FREE
        else np.pad(images, ((0, size - len(images)), (0, 0), (0, 0), (0, 0)), mode="edge")
    )


def check_output(tensor: Tensor, classes: int, hard_labels: bool) -> None:
    """Refuses an output that holds no score per class; with ``hard_labels`` one label will do too.

    Raises:
      UserError: the type or the number of columns is wrong.
    """
    whole = tensor.dtype.startswith(("int", "uint"))
    if not hard_labels and whole:
        raise UserError(
            f"the model's output {tensor.name!r} holds {tensor.dtype}, and scores are floating"
            " point: choose another output, or say that the teacher answers labels:"
            " --config.teacher.answers.form=label"
        )
    if not whole and not tensor.dtype.startswith(("float", "bfloat")):
        raise UserError(
            f"the model's output {tensor.name!r} holds {tensor.dtype}, which is neither scores nor"
            " classes"
        )
    if tensor.shape is None:
        return
    columns = tensor.shape[1:] if len(tensor.shape) > 1 else (1,)
    width = FREE if FREE in columns else math.prod(columns)
    if width not in (FREE, 1 if whole else classes):
        raise UserError(
            f"the model's output {tensor.name!r} has the shape {list(tensor.shape)}, and"
            f" {'one label' if whole else f'{classes} classes'} per image are expected: check that"
            " the model knows the data set's classes"
        )


def rows(values: Any, *, images: int, classes: int, hard_labels: bool) -> np.ndarray:
    """Turns the numbers of a reply into the teacher's answer.

    Args:
      values: an array, or nested lists with null for NaN.
      images: number of rows expected.
      classes: number of columns expected.
      hard_labels: whether one class number per row will do instead of scores.

    Returns:
      Scores ``float64[B, Y]``, or class numbers ``int64[B]``.

    Raises:
      Unanswered: these are no numbers, or there is not one row per image.
      UserError: the number of classes is wrong.
    """
    try:
        found = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Unanswered("the reply holds no array of numbers", billed=True, whole=True) from None
    if not found.ndim or len(found) != images:
        raise Unanswered(
            f"the reply has shape {found.shape} for {images} image(s)", billed=True, whole=True
        )
    found = found.reshape(images, math.prod(found.shape[1:]))
    if hard_labels and found.shape[1] == 1:
        return _labels(found[:, 0], classes)
    if found.shape[1] != classes:
        raise UserError(
            f"the service answered {found.shape[1]} scores per image, and {classes} classes are"
            " expected: check that the model knows the data set's classes"
        )
    return found


def _labels(numbers: np.ndarray, classes: int) -> np.ndarray:
    """Returns class numbers ``int64[B]``, with -1 (a useless row) for a number out of range."""
    return np.where(np.isin(numbers, np.arange(classes)), numbers, -1).astype(np.int64)
