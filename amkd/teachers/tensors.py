"""A served model's input and output tensors, checked against the images before any is sent."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import Unanswered
from amkd.teachers import pixels as pixel_values

FREE = -1
_AXES = {"nhwc": (0, 1, 2), "nchw": (2, 0, 1)}


class Tensor(NamedTuple):
    """What a server tells about one tensor.

    Attributes:
      name: its name.
      dtype: NumPy's name of its type, or the server's own name where NumPy has none.
      shape: ``FREE`` where any size will do; None if the server tells none.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None


def choose(tensors: Sequence[Tensor], name: str, field: str) -> Tensor:
    """The tensor of a name, or the only one.

    Args:
      tensors: one or more.
      name: empty for the only one.
      field: the configuration's name for it.

    Raises:
      UserError: there is none, or the choice is open.
    """
    names = ", ".join(repr(tensor.name) for tensor in tensors)
    if not name and len(tensors) > 1:
        raise UserError(f"{field} is empty and the model has several: set it to one of {names}")
    found = [tensor for tensor in tensors if not name or tensor.name == name]
    if not found:
        raise UserError(f"{field}={name!r} is no tensor of the model: set it to one of {names}")
    return found[0]


def resolve(pixels: Pixels, tensor: Tensor, shape: tuple[int, int, int]) -> Pixels:
    """Pixels with their ``auto`` settled by what the input tensor takes.

    Args:
      pixels: as configured.
      tensor: the model's input.
      shape: of one image, ``(H, W, C)``.

    Raises:
      UserError: the tensor takes no such images.
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
            " pictures,"
            " config.teacher.kind=json"
        )
    if asked not in ("auto", tensor.dtype):
        raise UserError(
            f"config.teacher.pixels.dtype={asked!r}, and the model's input {tensor.name!r} takes"
            f" {tensor.dtype}:"
            " set it to that or to 'auto'"
        )
    return tensor.dtype


def _layout(asked: str, tensor: Tensor, shape: tuple[int, int, int]) -> str:
    fitting = [layout for layout in pixel_values.LAYOUTS if fits(tensor.shape, shape, layout)]
    if asked == "auto" and len(fitting) == 1:
        return fitting[0]
    if asked in fitting:
        return asked
    told = f"the model's input {tensor.name!r} has the shape {_told(tensor.shape)}"
    if asked == "auto" and fitting:
        raise UserError(
            f"{told}, which is both nhwc and nchw: set config.teacher.pixels.layout to the"
            " right one"
        )
    raise UserError(
        f"{told}, which does not take images of {shape} (H, W, C) in"
        f" config.teacher.pixels.layout={asked!r}, one row"
        " per image: check the layout and the data set's image size"
    )


def fits(told: tuple[int, ...] | None, shape: tuple[int, int, int], layout: str) -> bool:
    """Whether a tensor ``[B, ...]`` takes images of a shape in a layout."""
    if told is None:
        return True
    wanted = [shape[axis] for axis in _AXES[layout]]
    return len(told) == 4 and all(
        size in (FREE, want) for size, want in zip(told[1:], wanted, strict=True)
    )


def _told(shape: tuple[int, ...] | None) -> str:
    return "unknown" if shape is None else str(list(shape))


def check_batch(tensor: Tensor, batch: int) -> None:
    """Refuses a batch of another size than the input's.

    Raises:
      UserError: the input takes a fixed number of images.
    """
    if tensor.shape and tensor.shape[0] not in (FREE, batch):
        raise UserError(
            f"config.teacher.batch={batch}, and the model's input {tensor.name!r} takes"
            f" {tensor.shape[0]} image(s) at a"
            " time: set it to that, or serve the model with a free batch size if that is not 1"
        )


def fill(images: np.ndarray, tensor: Tensor) -> np.ndarray:
    """A batch as large as the input's fixed size, if it has one: its last image is repeated."""
    size = tensor.shape[0] if tensor.shape else FREE
    return (
        images
        if size == FREE
        else np.pad(images, ((0, size - len(images)), (0, 0), (0, 0), (0, 0)), mode="edge")
    )


def check_output(tensor: Tensor, classes: int, labels: bool) -> None:
    """Refuses an output that cannot hold a score per class, or, where ``labels`` will do, one label
    per image.

    Raises:
      UserError: its type or its number of columns is wrong.
    """
    whole = tensor.dtype.startswith(("int", "uint"))
    if not labels and whole:
        raise UserError(
            f"the model's output {tensor.name!r} holds {tensor.dtype}, and scores are floating"
            " point: choose another"
            " output, or say that the teacher answers labels: --config.teacher.answers.form=label"
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
            " the model knows the"
            " data set's classes"
        )


def rows(values: Any, images: int, classes: int, labels: bool) -> np.ndarray:
    """A reply's numbers as the teacher's answer.

    Args:
      values: an array, or nested lists with null for NaN.
      images: rows expected.
      classes: columns expected, of scores.
      labels: whether class numbers will do, one a row, where there are no scores.

    Returns:
      ``float64[B, Y]``, or ``int64[B]`` for labels.

    Raises:
      Unanswered: no numbers, or not one row per image.
      UserError: another number of classes.
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
    if labels and found.shape[1] == 1:
        return _labels(found[:, 0], classes)
    if found.shape[1] != classes:
        raise UserError(
            f"the service answered {found.shape[1]} scores per image, and {classes} classes are"
            " expected: check that"
            " the model knows the data set's classes"
        )
    return found


def _labels(numbers: np.ndarray, classes: int) -> np.ndarray:
    """Class numbers ``int64[B]``; -1 for what is none, which whoever asked must judge."""
    return np.where(np.isin(numbers, np.arange(classes)), numbers, -1).astype(np.int64)
