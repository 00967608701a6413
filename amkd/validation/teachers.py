"""What each kind of teacher needs from the settings, and what makes its settings impossible."""

import math
from collections.abc import Iterator

from amkd.config.groups import TeacherSettings
from amkd.teachers import answers
from amkd.teachers.pixels import DTYPES, LAYOUTS
from amkd.validation.rules import choice, least

# The fields without which a kind cannot work.
NEEDS = {
    "flax": (),
    "labels": (),
    "python": ("function",),
    "onnx": ("onnx.path",),
    "oip": ("http.url", "oip.model"),
    "tfserving": ("http.url", "tfserving.model"),
    "json": ("http.url", "json.request"),
}
# Fields of one kind: whoever sets them means that kind.
_OF = {
    "python": ("function",),
    "onnx": ("onnx.path",),
    "oip": ("oip.model",),
    "tfserving": ("tfserving.model",),
}


def reasons(teacher: TeacherSettings) -> Iterator[str]:
    """Every reason why a teacher's settings cannot work, as far as they can be known without it."""
    yield from choice("teacher.kind", teacher.kind, tuple(NEEDS))
    yield from _missing(teacher)
    yield from _terms(teacher)
    yield from choice("teacher.answers.form", teacher.answers.form, answers.FORMS)
    yield from least("teacher.answers.top_k", teacher.answers.top_k, 1)
    if not 0 < teacher.answers.temperature < math.inf:
        yield (
            f"config.teacher.answers.temperature={teacher.answers.temperature!r}: must be positive"
        )
    yield from choice("teacher.pixels.layout", teacher.pixels.layout, ("auto", *LAYOUTS))
    yield from choice("teacher.pixels.dtype", teacher.pixels.dtype, ("auto", *DTYPES))
    if not 0 < teacher.pixels.divide < math.inf:
        yield f"config.teacher.pixels.divide={teacher.pixels.divide!r}: must be positive"
    yield from choice("teacher.oip.binary", teacher.oip.binary, ("auto", "yes", "no"))
    yield from choice("teacher.json.encoding", teacher.json.encoding, ("png", "jpeg"))


def _missing(teacher: TeacherSettings) -> Iterator[str]:
    for name in NEEDS.get(teacher.kind, ()):
        if not _value(teacher, name):
            yield (
                f"config.teacher.{name}='': teacher.kind {teacher.kind!r} needs it; see"
                " configs/default.py"
            )
    if teacher.kind == "python" and teacher.function and ":" not in teacher.function:
        yield (
            f"config.teacher.function={teacher.function!r}: teacher.kind 'python' needs"
            " 'module:function'"
        )
    for kind, names in _OF.items():
        for name in names:
            # "flax" is the default: whoever means another kind says so.
            if teacher.kind == "flax" and (value := _value(teacher, name)):
                yield (
                    f"config.teacher.{name}={value!r}: is for another kind of teacher than"
                    f" {teacher.kind!r}; add"
                    f" --config.teacher.kind={kind}"
                )
    if teacher.kind == "flax" and teacher.identity:
        yield (
            f"config.teacher.identity={teacher.identity!r}: a flax teacher has its own, the hash"
            " of its weights"
        )
    if teacher.kind == "flax" and teacher.http.url:
        yield (
            "config.teacher.http.url: is for a service; add --config.teacher.kind=oip, tfserving"
            " or json"
        )


def _value(teacher: TeacherSettings, name: str) -> str:
    value = teacher
    for part in name.split("."):
        value = getattr(value, part)
    return str(value)


def _terms(teacher: TeacherSettings) -> Iterator[str]:
    for name in ("batch", "in_flight", "attempts"):
        yield from least(f"teacher.{name}", getattr(teacher, name), 1)
    for name in ("rate", "first_wait", "longest_wait", "price", "max_cost"):
        yield from least(f"teacher.{name}", getattr(teacher, name), 0)
        if getattr(teacher, name) == math.inf:
            yield f"config.teacher.{name}=inf: must be finite; 0 for no limit"
    if teacher.max_cost and not teacher.price:
        yield (
            f"config.teacher.max_cost={teacher.max_cost!r}: needs config.teacher.price, the"
            " price of one image"
        )
    for name in ("connect_timeout", "read_timeout"):
        value = getattr(teacher.http, name)
        if not 0 < value < math.inf:
            yield f"config.teacher.http.{name}={value!r}: must be positive"
