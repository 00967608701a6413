"""What a model's output must be, and the rule by which its values become a teacher's answer."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

from amkd.core.errors import UserError
from amkd.teachers import PartlyAnswered, Unanswered
from amkd.teachers.http.service_labels import Labels
from amkd.teachers.image_spec import ImageSpec
from amkd.teachers.tensors import FREE, Tensor

_TEXT = ("string", "DT_STRING")
_MAPS = "seq(map("  # ONNX's name of a list of scores by label, one object per image
_SHORT = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


class Wanted(NamedTuple):
    """What a model must answer.

    Attributes:
      classes: number of classes Y.
      labels: the classes that the model's labels mean.
      hard_labels: whether one label per image is accepted instead of scores.
    """

    classes: int
    labels: Labels
    hard_labels: bool


def wanted(images: ImageSpec, label_map: Mapping[str, int] | None, hard_labels: bool) -> Wanted:
    """Returns what a model must answer.

    Args:
      images: the images and classes that the model must fit.
      label_map: a label of the model to a class number; None if there is no map.
      hard_labels: whether one label per image is accepted instead of scores.
    """
    names = images.class_names or tuple(map(str, range(images.classes)))
    return Wanted(images.classes, Labels(label_map or {}, names), hard_labels)


def key(tensor: Tensor, images: ImageSpec) -> str:
    """Returns what the order of the classes adds to an identity; empty if the order is irrelevant.

    An output that names its classes gives other rows if the classes are listed in another order.
    """
    if tensor.dtype not in _TEXT and not tensor.dtype.startswith(_MAPS):
        return ""
    return ":" + hashlib.sha256(json.dumps(images.class_names).encode()).hexdigest()[:8]


def check(tensor: Tensor, wanted: Wanted, *, single: bool = False) -> None:
    """Refuses an output without a score per class; ``hard_labels`` also allows one label.

    Args:
      tensor: the output.
      wanted: what it must contain.
      single: whether it is about one image and has no axis for a batch.

    Raises:
      UserError: the type or the number of columns is wrong.
    """
    if tensor.dtype.startswith(_MAPS):
        return
    labels = tensor.dtype.startswith(("int", "uint")) or tensor.dtype in _TEXT
    if not wanted.hard_labels and labels:
        raise UserError(
            f"the model's output {tensor.name!r} contains {tensor.dtype}, but scores must be"
            " floating point: choose another output, or if the teacher answers hard labels, set"
            " --config.teacher.answers.form=label"
        )
    if not labels and not tensor.dtype.startswith(("float", "bfloat")):
        raise UserError(
            f"the model's output {tensor.name!r} contains {tensor.dtype}, which is neither scores"
            " nor classes: choose another output"
        )
    if tensor.shape is None:
        return
    columns = tensor.shape if single else tensor.shape[1:]
    width = FREE if FREE in columns else math.prod(columns)
    if width not in (FREE, 1 if labels else wanted.classes) or not _one_axis(columns):
        raise UserError(
            f"the model's output {tensor.name!r} has the shape {list(tensor.shape)}, but"
            f" {'one label' if labels else f'{wanted.classes} classes'} per image are expected:"
            " check that the model has the data set's classes"
        )


def _one_axis(columns: Sequence[int]) -> bool:
    """Returns whether all but one axis of an image's values have the size 1, as far as is known."""
    return sum(size not in (FREE, 1) for size in columns) <= 1


class Answer(NamedTuple):
    """A model's answer to some images.

    Attributes:
      rows: scores ``float[B, Y]`` or class numbers ``int64[B]``; NaN or -1 for an unusable row.
      problem: what is wrong with a row that cannot be read; empty if all rows can be read.
    """

    rows: np.ndarray
    problem: str

    def first(self, count: int) -> np.ndarray:
        """Returns the rows of the first images, without those that only filled up a batch.

        Raises:
          PartlyAnswered: some of them could not be read.
        """
        if self.problem:
            raise PartlyAnswered(self.problem, self.rows[:count])
        return self.rows[:count]


def read(values: Any, wanted: Wanted, *, images: int, dtype: str, single: bool = False) -> Answer:
    """Turns the values of a reply into the teacher's answer.

    A row of scores may have further axes of size 1, as the output of a convolution has.

    Args:
      values: an array, or nested lists with null for NaN, or objects of scores by label.
      wanted: what they must be.
      images: number of rows expected.
      dtype: the output's type; empty if it is not known.
      single: whether it is about one image and may have no axis for a batch.

    Raises:
      Unanswered: the values are not numbers, or there is not one row per image.
      UserError: the number of classes is wrong.
    """
    if dtype.startswith(_MAPS):
        _check_count(values, images)
        useless = np.full(wanted.classes, math.nan)
        return _each(values, lambda row: _by_label(row, wanted), useless=useless)
    found = _array(values, dtype)
    if single and found.shape[:1] != (1,):
        found = found[None]
    _check_count(found, images)
    columns = found.shape[1:]
    if wanted.hard_labels and math.prod(columns) == 1:
        return _labels(found.reshape(images), wanted)
    if dtype in _TEXT or math.prod(columns) != wanted.classes or not _one_axis(columns):
        shape = f" in the shape {list(columns)}" if len(columns) != 1 else ""
        raise UserError(
            f"the service answered {math.prod(columns)} scores per image{shape}, but"
            f" {wanted.classes} classes are expected: check that the model has the data set's"
            " classes"
        )
    return Answer(found.reshape(images, wanted.classes), "")


def _by_label(row: Mapping[Any, float], wanted: Wanted) -> np.ndarray:
    return wanted.labels.row(list(row), list(row.values()))


def _array(values: Any, dtype: str) -> np.ndarray:
    """Returns values as an array of numbers, or of texts."""
    try:
        if dtype in _TEXT:
            return np.asarray(values, object)
        exact = isinstance(values, np.ndarray) and values.dtype == np.float32
        found = values if exact else np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Unanswered("the reply is not an array of numbers", billed=True, whole=True) from None
    return as_told(found, dtype)


def as_told(values: np.ndarray, dtype: str) -> np.ndarray:
    """Returns numbers as the short type that they had before they were written as decimals."""
    with np.errstate(over="ignore"):  # infinity is reported later
        return values.astype(_SHORT[dtype]).astype(np.float64) if dtype in _SHORT else values


def _check_count(values: Any, images: int) -> None:
    shape = np.shape(values)
    if not shape or shape[0] != images:
        raise Unanswered(
            f"the reply has shape {shape} for {images} image(s)", billed=True, whole=True
        )


def _labels(labels: np.ndarray, wanted: Wanted) -> Answer:
    """Returns class numbers, with -1 for a label that is not a class."""
    if wanted.labels.are_places and labels.dtype != object:
        places = np.where(np.isin(labels, np.arange(wanted.classes)), labels, -1)
        return Answer(places.astype(np.int64), "")
    return _each(labels.tolist(), lambda label: np.asarray(wanted.labels.only(label)), useless=-1)


def _each(
    values: Sequence[Any], row_of: Callable[[Any], np.ndarray], *, useless: np.ndarray | int
) -> Answer:
    """Reads values one by one; the first that cannot be read is the problem."""
    rows, problem = [], ""
    for value in values:
        try:
            rows.append(row_of(value))
        except UserError as error:
            rows.append(np.asarray(useless))
            problem = problem or str(error)
    return Answer(np.stack(rows), problem)
