"""Reads how long a service asks to wait: the header ``Retry-After``."""

import datetime
import email.utils
import math
import time

import httpx


def seconds_to_wait(headers: httpx.Headers) -> float | None:
    """Returns the seconds to wait; None if the service gives no readable value.

    A date is compared with the service's own clock if the reply states it, since ours may be wrong.
    """
    text = headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        until, now = _moment(text), _moment(headers.get("Date", ""))
        if until is None:
            return None
        seconds = until - (time.time() if now is None else now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _moment(text: str) -> float | None:
    """Reads any of HTTP's three forms of a date; one without a zone is UTC, as HTTP requires."""
    try:
        found = email.utils.parsedate_to_datetime(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=datetime.UTC)
        return found.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
