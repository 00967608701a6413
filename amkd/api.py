"""The whole run from Python: images and a function in, a student out; the same driver as the
command line's.

student = distill(images, answer, classes=10, budget=1000, workdir="runs/mine")
probabilities = student.predict(more_images)
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from amkd import api_arguments as arguments
from amkd.config import shipped
from amkd.config.defaults import defaults
from amkd.config.names import field_names, unknown_field
from amkd.config.settings import Settings
from amkd.core.digest import array_digest
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import own_images
from amkd.data.dataset import DataSet
from amkd.methods import find
from amkd.models.saved_network import SavedNetwork, load_network
from amkd.run import experiment, inputs
from amkd.teachers import Teacher
from amkd.validation import from_config
from amkd.validation.from_file import from_file


def load_settings(config: str, fields: Mapping[str, Any] | None = None) -> Settings:
    """Returns the checked settings of a configuration.

    Args:
      config: what ``--config`` takes: ``digits``, ``mnist:smoke`` or ``/my/file.py``.
      fields: other values by dotted name, such as ``{"rounds": 3, "train.epochs": 20}``.

    Raises:
      UserError: there is no such configuration, preset or field, or a value is impossible.
    """
    arguments.check_fields(fields)
    name, _, preset = config.partition(":")
    return from_file(shipped.locate(name), preset, fields)


def run_experiment(settings: Settings, workdir: str | Path) -> SavedNetwork:
    """Runs settings as the command line does; the same call goes on after an interruption.

    Args:
      settings: what :func:`load_settings` returns.
      workdir: folder of the run: its state, its ledger and its results.

    Returns:
      The student; the rest of the result is in ``summary.json`` in ``workdir``.

    Raises:
      UserError: something that the caller can fix.
    """
    experiment.run(settings, arguments.folder("workdir", workdir), StopSignal())
    return load_student(workdir)


def load_student(folder: str | Path) -> SavedNetwork:
    """Returns a saved network.

    Args:
      folder: the workdir of a finished run, or the folder of a saved student or teacher.

    Raises:
      UserError: there is none, or it is damaged.
    """
    path = arguments.folder("folder", folder)
    return load_network(path / "student" if (path / "student").exists() else path)


def distill(
    images: np.ndarray,
    answer: Callable[[np.ndarray], Any] | Teacher,
    classes: int | Sequence[str],
    *,
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
        ``teacher.answers.form`` says), as a function or as a ``Teacher``.
      classes: how many there are, Y, or their names.
      budget: images that it may be asked about, the real images included.
      workdir: folder of the run: its state, its ledger and its results.
      identity: who answers, for the ledger; by default the function's name, or the teacher's own
        identity.
      test: images and labels for the final evaluation. Without them ``data.held_out`` images are
        held out, about which the function is asked on top of the budget.
      fields: any other field of the configuration, such as ``{"rounds": 3, "train.epochs": 20}``.
        ``method`` is ``auto`` unless it is set: what the measurements support.

    Returns:
      The student: ``student.predict(images)`` answers, ``student.card`` tells what it is.

    Raises:
      UserError: something that the caller can fix.
    """
    arguments.check_images("images", images)
    folder, names = arguments.folder("workdir", workdir), arguments.class_names(classes)
    arguments.check_budget(budget)
    arguments.check_fields(fields)
    arguments.check_data_fields(fields or {})
    arguments.check_test(test)
    teacher = arguments.teacher(answer, identity)
    config = _config(
        {
            "dataset": "memory",
            "method": "auto",
            "budget": int(budget),
            "data.held_out": max(min(200, len(images) // 10), 1) if test is None else 0,
            "teacher.kind": "python",
            "teacher.function": arguments.teacher_name(answer),
            "teacher.identity": teacher.identity if isinstance(answer, Teacher) else identity,
            **(fields or {}),
        }
    )
    given = from_config(config.to_dict(), explicit=set(fields or {}))
    data = _data(images, names, test, config)
    _refuse_named_data(inputs.with_real_count(given, data))
    experiment.run(given, folder, StopSignal(), data=data, teacher=teacher)
    return load_student(folder)


def _refuse_named_data(checked: Settings) -> None:
    """Refuses what needs a data set by name, as labels or another domain's images do."""
    labels = find(checked.method).uses_labels(checked)
    if labels or checked.data.real:
        name, value = ("method", checked.method) if labels else ("data.real", checked.data.real)
        raise UserError(
            f"config.{name}={value!r}: needs a data set by name; here the images are given,"
            " without labels"
        )
    if checked.data.evaluate_on != "test":
        raise UserError(
            f"config.data.evaluate_on={checked.data.evaluate_on!r}: needs a data set by name; here"
            " the evaluation images are those of test, or are held out"
        )


def _config(fields: Mapping[str, Any]) -> Any:
    """Returns the defaults with other values; ``n_real`` is 0: all images, as the budget allows."""
    config = defaults()
    config.n_real = 0
    for name, value in fields.items():
        if name not in field_names():
            raise UserError(unknown_field(name))
        try:
            config.update_from_flattened_dict({name: value})
        except (TypeError, ValueError) as error:  # of another type
            raise UserError(f"config.{name}={value!r}: {error}; see configs/default.py") from error
    return config


def _data(
    images: np.ndarray,
    names: tuple[str, ...],
    test: tuple[np.ndarray, np.ndarray] | None,
    config: Any,
) -> DataSet:
    key, most = array_digest(images), config.data.test_images
    if test is None:
        data = own_images.with_holdout(
            "memory", images, names, count=config.data.held_out, seed=config.seed, key=key
        )
        return own_images.limit_test_images(data, most)
    test_images, labels = test[0], np.asarray(test[1])
    arguments.check_test_images(test_images, labels, images, len(names))
    none, labels = (images[:0], np.empty(0, np.int32)), labels.astype(np.int32)
    key = f"{key}+{array_digest(test_images)}+{array_digest(labels)}"
    data = DataSet("memory", len(names), *none, images, test_images, labels, names, key)
    return own_images.exclude_copies(own_images.limit_test_images(data, most))
