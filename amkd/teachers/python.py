"""A teacher that is a Python function of the user: ``module:function``."""

import importlib
import os
import sys

from amkd.core import fault_place
from amkd.core.errors import UserError
from amkd.teachers import Teacher


def load(path: str, identity: str) -> Teacher:
    """Imports the function and returns it as a teacher.

    Args:
      path: ``module:function``; the current directory is searched too.
      identity: identity of the teacher; empty for ``python:{path}``.

    Raises:
      UserError: there is no such function.
    """
    module, _, function = path.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        ask = getattr(importlib.import_module(module), function)
    except (Exception, SystemExit) as error:  # whatever the user's module raises on import
        raise UserError(
            f"config.teacher.function={path!r} cannot be loaded: {fault_place.describe(error)};"
            " write it as 'module:function'; the module must be installed or in the folder where"
            " the command starts"
        ) from error
    if not callable(ask):
        raise UserError(
            f"config.teacher.function={path!r} is not a function but a {type(ask).__name__}; name"
            " a function"
        )
    return Teacher(identity or f"python:{path}", ask)
