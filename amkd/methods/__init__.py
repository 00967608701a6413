"""The methods, one in each file, found by the file's name: to add a method is to add a file with a
``METHOD``.
"""

import importlib
import pkgutil

from amkd.methods.base import Method

METHODS: dict[str, Method] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").METHOD
    for found in pkgutil.iter_modules(__path__)
    if found.name != "base"
}
