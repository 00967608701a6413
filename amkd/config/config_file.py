"""Runs a configuration file; whatever is wrong with it is told in plain words."""

import importlib.util
import inspect
from pathlib import Path

from ml_collections import ConfigDict

from amkd.core import fault_place
from amkd.core.errors import UserError

_WANTED = "a configuration is a Python file with get_config(preset=''), like configs/default.py"


def load(path: Path, preset: str = "") -> ConfigDict:
    """Returns the configuration that a file makes.

    Args:
      path: a Python file with ``get_config``.
      preset: what ``get_config`` is given; empty for nothing.

    Raises:
      UserError: it fails to run, or makes no configuration, or has no such preset.
    """
    spec = importlib.util.spec_from_file_location("amkd_configuration_file", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is no Python file; {_WANTED}")
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
            f"{path}: get_config returned {_kind(config)}, and not a ConfigDict of ml_collections;"
            f" {_WANTED}"
        )
    return config


def _check_arguments(path: Path, make: object, given: tuple[str, ...]) -> None:
    assert callable(make)
    try:
        inspect.signature(make).bind(*given)
    except TypeError:
        if given:
            raise UserError(f"{path} has no presets, and {given[0]!r} was asked for") from None
        raise UserError(
            f"{path} needs a preset, as in --config={path}:PRESET, or a default for it:"
            " get_config(preset='')"
        ) from None


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
