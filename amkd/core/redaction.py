"""Keeps secrets out of messages, logs and files, whatever the encoding in which a text has them."""

import base64
import logging
import re
import threading
import weakref
from urllib.parse import urlsplit

_SHORTEST_CODED = 6  # characters of base64 or hexadecimal: fewer would match by chance
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_LOGGERS = ("connection", "http11", "http2", "proxy", "socks")  # of httpcore


class Hidden:
    """Secrets that :func:`redact` replaces as long as this object lives; it shows none of them."""

    def __init__(self, *secrets: str) -> None:
        """Hides secrets from now on; an empty one is ignored."""
        forms = [form for secret in {*secrets, ""} - {""} for form in _forms(secret)]
        forms.sort(key=len, reverse=True)
        self._pattern = re.compile("|".join(forms), re.IGNORECASE) if forms else None
        global _known
        with _ADDING:
            _known = (*(one for one in _known if one() is not None), weakref.ref(self))

    def redact(self, text: str) -> str:
        """Replaces every spelling of these secrets in a text by ``***``."""
        return self._pattern.sub("***", text) if self._pattern else text


_known: tuple[weakref.ref[Hidden], ...] = ()  # replaced as a whole, and read without a lock
_ADDING = threading.Lock()


def redact(text: str) -> str:
    """Replaces every spelling of every hidden secret in a text by ``***``.

    It takes no lock. The garbage collector may run a finalizer that logs, and so redacts, in the
    middle of another redaction of the same thread.
    """
    for known in _known:
        hidden = known()
        if hidden is not None:
            text = hidden.redact(text)
    return text


def bare_url(text: str) -> str:
    """Returns an address without user, password, query and fragment; empty if it is not one."""
    try:
        found = urlsplit(text)
    except ValueError:
        return ""
    host = found.netloc.rpartition("@")[2]
    return f"{found.scheme}://{host}{found.path}" if found.scheme and host else ""


def watch_logs() -> None:
    """Redacts what httpcore logs: it logs the headers of replies, which may repeat a secret."""
    for name in _LOGGERS:
        logger = logging.getLogger(f"httpcore.{name}")
        if _FILTER not in logger.filters:
            logger.addFilter(_FILTER)


class _Filter(logging.Filter):
    """Redacts log records; lets all of them through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True


_FILTER = _Filter()


def _forms(secret: str) -> list[str]:
    """Returns patterns of a secret: as text, in base64, in hexadecimal."""
    plain = secret.encode(errors="replace")
    forms = ["".join(map(_as_text, secret))]
    for before in range(3):  # base64 has three forms, depending on what precedes the secret
        coded = base64.b64encode(bytes(before) + plain).decode()
        # Characters that also depend on the text around the secret are left out.
        core = coded[-(-8 * before // 6) : 8 * (before + len(plain)) // 6]
        if len(core) >= _SHORTEST_CODED:
            forms.append(r"\s{0,2}".join(map(_as_base64, core)) + "[A-Za-z0-9+/_-]{0,2}=*")
    if len(plain.hex()) >= _SHORTEST_CODED:
        forms.append(plain.hex())
    return forms


def _as_text(character: str) -> str:
    """Returns a pattern of a character: itself, or as URL, HTML, JSON or Python write it."""
    if character.isalnum():
        return re.escape(character)
    code = ord(character)
    forms = [
        rf"&(?:amp;)*#0*{code};?",
        rf"&(?:amp;)*#x0*{code:x};?",
        rf"\\+u{code:04x}",
        rf"\\+x{code:02x}",
        "".join(rf"%(?:25)*{byte:02x}" for byte in character.encode(errors="replace")),
        re.escape(character),
    ]
    if character in _ENTITIES:
        forms.insert(0, f"&(?:amp;)*{_ENTITIES[character]};?")
    if character.isspace():
        forms.append(r"\+|\s+")
    return rf"(?:\\u005c|%5c|\\)*(?:{'|'.join(forms)})"


def _as_base64(character: str) -> str:
    """Returns a pattern of a character of base64, in either of its alphabets."""
    other = {"+": "-", "/": "_"}.get(character)
    return f"(?:{_as_text(character)}|{other})" if other else character
