"""Ways to choose among the candidates of lowest C2, one in each file, found by the file's name (``ACQUISITION``)."""

import importlib
import pkgutil

from amkd.acquisition import Acquisition

ACQUISITIONS: dict[str, Acquisition] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").ACQUISITION
    for found in pkgutil.iter_modules(__path__)
}
