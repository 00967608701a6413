"""Optional dependencies, imported where they are used; a clear message where they are missing."""

import importlib
from types import ModuleType

from amkd.core.errors import UserError


def require(module: str, *, extra: str, field: str, instead: str = "") -> ModuleType:
    """Imports a module of an optional dependency.

    Args:
      module: its name, such as ``onnxruntime``.
      extra: the extra of setup.cfg that installs it.
      field: what needs it: a configuration field and its value, or a few words.
      instead: what the user can do without it.

    Raises:
      UserError: it cannot be imported; the message describes how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"{field} needs {module} ({error}); install it with pip install 'amkd[{extra}]', or in"
            f" a checkout with pip install -e '.[{extra}]'{f'; or {instead}' if instead else ''}"
        ) from error
