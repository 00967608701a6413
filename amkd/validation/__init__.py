"""What cannot work: rules over a whole configuration, checked before anything is loaded or paid.

Types, choices and ranges of single fields are declared with the fields (:mod:`amkd.config`). The
rules here compare several fields, or know what methods, networks, acquisitions and losses there
are. Every reason names the field, its value and the remedy.
"""

from collections.abc import Mapping
from typing import Any

from amkd.config import checks
from amkd.config.parsing import parse, refuse
from amkd.config.settings import Settings
from amkd.validation.rules import reasons

__all__ = ["from_config"]


def from_config(config: Mapping[str, Any]) -> Settings:
    """Checks a configuration and freezes it; a field that it lacks has its default.

    Args:
      config: nested mapping, such as a ``ConfigDict``'s ``to_dict()``.

    Raises:
      UserError: names every field at fault, its value and the remedy, all at once.
    """
    settings: Settings = parse(config)
    refuse([*checks.problems(settings), *reasons(settings)])
    return settings
