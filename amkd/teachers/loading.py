"""Loads the configured teacher, of any kind."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amkd.config.settings import Settings
from amkd.config.teacher import TeacherSettings
from amkd.config.teacher_services import Template
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.core.text import comparable
from amkd.data.dataset import DataSet
from amkd.reporting.bars import Bar, bars
from amkd.teachers import Teacher, ground_truth, local, onnx, python
from amkd.teachers.http import json_service, oip, tfserving
from amkd.teachers.http.connection import connection_of
from amkd.teachers.http.service_labels import IGNORED, has_number
from amkd.teachers.image_spec import ImageSpec

_NEW = {"body", "model", "text", "error", "unknown"}  # fields of json since 0.2.0


def load(
    config: Settings,
    data: DataSet,
    stop: StopSignal,
    *,
    labels: bool = False,
    bar: Bar | None = None,
) -> Teacher:
    """Returns the configured teacher, after all checks that cost nothing.

    A local Flax teacher is trained first if it is not in the cache.

    Args:
      config: the settings of the run.
      data: the images and classes that the teacher must fit.
      stop: stops the training of a local teacher.
      labels: whether the ground-truth labels take the place of the teacher's answers.
      bar: opens the progress bar of a local teacher's training; None for the configured one.

    Raises:
      UserError: the teacher does not exist, or does not fit the data set.
    """
    settings = config.teacher
    if labels or settings.kind == "labels":
        return ground_truth.load(data)
    if settings.kind == "flax":
        return local.load(
            settings,
            data,
            cache_dir=Path(config.cache_dir).expanduser(),
            bar=bar or bars(config.report.progress),
            stop=stop,
            save_seconds=config.checkpoint.seconds,
        )
    if settings.kind == "python":
        return python.load(settings.function, settings.identity)
    teacher = _load_model(settings, data)
    if settings.identity:
        return teacher
    identity = f"{teacher.identity}#{_fingerprint(settings, data)}"
    return dataclasses.replace(teacher, identity=identity)


def _load_model(settings: TeacherSettings, data: DataSet) -> Teacher:
    """Returns the teacher in a file or behind a service."""
    height, width, channels = data.shape
    images = ImageSpec((height, width, channels), data.classes, data.class_names)
    model: dict[str, Any] = {
        "images": images,
        "label_map": label_map(settings.labels, data.class_names),
        "identity": settings.identity,
        "hard_labels": settings.answers.form == "label",
    }
    if settings.kind == "onnx":
        return onnx.load(settings.onnx, pixels=settings.pixels, **model)
    service = model | {
        "connection": connection_of(settings.http, settings.in_flight, settings.json.model),
        "batch": settings.batch,
    }
    if settings.kind == "json":
        service["hard_labels"] = not settings.json.scores
        _check_ignored(settings, model["label_map"])
        return json_service.load(settings.json, **service)
    service["pixels"] = settings.pixels
    if settings.kind == "oip":
        return oip.load(settings.oip, **service)
    return tfserving.load(settings.tfserving, **service)


def _check_ignored(settings: TeacherSettings, given: Mapping[str, int]) -> None:
    """Refuses hard labels from scores of labels, if an image may have only ignored labels."""
    ignored = next((label for label, number in given.items() if number == IGNORED), None)
    if settings.answers.form == "label" and settings.json.scores and ignored is not None:
        raise UserError(
            f"config.teacher.labels={settings.labels!r}: ignores the label {ignored!r}"
            f" ({IGNORED}), but with config.teacher.answers.form='label' every image needs a class,"
            " and an image may have no other label; map it to a class, or set answers.form to"
            " scores or top_k"
        )


def _fingerprint(settings: TeacherSettings, data: DataSet) -> str:
    """Hashes everything that decides what a model is shown and how its reply is read.

    After a wrong ``pixels.mean`` is corrected, the old answers must not be found. The form
    of the answers is left out, since raw scores are kept; so is the label map, which may grow
    during a run.
    """
    found: dict[str, Any] = {"kind": settings.kind}
    if settings.kind == "json":
        found |= {
            **_without_new_defaults(settings.json),
            "url": connection_of(settings.http, 1, settings.json.model).url,
            "classes": data.class_names,
        }
    else:
        found["pixels"] = dataclasses.asdict(settings.pixels)
        group = dataclasses.asdict(getattr(settings, settings.kind))
        kept = ("input", "output", "signature")
        found |= {name: value for name, value in group.items() if name in kept}
    if settings.http.headers:  # which may choose a version
        found["headers"] = settings.http.headers
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:8]


def _without_new_defaults(template: Template) -> dict[str, Any]:
    """Returns a template's fields, except new fields (of later versions) with their defaults.

    The identities of paid answers must not change.
    """
    default = dataclasses.asdict(Template())
    given = dataclasses.asdict(template)
    return {
        name: value for name, value in given.items() if name not in _NEW or value != default[name]
    }


def label_map(path: str, names: tuple[str, ...]) -> dict[str, int]:
    """Reads the map from a service's labels to class numbers; empty without a file."""
    if not path:
        return {}
    wanted = "must contain a JSON object that maps labels to class names or numbers"
    try:
        found = json.loads(Path(path).expanduser().read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"config.teacher.labels={path!r} cannot be read ({error}); it {wanted}"
        ) from error
    if not isinstance(found, dict):
        raise UserError(
            f"config.teacher.labels={path!r} {wanted}, but contains a {type(found).__name__}"
        )
    names = tuple(map(comparable, names))
    return {
        label: _class_number(label, value, path=path, names=names) for label, value in found.items()
    }


def _class_number(label: str, value: object, *, path: str, names: tuple[str, ...]) -> int:
    if isinstance(value, str) and comparable(value) in names:
        return names.index(comparable(value))
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < len(names):
        if value >= 0 and has_number(names) and names[value] != str(value):
            raise UserError(
                f"config.teacher.labels={path!r} maps {label!r} to {value}, but the names of the"
                f" classes are numbers: counted from 0, this is the class {names[value]!r}"
                + (f", and as a name, the class {str(value)!r}" if str(value) in names else "")
                + "; write the class's name, in quotes"
            )
        return value
    raise UserError(
        f"config.teacher.labels={path!r} maps {label!r} to {value!r}, which is not a class; write"
        f" one of {', '.join(names)}, a number from 0 to {len(names) - 1}, or -1 to ignore it"
    )
