"""Names of things that can be chosen: registered ones, and the user's own as
``module:ATTRIBUTE``.
"""

import difflib
import importlib
import sys
from collections.abc import Mapping
from typing import TypeVar

from amkd.core.errors import UserError

Thing = TypeVar("Thing")


def resolve(
    name: str, registry: Mapping[str, Thing], field: str, kind: type | None = None
) -> Thing:
    """Returns what a name of a configuration stands for.

    Args:
      name: a name of the registry, or ``module:ATTRIBUTE`` of a module that can be imported, also
        from the working directory.
      registry: what is registered, by name.
      field: name of the configuration's field, for messages.
      kind: the type that it must have; None for any.

    Raises:
      UserError: there is no such thing.
    """
    if name in registry:
        return registry[name]
    module, colon, attribute = name.partition(":")
    if not colon:
        near = difflib.get_close_matches(name, registry, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UserError(
            f"config.{field}={name!r}: must be one of {', '.join(registry)}{hint}, or"
            " module:ATTRIBUTE of your own"
        )
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UserError(f"config.{field}={name!r} cannot be imported: {error}") from error
    if kind is not None and not isinstance(found, kind):
        raise UserError(
            f"config.{field}={name!r}: must be a {kind.__name__}, and is a {type(found).__name__}"
        )
    return found
