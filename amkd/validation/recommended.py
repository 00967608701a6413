"""``method=auto``: the method that the measurements in results/README.md support.

Ground-truth labels exist for real images only, so with ``labels`` the method queries whole images.
For all other teachers the method is random pairs: no other method to choose mixes was measurably
ahead of them, and the methods that follow the student's uncertainty were behind.
"""

from collections.abc import Mapping
from typing import Any

AUTO = "auto"
_BY_TEACHER = {"labels": "active_labelling"}
_OTHERWISE = "random_mixup"


def method(teacher_kind: str) -> str:
    """Returns the method that ``auto`` stands for."""
    return _BY_TEACHER.get(teacher_kind, _OTHERWISE)


def applied(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns a configuration with a method instead of ``auto``."""
    if not isinstance(config, Mapping) or config.get("method") != AUTO:
        return config
    teacher = config.get("teacher")
    kind = teacher.get("kind") if isinstance(teacher, Mapping) else None
    return {**config, "method": method(str(kind))}
