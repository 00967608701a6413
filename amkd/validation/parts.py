"""A check of parts that may be the user's own: students and losses."""

from collections.abc import Iterator, Mapping
from typing import Any

from amkd.core import plugins
from amkd.core.errors import UserError


def choice_or_own(name: str, value: str, registry: Mapping[str, Any]) -> Iterator[str]:
    """Yields a problem unless a value is registered, or names a part of the user's own."""
    try:
        plugins.resolve(value, registry, name)
    except UserError as error:
        yield str(error)
