"""The whole run from Python: images and a function in, a student out; the same driver as
``launch.py``'s.

student = distill(images, answer, classes=10, budget=1000, workdir="runs/mine")
probabilities = student.predict(more_images)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd.config import defaults, settings
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import own_images
from amkd.data.dataset import DataSet
from amkd.models.saved_network import SavedNetwork, load_network
from amkd.run import experiment as runs
from amkd.teachers import Teacher
from amkd.validation import from_config


def distill(
    images: np.ndarray,
    answer: Callable[[np.ndarray], Any],
    classes: int | Sequence[str],
    budget: int,
    workdir: str | Path,
    identity: str = "",
    test: tuple[np.ndarray, np.ndarray] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> SavedNetwork:
    """Distils a black box into a student; the same call goes on after an interruption.

    Args:
      images: ``uint8[M, H, W, C]``, unlabeled.
      answer: the black box, ``uint8[B, H, W, C]`` to class probabilities ``[B, Y]`` (or what
        ``teacher.answers.form`` says).
      classes: how many there are, Y, or their names.
      budget: images that it may be asked about, the real images included.
      workdir: folder of the run: its state, its ledger and its results.
      identity: who answers, for the ledger; by default the function's name.
      test: images and labels for the final evaluation. Without them ``data.held_out`` images are
        held out, about which the function is asked on top of the budget.
      fields: any other field of the configuration, such as ``{"rounds": 3, "train.epochs": 20}``.

    Returns:
      The student: ``student.predict(images)`` answers, ``student.card`` tells what it is.

    Raises:
      UserError: something that the caller can mend.
    """
    _check_images("images", images)
    names = _class_names(classes)
    name = f"{getattr(answer, '__module__', '')}:{getattr(answer, '__qualname__', type(answer).__name__)}"
    if "<lambda>" in name and not identity:
        raise UserError(
            "identity is missing: a lambda has no name to keep its answers under; say who answers"
        )
    config = _config(
        {
            "dataset": "memory",
            "budget": budget,
            "data.held_out": max(min(200, len(images) // 10), 1) if test is None else 0,
            "teacher.kind": "python",
            "teacher.function": name,
            "teacher.identity": identity,
            **(fields or {}),
        }
    )
    data = _data(images, names, test, config)
    if config["n_real"] == 0:
        config["n_real"] = data.pool_size
    frozen = from_config(config.to_dict())
    if frozen.uses_labels or frozen.data.real:
        name, value = (
            ("method", frozen.method) if frozen.uses_labels else ("data.real", frozen.data.real)
        )
        raise UserError(
            f"config.{name}={value!r}: needs a data set by name; here the images are given,"
            " without labels"
        )
    if frozen.data.judge != "test":
        raise UserError(
            f"config.data.judge={frozen.data.judge!r}: needs a data set by name; here test judges,"
            " or held_out"
        )
    runs.run(
        frozen, Path(workdir), StopSignal(), data, Teacher(identity or f"python:{name}", answer)
    )
    return load_network(Path(workdir) / "student")


def _config(fields: Mapping[str, Any]) -> Any:
    """The defaults with other values; all images are real ones unless ``n_real`` says so."""
    config = defaults.load()
    config.n_real = 0
    for name, value in fields.items():
        if name not in settings.field_names():
            raise UserError(settings.unknown_field(name))
        try:
            config.update_from_flattened_dict({name: value})
        except (TypeError, ValueError) as error:  # of another type
            raise UserError(f"config.{name}={value!r}: {error}; see configs/default.py") from error
    return config


def _class_names(classes: int | Sequence[str]) -> tuple[str, ...]:
    """The classes' names; numbers where only their number is known_images."""
    if isinstance(classes, (int, str)):
        return own_images.parse_class_names(str(classes))
    names = tuple(classes)
    if (
        len(names) < 2
        or len(set(names)) != len(names)
        or not all(isinstance(name, str) and name for name in names)
    ):
        raise UserError(
            f"classes={list(names)!r}: must be two or more different names, or their number"
        )
    return names


def _check_images(name: str, images: np.ndarray) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        found = (
            f"{images.dtype}{list(images.shape)}"
            if isinstance(images, np.ndarray)
            else type(images).__name__
        )
        raise UserError(
            f"{name} must be a NumPy array uint8[M, H, W, C] of values 0..255, and is {found}"
        )


def _data(
    images: np.ndarray,
    names: tuple[str, ...],
    test: tuple[np.ndarray, np.ndarray] | None,
    config: Any,
) -> DataSet:
    key = own_images.array_key(images)
    if test is None:
        return own_images.with_holdout(
            "memory", images, names, count=config.data.held_out, seed=config.seed, key=key
        )
    test_images, labels = test[0], np.asarray(test[1])
    _check_images("test images", test_images)
    if test_images.shape[1:] != images.shape[1:] or labels.shape != test_images.shape[:1]:
        raise UserError(
            f"test must be images like {list(images.shape[1:])} and one label each; it is"
            f" {list(test_images.shape)}"
            f" and {list(labels.shape)}"
        )
    if labels.dtype.kind not in "iu" or not np.isin(labels, np.arange(len(names))).all():
        raise UserError(
            f"test labels must be class numbers from 0 to {len(names) - 1}, as integers"
        )
    none, labels = (images[:0], np.empty(0, np.int32)), labels.astype(np.int32)
    key = f"{key}+{own_images.array_key(test_images)}+{own_images.array_key(labels)}"
    return own_images.exclude_test_images(
        DataSet("memory", len(names), *none, images, test_images, labels, names, key)
    )
