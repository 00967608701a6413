"""The shipped configurations, in a checkout: they lie in the folder ``configs/`` beside ``amkd/``.

An installed package has that folder itself in the place of this file (``package_dir`` in
setup.cfg). Here ``amkd.configs.digits`` is ``configs/digits.py`` of the same checkout.
"""

from pathlib import Path
from types import ModuleType

__path__ = [str(Path(__file__).parents[2] / "configs")]


def __getattr__(name: str) -> ModuleType:
    """Tells type checkers that there are submodules; at run time only a missing one gets here."""
    raise AttributeError(f"amkd.configs has no configuration {name!r}")
