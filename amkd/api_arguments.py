"""The arguments of the Python interface: each is checked, and an error names what is wrong.

Every function raises UserError for an argument that it refuses.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config.names import field_names
from amkd.core import console
from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data import own_images
from amkd.teachers import Teacher

# The fields of data.* that are about images in an array; two of them are refused elsewhere.
_DATA_FIELDS = ("data.held_out", "data.test_images", "data.evaluate_on", "data.real")


def teacher(answer: Callable[[np.ndarray], Any] | Teacher, identity: str) -> Teacher:
    """Returns the teacher that answers by a function, or the given teacher."""
    if isinstance(answer, Teacher):
        if identity:
            raise UserError(
                f"identity={identity!r}: the teacher has its own, {answer.identity!r}; set it there"
            )
        return answer
    if not callable(answer):
        raise UserError(
            f"answer must be a function of images or an amkd.Teacher, not {type(answer).__name__}"
        )
    name = teacher_name(answer)
    if "<lambda>" in name and not identity:
        raise UserError(
            "identity is missing: a lambda has no name to keep its answers under; say who answers"
        )
    return Teacher(identity or f"python:{name}", answer)


def teacher_name(answer: Callable[[np.ndarray], Any] | Teacher) -> str:
    """Returns the name of the black box in its module; for an object, that of its class."""
    ask = answer.ask if isinstance(answer, Teacher) else answer
    return f"{getattr(ask, '__module__', '')}:{getattr(ask, '__qualname__', type(ask).__name__)}"


def class_names(classes: int | Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the classes; the numbers from 0 where only their count is given."""
    if isinstance(classes, (int, np.integer, str)):
        return own_images.parse_class_names(str(classes))
    if not isinstance(classes, Iterable):
        raise UserError(
            f"classes={classes!r}: must be two or more different names, or their number as a whole"
            " number"
        )
    names = tuple(classes)
    if (
        len(names) < 2
        or not all(isinstance(name, str) and name for name in names)
        or len({*map(comparable, names)}) != len(names)
    ):
        raise UserError(
            f"classes={list(names)!r}: must be two or more different names, or their number"
        )
    return names


def folder(name: str, given: Any) -> Path:
    """Returns a folder that the caller gave."""
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise UserError(f"{name}={given!r}: must be the path of a folder, such as 'runs/mine'")
    return Path(given).expanduser()


def check_budget(budget: Any) -> None:
    """Refuses a budget that is not a whole number, or is below 2."""
    if not isinstance(budget, (int, np.integer)) or isinstance(budget, bool):
        raise UserError(f"budget={budget!r}: must be a whole number, such as 1000")
    if budget < 2:
        raise UserError(f"budget={budget}: must be at least 2")


def check_fields(fields: Any) -> None:
    """Refuses fields that are not a mapping from names to values."""
    if fields is None or (
        isinstance(fields, Mapping) and all(isinstance(name, str) for name in fields)
    ):
        return
    raise UserError(
        f"fields={fields!r}: must be a mapping from names of fields to values, such as"
        " {'rounds': 3, 'train.epochs': 20}"
    )


def check_data_fields(fields: Mapping[str, Any]) -> None:
    """Refuses fields that say how images are found or converted: the images are given."""
    for name in fields:
        if name.startswith("data.") and name not in _DATA_FIELDS and name in field_names():
            raise UserError(
                f"config.{name}: has no effect on images that are given as an array; leave it out,"
                " and prepare the images before the call"
            )


def check_test(test: Any) -> None:
    """Refuses a test set that is not a pair of images and labels."""
    if test is None or (isinstance(test, (tuple, list)) and len(test) == 2):
        return
    found = type(test).__name__
    found += f" of {len(test)}" if isinstance(test, (tuple, list)) else ""
    raise UserError(f"test must be a pair (images, labels), not {found}")


def check_images(name: str, images: np.ndarray) -> None:
    """Refuses images that are not ``uint8[M, H, W, C]``; warns if white seems to be 1, not 255."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        found = (
            f"{images.dtype}{list(images.shape)}"
            if isinstance(images, np.ndarray)
            else type(images).__name__
        )
        raise UserError(
            f"{name} must be a NumPy array uint8[M, H, W, C] of values 0..255, and is {found}"
        )
    if images.size and images.max() <= 1:
        console.say(
            f"warning: no value of {name} is above 1, so all of them are black: white is 255",
            error=True,
        )


def check_test_images(
    test_images: np.ndarray, labels: np.ndarray, images: np.ndarray, classes: int
) -> None:
    """Refuses test images of another size than the images, and labels that are not class numbers.

    Args:
      test_images: ``uint8[T, H, W, C]``.
      labels: ``[T]``, integers.
      images: ``uint8[M, H, W, C]``, those that the student learns from.
      classes: how many there are.
    """
    check_images("test images", test_images)
    if test_images.shape[1:] != images.shape[1:] or labels.shape != test_images.shape[:1]:
        raise UserError(
            f"test must be images like {list(images.shape[1:])} and one label each; it is"
            f" {list(test_images.shape)}"
            f" and {list(labels.shape)}"
        )
    if labels.dtype.kind not in "iu" or not np.isin(labels, np.arange(classes)).all():
        raise UserError(f"test labels must be class numbers from 0 to {classes - 1}, as integers")
