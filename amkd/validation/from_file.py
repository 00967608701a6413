"""Reads a configuration file as checked settings, with some fields changed."""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from amkd.config import config_file
from amkd.config.names import field_names, unknown_field
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.validation import as_given, from_config


def from_file(path: Path, preset: str = "", fields: Mapping[str, Any] | None = None) -> Settings:
    """Returns the settings of a configuration file with other values in some fields.

    Args:
      path: a Python file with ``get_config(preset)``, or a YAML or JSON file.
      preset: its preset; empty for none.
      fields: values by dotted name; a text is read as on the command line, ``"3"`` is a number.

    Raises:
      UserError: the file fails to run, there is no such preset or field, or a value is
        impossible.
    """
    config, explicit = _merged(path, preset, fields)
    return from_config(config, explicit=explicit)


def unchecked(path: Path, preset: str = "", fields: Mapping[str, Any] | None = None) -> Settings:
    """Returns the settings as :func:`from_file` does, also where they cannot work on this machine.

    A field whose own value is impossible has its default.

    Raises:
      UserError: the file fails to run, or there is no such preset or field.
    """
    config, explicit = _merged(path, preset, fields)
    return as_given(config, explicit)


def _merged(
    path: Path, preset: str, fields: Mapping[str, Any] | None
) -> tuple[dict[str, Any], set[str]]:
    """Returns the configuration with the given fields, and the names of those that were set."""
    config = config_file.load(path, preset)
    try:
        for name, value in (fields or {}).items():
            if name not in field_names():
                raise UserError(unknown_field(name))
            try:
                config.update_from_flattened_dict({name: _parsed(value)})
            except TypeError:  # a number that is meant as text
                config.update_from_flattened_dict({name: value})
    except (TypeError, ValueError) as error:  # a value of the wrong type
        raise UserError(str(error)) from error
    return config.to_dict(), config_file.fields_in(path) | set(fields or {})


def _parsed(value: Any) -> Any:
    try:
        return ast.literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value
