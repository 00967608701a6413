"""The headers of requests: reads those of a configuration, and joins several sets."""

import json
import re
from collections.abc import Mapping

from amkd.core.errors import UserError

_FIELD = "config.teacher.http.headers"
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET = re.compile(
    r"authori[sz]ation|cookie|token|secret|passw|pwd|credential|(^|[-_])(api)?key$", re.IGNORECASE
)


def configured(text: str) -> dict[str, str]:
    """Reads ``teacher.http.headers``; empty for an empty text.

    Raises:
      UserError: it is not a JSON object of texts, or a header looks like a secret; no value is
        shown.
    """
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise UserError(f'{_FIELD} must be a JSON object of texts, such as {{"X-Version": "2"}}')
    for name, value in found.items():
        if not _NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise UserError(
                f"{_FIELD} has a name or value that no header can carry: check each of them"
            )
        if _SECRET.search(name):
            raise UserError(
                f"{_FIELD} has {name!r}, which looks like a secret, but configurations are stored"
                " on disk: send it with config.teacher.http.auth_header and auth_env"
            )
    return found


def joined(*parts: Mapping[str, str]) -> dict[str, str]:
    """Joins headers; of several headers with the same name, in any case, the last one counts."""
    found = {name.lower(): (name, value) for part in parts for name, value in part.items()}
    return dict(found.values())
