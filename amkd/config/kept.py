"""The configuration that a workdir holds, as a configuration file of its own.

``get_config`` is given the workdir in place of a preset, so that ``--workdir=DIR`` alone is read
like ``--config=FILE:PRESET``.
"""

import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from amkd.config.defaults import defaults
from amkd.config.fields import leaves
from amkd.config.names import renamed
from amkd.config.settings import Settings
from amkd.core.errors import UserError

_FILE = "config.json"


def is_in(workdir: Path) -> bool:
    """Tells whether a folder holds a run's configuration."""
    return (workdir / _FILE).is_file()


def get_config(workdir: str) -> ConfigDict:
    """Returns the configuration of the run in a workdir; fields that it lacks have their default.

    Raises:
      UserError: it is damaged, or of a newer version.
    """
    path = Path(workdir) / _FILE
    try:
        values = renamed(json.loads(path.read_text(encoding="utf-8"))["config"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}); give --config, as when the run began"
        ) from error
    known = {leaf.name: leaf.default for leaf in leaves(Settings)}
    if unknown := [name for name in values if name not in known]:
        raise UserError(f"{path} is of a newer amkd: it has no field {', '.join(unknown)} here")
    config = defaults()
    try:
        config.update_from_flattened_dict(
            {name: _typed(value, known[name]) for name, value in values.items()}
        )
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}); give --config, as when the run began"
        ) from error
    return config


def _typed(value: Any, default: Any) -> Any:
    """A value as its field has it; JSON has no tuples."""
    return tuple(value) if isinstance(default, tuple) else value
