"""Configurations for tests: the defaults with some values changed, and what is said of them."""

import importlib
from typing import Any

import pytest

from amkd.core.errors import UserError
from amkd.validation import from_config


def default() -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("configs.default").get_config().to_dict()
    return found


def changed(**fields: Any) -> dict[str, Any]:
    """The defaults with other values; ``__`` stands for the dot."""
    config = default()
    for name, value in fields.items():
        *groups, leaf = name.split("__")
        group = config
        for part in groups:
            group = group[part]
        group[leaf] = value
    return config


def complaint(**fields: Any) -> str:
    with pytest.raises(UserError) as caught:
        from_config(changed(**fields))
    return str(caught.value)
