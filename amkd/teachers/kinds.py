"""From settings to a teacher, whatever its kind."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from amkd.config.settings import Settings
from amkd.config.teacher import TeacherSettings
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.reporting.bars import bars
from amkd.teachers import Teacher, local, onnx, python
from amkd.teachers import labels as true_labels
from amkd.teachers.http import json_service, oip, tfserving
from amkd.teachers.http.connection import connection_of


def load(config: Settings, data: DataSet, stop: StopSignal, *, labels: bool = False) -> Teacher:
    """The configured teacher, checked as far as that costs nothing; a local one is trained if it is
    not there.

    Raises:
      UserError: it is not there, or takes or answers something else than the data set needs.
    """
    if labels:
        return true_labels.load(data)
    if config.teacher.kind == "flax":
        bar = bars(config.report.progress)
        cache = Path(config.cache_dir).expanduser()
        return local.load(config.teacher, data, cache, bar, stop, config.checkpoint.seconds)
    teacher = _LOADERS[config.teacher.kind](config.teacher, data)
    if config.teacher.identity or config.teacher.kind == "python":
        return teacher
    return teacher._replace(identity=f"{teacher.identity}#{_fingerprint(config.teacher, data)}")


def _fingerprint(teacher: TeacherSettings, data: DataSet) -> str:
    """Of all that decides what a model is shown and how its reply is read, beside the model itself.

    Whoever mends a wrong ``pixels.mean`` must not find the answers to the wrong pixels. The form of
    the answers is left out, as raw scores are kept; so is a label map, which may grow while a run
    goes on.
    """
    told: dict[str, Any] = {"kind": teacher.kind}
    if teacher.kind == "json":
        told |= {
            **dataclasses.asdict(teacher.json),
            "url": teacher.http.url,
            "classes": data.class_names,
        }
    else:
        told["pixels"] = dataclasses.asdict(teacher.pixels)
        group = dataclasses.asdict(getattr(teacher, teacher.kind))
        told |= {
            name: value for name, value in group.items() if name in ("input", "output", "signature")
        }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _python(teacher: TeacherSettings, data: DataSet) -> Teacher:
    return python.load(teacher.function, teacher.identity)


def _onnx(teacher: TeacherSettings, data: DataSet) -> Teacher:
    place = teacher.onnx
    return onnx.load(
        place.path,
        teacher.pixels,
        place.input,
        place.output,
        teacher.identity,
        _shape(data),
        data.classes,
    )


def _oip(teacher: TeacherSettings, data: DataSet) -> Teacher:
    place = teacher.oip
    return oip.load(
        connection_of(teacher.http, teacher.in_flight),
        place.model,
        place.version,
        place.input,
        place.output,
        place.binary,
        teacher.pixels,
        _shape(data),
        data.classes,
        teacher.identity,
        teacher.answers.form == "label",
        teacher.batch,
    )


def _tfserving(teacher: TeacherSettings, data: DataSet) -> Teacher:
    place = teacher.tfserving
    return tfserving.load(
        connection_of(teacher.http, teacher.in_flight),
        place.model,
        place.version,
        place.signature,
        place.input,
        place.output,
        teacher.pixels,
        _shape(data),
        data.classes,
        teacher.identity,
        teacher.answers.form == "label",
        teacher.batch,
    )


def _json(teacher: TeacherSettings, data: DataSet) -> Teacher:
    return json_service.load(
        connection_of(teacher.http, teacher.in_flight),
        teacher.json,
        _shape(data),
        data.class_names,
        _labels(teacher.labels, data.class_names),
        teacher.identity,
        not teacher.json.scores,
        teacher.batch,
    )


_LOADERS = {"python": _python, "onnx": _onnx, "oip": _oip, "tfserving": _tfserving, "json": _json}


def _shape(data: DataSet) -> tuple[int, int, int]:
    height, width, channels = data.shape
    return height, width, channels


def _labels(path: str, names: tuple[str, ...]) -> dict[str, int]:
    """The map from a service's labels to class numbers."""
    if not path:
        return {}
    wanted = "must hold a JSON object from labels to class names or numbers"
    try:
        found = json.loads(Path(path).expanduser().read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"config.teacher.labels={path!r} cannot be read ({error}); it {wanted}"
        ) from error
    if not isinstance(found, dict):
        raise UserError(
            f"config.teacher.labels={path!r} {wanted}, and holds a {type(found).__name__}"
        )
    return {label: _class(label, value, path, names) for label, value in found.items()}


def _class(label: str, value: object, path: str, names: tuple[str, ...]) -> int:
    if isinstance(value, str) and value in names:
        return names.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and -1 <= value < len(names):
        return value
    raise UserError(
        f"config.teacher.labels={path!r} maps {label!r} to {value!r}, which is no class:"
        f" {', '.join(names)},"
        f" or a number from 0 to {len(names) - 1}, or -1 to ignore it"
    )
