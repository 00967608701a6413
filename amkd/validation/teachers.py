"""What each kind of teacher needs from the settings, and what makes its settings impossible."""

from collections.abc import Iterator

from amkd.config.checks import choice
from amkd.config.teacher import TeacherSettings
from amkd.teachers.http.placeholders import MODEL, REGION
from amkd.teachers.profiles import PROFILES

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
# Fields of one kind of teacher: a user who sets one of them means that kind.
_OF = {
    "python": ("function",),
    "onnx": ("onnx.path",),
    "oip": ("oip.model",),
    "tfserving": ("tfserving.model",),
}


def reasons(teacher: TeacherSettings) -> Iterator[str]:
    """Yields every reason why a teacher's settings cannot work, as far as known without it."""
    yield from _of_profile(teacher)
    yield from _missing(teacher)
    yield from _of_service(teacher)
    if teacher.max_cost and not teacher.price:
        yield (
            f"config.teacher.max_cost={teacher.max_cost!r}: needs config.teacher.price, the"
            " price of one image"
        )


def _of_profile(teacher: TeacherSettings) -> Iterator[str]:
    if not teacher.profile:
        return
    if teacher.profile not in PROFILES:
        yield from choice("teacher.profile", teacher.profile, sorted(PROFILES))
        return
    profile = PROFILES[teacher.profile]
    if teacher.kind != profile.fields["kind"]:
        yield (
            f"config.teacher.kind={teacher.kind!r}: teacher.profile {teacher.profile!r} is of kind"
            f" {profile.fields['kind']!r}; omit the kind (as configs/service.py does)"
        )
        return
    for name, meaning in profile.needs.items():
        if not _value(teacher, name) and name not in NEEDS[teacher.kind]:
            yield (
                f"config.teacher.{name}='': teacher.profile {teacher.profile!r} needs it: {meaning}"
            )


def _of_service(teacher: TeacherSettings) -> Iterator[str]:
    """Yields what is wrong with the placeholders of a service, and with how labels are read."""
    profile = PROFILES.get(teacher.profile)
    told = profile.needs if profile else {}
    for word, name, where in (
        (MODEL, "json.model", teacher.http.url + teacher.json.request),
        (REGION, "http.aws_region", teacher.http.url),
    ):
        if word in where and not _value(teacher, name) and name not in told:
            yield f"config.teacher.{name}='': it must give the value for {word!r} in the request"
    ignores = teacher.kind == "json" and teacher.json.unknown == "ignore"
    if ignores and teacher.answers.form == "label":
        yield (
            "config.teacher.answers.form='label': an image for which the service names no class"
            " has no hard label, and teacher.json.unknown='ignore' allows that; set answers.form to"
            " scores or top_k"
        )


def _missing(teacher: TeacherSettings) -> Iterator[str]:
    for name in NEEDS.get(teacher.kind, ()):
        if not _value(teacher, name):
            profile = PROFILES.get(teacher.profile)
            meaning = profile.needs.get(name, "") if profile else ""
            yield (
                f"config.teacher.{name}='': teacher.kind {teacher.kind!r} needs it"
                f"{': ' + meaning if meaning else ''}; see configs/default.py"
            )
    if teacher.kind == "python" and teacher.function and ":" not in teacher.function:
        yield (
            f"config.teacher.function={teacher.function!r}: teacher.kind 'python' needs"
            " 'module:function'"
        )
    for kind, names in _OF.items():
        for name in names:
            # "flax" is the default, so the user has probably forgotten to set another kind.
            if teacher.kind == "flax" and (value := _value(teacher, name)):
                yield (
                    f"config.teacher.{name}={value!r}: belongs to another kind of teacher than"
                    f" {teacher.kind!r}; add --config.teacher.kind={kind}"
                )
    if teacher.kind == "flax" and teacher.identity:
        yield (
            f"config.teacher.identity={teacher.identity!r}: a flax teacher has its own identity,"
            " the hash of its weights; omit it"
        )
    if teacher.kind == "flax" and teacher.http.url:
        yield (
            "config.teacher.http.url: is set, but config.teacher.kind='flax' is not a service; add"
            " --config.teacher.kind=oip, tfserving or json"
        )


def _value(teacher: TeacherSettings, name: str) -> str:
    value = teacher
    for part in name.split("."):
        value = getattr(value, part)
    return str(value)
