"""What each kind of teacher needs from the settings, and what makes its settings impossible."""

from collections.abc import Iterator

from amkd.config.teacher import TeacherSettings

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
    """Yields every reason why a teacher's settings cannot work, as far as known without it."""
    yield from _missing(teacher)
    if teacher.max_cost and not teacher.price:
        yield (
            f"config.teacher.max_cost={teacher.max_cost!r}: needs config.teacher.price, the"
            " price of one image"
        )


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
