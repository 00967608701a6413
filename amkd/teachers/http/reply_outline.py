"""Describes the structure of a reply for error messages, without any of its values."""

from typing import Any

from amkd.core.redaction import redact


def outline(value: Any, limit: int = 300) -> str:
    """Returns the structure of a reply.

    An example is ``{"predictions": [2 x {"label": str, "score": float}]}``.

    Args:
      value: a value that was read from JSON.
      limit: maximum number of characters.
    """
    text = redact(_describe(value, depth=4))
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _describe(value: Any, depth: int) -> str:
    if isinstance(value, dict):
        if not depth:
            return "{...}"
        inside = ", ".join(
            f'"{key}": {_describe(child, depth - 1)}' for key, child in list(value.items())[:20]
        )
        return f"{{{inside}{', ...' if len(value) > 20 else ''}}}"
    if isinstance(value, list):
        return (
            f"[{len(value)} x {_describe(value[0], depth - 1) if depth else '...'}]"
            if value
            else "[]"
        )
    return "null" if value is None else type(value).__name__
