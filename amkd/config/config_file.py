"""Loads a configuration file: Python that makes a configuration, or YAML or JSON that contains one.

Every problem with it is reported in plain words.
"""

import importlib.util
import inspect
from pathlib import Path

from ml_collections import ConfigDict

from amkd.config import data_file, shipped
from amkd.config.defaults import defaults
from amkd.config.fields import flatten
from amkd.config.parsing import parse_with_problems
from amkd.config.settings import Settings
from amkd.core import fault_place
from amkd.core.errors import UserError

_BASE = "base"  # in a file of data: the configuration that it changes
_WANTED = "a configuration is a Python file with get_config(preset=''), like configs/default.py"


def load(path: Path, preset: str = "") -> ConfigDict:
    """Returns the configuration that a file makes.

    Args:
      path: a Python file with ``get_config``, or a YAML or JSON file of fields.
      preset: the argument of ``get_config``; empty for none.

    Raises:
      UserError: it fails to run, or does not make a configuration, or does not have the preset.
    """
    if data_file.is_data(path):
        if preset:
            raise UserError(
                f"{path} has no presets, but preset {preset!r} was given; to use a preset of"
                f" another configuration, write base: NAME:{preset} into the file"
            )
        return _of_data(path)
    spec = importlib.util.spec_from_file_location("amkd_configuration_file", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file; {_WANTED}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UserError(f"{path} fails to run: {fault_place.describe(error)}") from error
    make = getattr(module, "get_config", None)
    if not callable(make):
        raise UserError(f"{path} has no function get_config; {_WANTED}")
    given = (preset,) if preset else ()
    _check_arguments(path, make, given)
    try:
        config = make(*given)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        called = f"get_config({preset!r})" if preset else "get_config()"
        raise UserError(f"{path}: {called} failed: {fault_place.describe(error)}") from error
    if not isinstance(config, ConfigDict):
        raise UserError(
            f"{path}: get_config returned {_kind(config)} instead of a ConfigDict of"
            " ml_collections;"
            f" {_WANTED}"
        )
    return config


def get_config(path: str) -> ConfigDict:
    """Returns the configuration in a YAML or JSON file; for absl, which runs Python files only."""
    return load(Path(path))


def argument(path: Path, preset: str = "") -> str:
    """Returns the value of ``--config`` for absl: a Python file and its argument."""
    if data_file.is_data(path):
        return f"{__file__}:{path}{f':{preset}' if preset else ''}"
    return f"{path}:{preset}" if preset else f"{path}"


def fields_in(path: Path) -> set[str]:
    """Returns the fields that a YAML or JSON file sets; none for a Python file, which sets all."""
    return set(data_file.read(path)) - {_BASE} if data_file.is_data(path) else set()


def _of_data(path: Path) -> ConfigDict:
    values = data_file.read(path)
    base = values.pop(_BASE, None)
    config = defaults() if base is None else _base(path, base)
    problems: list[str] = []
    try:
        settings: Settings = parse_with_problems(data_file.nested(values), problems)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    if problems:
        raise UserError(f"{path} cannot work:\n" + "\n".join(f"  {one}" for one in problems))
    typed = flatten(settings)
    config.update_from_flattened_dict({name: typed[name] for name in values if name in typed})
    return config


def _base(path: Path, base: object) -> ConfigDict:
    """Returns the configuration that a file of data changes."""
    if not isinstance(base, str):
        raise UserError(
            f"{path}: {_BASE} must name a configuration, such as digits or photos:smoke"
        )
    name, _, preset = base.partition(":")
    found = shipped.locate(name)
    if data_file.is_data(found):
        raise UserError(
            f"{path}: {_BASE}={base!r} must be a shipped configuration or a Python file"
        )
    config, given = defaults(), load(found, preset)
    if not set(given) <= set(config):
        raise UserError(f"{path}: {_BASE}={base!r} is not a configuration of a run")
    config.update(given)
    return config


def _check_arguments(path: Path, make: object, given: tuple[str, ...]) -> None:
    assert callable(make)
    try:
        inspect.signature(make).bind(*given)
    except TypeError:
        if given:
            raise UserError(
                f"{path} has no presets, but preset {given[0]!r} was given; omit it"
            ) from None
        raise UserError(
            f"{path} needs a preset: give one, as in --config={path}:PRESET, or write a default"
            " into the file: get_config(preset='')"
        ) from None


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
