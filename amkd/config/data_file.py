"""Reads the fields of a configuration from a YAML or JSON file."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from amkd.core.errors import UserError

SUFFIXES = (".yaml", ".yml", ".json")
_WANTED = "it must contain fields and their values, such as seed: 1"
# Plain values as in YAML 1.2. YAML 1.1 reads yes as true, and 1e-3 as text.
_PLAIN = {
    "null": (r"~|null|", ["~", "n", ""]),
    "bool": (r"true|false|True|False", list("tfTF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
}


class _Loader(yaml.SafeLoader):
    """Reads plain data only, and refuses a key that occurs twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012, yaml's own attribute

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """See yaml."""
        return _unique(
            (self.construct_object(key, deep=True), self.construct_object(value, deep=True))
            for key, value in node.value
        )


def _whole_number(loader: Any, node: Any) -> int:
    """Returns a whole number; YAML 1.1 would read 010 as 8."""
    return int(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
for _name, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _first
    )


def is_data(path: Path) -> bool:
    """Returns whether a file is YAML or JSON, by its name."""
    return path.suffix.lower() in SUFFIXES


def read(path: Path) -> dict[str, Any]:
    """Returns the values in a file by dotted name; groups may be nested or dotted.

    Raises:
      UserError: it cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        found = _parsed(text, path.suffix.lower())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{path} is not YAML: {line}{error.problem}") from error
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(f"{path} contains {_kind(found)}; {_WANTED}")
    try:
        return _flat(found, "")
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _parsed(text: str, suffix: str) -> Any:
    if suffix == ".json":
        return json.loads(text, object_pairs_hook=_unique)
    return yaml.load(text, _Loader)


def _unique(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, value in pairs:
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is not the name of a field")
        if name in found:
            raise ValueError(f"{name} occurs twice; remove one of them")
        found[name] = value
    return found


def _flat(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        inside = isinstance(value, dict) and value
        for full, one in (
            _flat(value, f"{prefix}{name}.") if inside else {prefix + name: value}
        ).items():
            if full in found:
                raise ValueError(f"{full} occurs twice; remove one of them")
            found[full] = one
    return found


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """Returns values by dotted name as groups inside groups.

    Raises:
      ValueError: a name is both a field and a group.
    """
    found: dict[str, Any] = {}
    for name, value in flat.items():
        *groups, leaf = name.split(".")
        inside = found
        for group in groups:
            inside = inside.setdefault(group, {})
            if not isinstance(inside, dict):
                raise ValueError(f"{name}: a part of this name already has a value")
        if leaf in inside:
            raise ValueError(f"{name} is a group, but also has a value; remove one of them")
        inside[leaf] = value
    return found


def _kind(found: Any) -> str:
    return "a list" if isinstance(found, list) else f"only {found!r}"
