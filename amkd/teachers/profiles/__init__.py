"""Profiles of well-known services (``teacher.profile``): which fields of the teacher each sets.

Each was written from the documentation that it names. None was tested with its service.
"""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from amkd.config.fields import leaves
from amkd.config.teacher import TeacherSettings
from amkd.teachers.profiles import (
    azure_custom_vision,
    bentoml,
    gemini,
    google_vision,
    huggingface,
    kserve,
    mlserver,
    openai_chat,
    rekognition_custom_labels,
    rekognition_labels,
    roboflow,
    torchserve,
    triton,
)
from amkd.teachers.profiles.profile import TERMS, Profile

__all__ = ["PROFILES", "TERMS", "Profile", "Setting", "applied", "settings_of"]

PROFILES: dict[str, Profile] = {
    "azure_custom_vision": azure_custom_vision.PROFILE,
    "bentoml": bentoml.PROFILE,
    "gemini": gemini.PROFILE,
    "google_vision": google_vision.PROFILE,
    "huggingface": huggingface.PROFILE,
    "kserve": kserve.PROFILE,
    "mlserver": mlserver.PROFILE,
    "openai_chat": openai_chat.PROFILE,
    "rekognition_custom_labels": rekognition_custom_labels.PROFILE,
    "rekognition_labels": rekognition_labels.PROFILE,
    "roboflow": roboflow.PROFILE,
    "torchserve": torchserve.PROFILE,
    "triton": triton.PROFILE,
}


class Setting(NamedTuple):
    """A field that a profile sets.

    Attributes:
      name: its dotted name, such as ``teacher.json.scores``.
      value: its value in the run.
      profile: the profile's value; it differs from ``value`` if the user has set the field.
    """

    name: str
    value: Any
    profile: Any


def applied(config: Mapping[str, Any], explicit: Collection[str] = ()) -> Mapping[str, Any]:
    """Returns a configuration with the fields that its profile sets.

    A field whose value is not its default was set by the user, and is not changed.

    Args:
      config: nested mapping; it is returned unchanged if it does not name an existing profile.
      explicit: dotted names of fields that the user has set, even if to their defaults.
    """
    teacher = config.get("teacher") if isinstance(config, Mapping) else None
    profile = _profile(teacher)
    if profile is None or not isinstance(teacher, Mapping):
        return config
    defaults = {leaf.name: leaf.default for leaf in leaves(TeacherSettings, "teacher.")}
    changed = dict(teacher)
    for name, value in profile.fields.items():
        full, (*groups, last) = f"teacher.{name}", name.split(".")
        group: Any = changed
        for part in groups:
            inside = group.get(part, {})
            if not isinstance(inside, Mapping):  # the checks of types report it
                break
            group[part] = dict(inside)
            group = group[part]
        else:
            if full not in explicit and group.get(last, defaults[full]) == defaults[full]:
                group[last] = value
    return {**config, "teacher": changed}


def _profile(teacher: Any) -> Profile | None:
    name = teacher.get("profile") if isinstance(teacher, Mapping) else None
    return PROFILES.get(name) if isinstance(name, str) else None


def settings_of(teacher: TeacherSettings) -> list[Setting]:
    """Returns the fields that the profile of a teacher sets, with the values in the run."""
    found = []
    for name, wanted in PROFILES[teacher.profile].fields.items():
        value: Any = teacher
        for part in name.split("."):
            value = getattr(value, part)
        found.append(Setting(f"teacher.{name}", value, wanted))
    return found
