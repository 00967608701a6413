"""A configuration, checked as a whole and frozen, before anything is loaded or paid for.

Defaults live in ``configs/default.py`` and nowhere else; this module knows which fields there
are, their types, and what makes a value impossible.
"""

import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from amkd.config import defaults
from amkd.config.groups import (
    CheckpointSettings,
    DataSettings,
    ExportSettings,
    FskdSettings,
    LedgerSettings,
    ReportSettings,
    SearchSettings,
    TeacherSettings,
    ZskdSettings,
)
from amkd.core.errors import UserError
from amkd.training.recipe import Recipe

# Fields that change neither the result nor what is paid: a workdir may be resumed with others.
FREE = (
    *(
        "cache_dir",
        "data.dir",
        "data.folder",
        "data.test_folder",
        "data.broken",
        "ledger.path",
        "search.chunk",
    ),
    *(
        f"teacher.{name}"
        for name in ("batch", "in_flight", "rate", "attempts", "first_wait", "longest_wait")
    ),
    *(
        "teacher.price",
        "teacher.currency",
        "teacher.max_cost",
        "teacher.http.",
        "teacher.oip.binary",
    ),
    *("teacher.labels", "teacher.onnx.path"),
    *("checkpoint.", "report.", "export."),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """A whole configuration; ``configs/default.py`` explains every field."""

    seed: int
    dataset: str
    n_real: int
    budget: int
    rounds: int
    method: str
    student: str
    warm_start: bool
    last_epochs: int
    cache_dir: str
    data: DataSettings
    teacher: TeacherSettings
    search: SearchSettings
    train: Recipe
    zskd: ZskdSettings
    fskd: FskdSettings
    ledger: LedgerSettings
    checkpoint: CheckpointSettings
    report: ReportSettings
    export: ExportSettings


def _group(kind: Any) -> dict[str, Any]:
    """Fields of a group and their types; empty for what is no group."""
    names = (
        [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    )
    names = names or list(getattr(kind, "_fields", ()))
    types = typing.get_type_hints(kind if isinstance(kind, type) else type(kind)) if names else {}
    return {name: types[name] for name in names}


def flatten(settings: Any, prefix: str = "") -> dict[str, Any]:
    """Every field by its dotted name."""
    flat: dict[str, Any] = {}
    for name in _group(settings):
        value = getattr(settings, name)
        flat.update(flatten(value, f"{prefix}{name}.") if _group(value) else {prefix + name: value})
    return flat


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Fields that matter and differ, as ``name: old -> new``."""
    names = [name for name in {**old, **new} if not name.startswith(FREE)]
    pairs_ = ((name, old.get(name, "absent"), new.get(name, "absent")) for name in names)
    return [f"config.{name}: {a!r} -> {b!r}" for name, a, b in pairs_ if a != b]


def unknown_field(name: str) -> str:
    """What to say of a field that does not exist, with the nearest that does."""
    known = list(field_names())
    leaf = name.rpartition(".")[2]
    of_that_name = sorted(
        (full for full in known if full.rpartition(".")[2] == leaf),
        key=lambda full: full.count("."),
    )
    near = of_that_name if leaf == name else []
    near = near or difflib.get_close_matches(name, known, 1, 0.6)
    near = near or of_that_name
    near = near or [
        n for n in known if difflib.SequenceMatcher(None, leaf, n.rpartition(".")[2]).ratio() > 0.75
    ]
    hint = f"; did you mean config.{near[0]}?" if near else "; --help lists every field"
    return f"config.{name}: there is no such field{hint}"


def field_names(kind: Any = Settings, prefix: str = "") -> Iterator[str]:
    """Every field's dotted name."""
    for name, wanted in _group(kind).items():
        if _group(wanted):
            yield from field_names(wanted, f"{prefix}{name}.")
        else:
            yield prefix + name


def parse(config: Mapping[str, Any]) -> Settings:
    """Freezes a configuration whose fields all exist and have the right types.

    Raises:
      UserError: names every field at fault, its value and the remedy, all at once.
    """
    problems: list[str] = []
    settings = _build(Settings, config, "", problems)
    if problems:
        raise UserError(
            "the configuration cannot work:\n" + "\n".join(f"  {line}" for line in problems)
        )
    return settings


def _build(kind: Any, values: Mapping[str, Any], prefix: str, problems: list[str]) -> Any:
    """A settings group from a mapping; what is wrong goes to ``problems``."""
    types = _group(kind)
    if not isinstance(values, Mapping):
        problems.append(
            f"config.{prefix.rstrip('.')}={values!r}: must be a group of fields; see"
            " configs/default.py"
        )
        return None
    problems += [unknown_field(prefix + name) for name in values if name not in types]
    found = {}
    for name, wanted in types.items():
        if name not in values:
            problems.append(f"config.{prefix}{name}: missing; see configs/default.py")
        elif _group(wanted):
            found[name] = _build(wanted, values[name], f"{prefix}{name}.", problems)
        else:
            found[name] = _convert(values[name], wanted, f"config.{prefix}{name}", problems)
    return kind(**found) if len(found) == len(types) else None


_KINDS = {
    bool: "a bool",
    int: "an int",
    float: "a float",
    str: "a str",
    tuple: "a tuple of numbers",
}


def _convert(value: Any, wanted: Any, name: str, problems: list[str]) -> Any:
    plain = typing.get_origin(wanted) or wanted
    numbers = isinstance(value, (tuple, list)) and all(
        isinstance(part, (int, float)) for part in value
    )
    if plain is tuple and numbers:
        return tuple(float(part) for part in value)
    if plain is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if (
        plain is not tuple
        and isinstance(value, plain)
        and (plain is bool) == isinstance(value, bool)
    ):
        return value
    problems.append(f"{name}={value!r}: must be {_KINDS[plain]}")
    return value


def differing(config: Settings, also: tuple[str, ...] = ()) -> dict[str, Any]:
    """Fields that are not at their defaults, by dotted name.

    Args:
      config: the settings.
      also: fields to tell beside those that bear on the result.
    """
    usual = flatten(parse(defaults.load().to_dict()))
    own = flatten(config)
    told = (name for name in own if name in also or not name.startswith(FREE))
    return {name: own[name] for name in told if own[name] != usual[name]}
