"""Names of a registry, and ``my_module:NAME`` for what a user brings along."""

import difflib
import importlib
from collections.abc import Mapping
from typing import Any

from amkd.core.errors import UserError


def resolve(name: str, registry: Mapping[str, Any], field: str) -> Any:
    """Returns what a name stands for: an entry of the registry, or an object of a user's module.

    Args:
      name: a key of the registry, or ``my_module:NAME``.
      registry: what comes with the package.
      field: of the configuration, for messages.

    Raises:
      UserError: there is no such entry or object.
    """
    if name in registry:
        return registry[name]
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        near = difflib.get_close_matches(name, registry, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(
            f"config.{field}={name!r}: must be one of {', '.join(registry)}{hint}, or"
            " my_module:NAME for one of your own"
        )
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise UserError(
            f"config.{field}={name!r}: cannot be loaded ({type(error).__name__}: {error}); the"
            " module must be importable from here (PYTHONPATH) and hold that name"
        ) from error
