"""The defaults of every field, from the one file that states them."""

import importlib

from ml_collections import ConfigDict


def load() -> ConfigDict:
    """The configuration of ``configs/default.py``, which is shipped as ``amkd.configs.default``."""
    return importlib.import_module("amkd.configs.default").get_config()
