"""The defaults of every field, from the one file that states them."""

import importlib.util
from pathlib import Path

from ml_collections import ConfigDict


def load() -> ConfigDict:
    """The configuration of ``configs/default.py``."""
    path = Path(__file__).parents[2] / "configs" / "default.py"
    spec = importlib.util.spec_from_file_location("amkd_default_config", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()
