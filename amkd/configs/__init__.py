"""The shipped configurations, in a checkout: they are in the folder ``configs/`` next to ``amkd/``.

An installed package has that folder itself instead of this file (``package_dir`` in
setup.cfg). Here ``amkd.configs.digits`` is ``configs/digits.py`` of the same checkout.
"""

from pathlib import Path
from types import ModuleType

__path__ = [str(Path(__file__).parents[2] / "configs")]


def __getattr__(name: str) -> ModuleType:
    """Informs type checkers that there are submodules; at run time, only a missing one calls it."""
    raise AttributeError(f"amkd.configs has no configuration {name!r}")
