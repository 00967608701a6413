"""Ways to choose among the candidates of lowest C2, one in each file, found by the file's name
(``ACQUISITION``).

A file whose acquisition has more students trained than the round's own says how many of a committee
(``STUDENTS``).
"""

import importlib
import pkgutil
from collections.abc import Callable

from amkd.candidates.candidate_set import Acquisition

_FILES = {
    found.name: importlib.import_module(f"{__name__}.{found.name}")
    for found in pkgutil.iter_modules(__path__)
}

ACQUISITIONS: dict[str, Acquisition] = {name: module.ACQUISITION for name, module in _FILES.items()}
STUDENTS: dict[str, Callable[[int], int]] = {
    name: module.STUDENTS for name, module in _FILES.items() if hasattr(module, "STUDENTS")
}
