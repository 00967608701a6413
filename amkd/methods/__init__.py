"""The methods, a file each, found by the file's name: a new file with a ``METHOD`` adds a
method.
"""

import importlib
import pkgutil

from amkd.core import plugins
from amkd.methods.base import Method

_CONTRACT = ("base", "first_images", "selection")

METHODS: dict[str, Method] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").METHOD
    for found in pkgutil.iter_modules(__path__)
    if found.name not in _CONTRACT
}


def find(name: str) -> Method:
    """Returns a method by its name, or a method of the user's own by ``module:ATTRIBUTE``.

    Raises:
      UserError: there is no such method.
    """
    return plugins.resolve(name, METHODS, "method", Method)
