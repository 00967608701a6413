"""The secret of a service: read once, put into one header, and shown nowhere else."""

import base64
import json
import os
import re
from pathlib import Path
from urllib.parse import quote

import httpx

from amkd.core.errors import UserError
from amkd.teachers.http.connection import Connection, is_loopback

_FIELD = "config.teacher.http"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Credentials:
    """A header with a secret in it, or none; its ``repr`` shows no secret.

    Attributes:
      headers: the header to send; empty without a secret.
      source: where the secret comes from, for error messages.
    """

    def __init__(self, *, header: str, scheme: str, secret: str, source: str) -> None:
        self.source = source
        self.headers: dict[str, str] = {}
        self._secrets: list[str] = []
        if secret:
            sent = (
                base64.b64encode(secret.encode()).decode()
                if _is_user_and_password(scheme, secret)
                else secret
            )
            self.headers[header] = f"{scheme} {sent}".strip()
            self._secrets = _spellings(secret, sent)

    def redact(self, text: str) -> str:
        """Replaces every spelling of the secret in a text by ``***``."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def read(connection: Connection, url: httpx.URL) -> Credentials:
    """Reads the credentials that a connection names.

    Raises:
      UserError: the secret is missing, unusable, or would travel unencrypted.
    """
    if connection.auth_env and connection.auth_file:
        raise UserError(
            f"{_FIELD}.auth_env and {_FIELD}.auth_file are both set: leave one of them empty"
        )
    if not (connection.auth_env or connection.auth_file):
        return Credentials(header="", scheme="", secret="", source="no credentials")
    if url.scheme == "http" and not is_loopback(url):
        raise UserError(
            f"{_FIELD}.url={connection.url!r} would send the secret unencrypted over the network:"
            " use https://"
        )
    _check_header(connection)
    secret, source = (
        _from_env(connection.auth_env) if connection.auth_env else _from_file(connection.auth_file)
    )
    if not (secret.isascii() and secret.isprintable()):
        raise UserError(
            f"{source} holds something that no header can carry: it must be one line of plain"
            " characters"
        )
    return Credentials(
        header=connection.auth_header, scheme=connection.auth_scheme, secret=secret, source=source
    )


def _from_env(name: str) -> tuple[str, str]:
    if not name.isidentifier():  # it may be the secret itself, so it is not shown
        raise UserError(
            f"{_FIELD}.auth_env must be the name of an environment variable that holds the secret"
        )
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise UserError(
            f"{_FIELD}.auth_env={name!r}: the environment variable {name} is not set or empty;"
            " export it"
        )
    return secret, f"the environment variable {name} ({_FIELD}.auth_env)"


def _from_file(path: str) -> tuple[str, str]:
    try:
        secret = Path(path).expanduser().read_bytes().decode(errors="replace").strip()
    except OSError as error:
        raise UserError(
            f"{_FIELD}.auth_file={path!r} cannot be read ({error.strerror}): put the secret there"
        ) from error
    if not secret:
        raise UserError(f"{_FIELD}.auth_file={path!r} is empty: put the secret there")
    return secret, f"the file {path} ({_FIELD}.auth_file)"


def _check_header(connection: Connection) -> None:
    if not _HEADER_NAME.fullmatch(connection.auth_header):
        raise UserError(
            f"{_FIELD}.auth_header={connection.auth_header!r} is no name of a header;"
            " 'Authorization' and 'X-Api-Key' are usual"
        )
    if connection.auth_scheme and not _HEADER_NAME.fullmatch(connection.auth_scheme):
        raise UserError(
            f"{_FIELD}.auth_scheme must be one word, such as 'Bearer', or empty; it never holds the"
            " secret"
        )


def _is_user_and_password(scheme: str, secret: str) -> bool:
    """Tells whether a secret for ``Basic`` is not encoded yet; base64 has no colon."""
    return scheme.lower() == "basic" and ":" in secret


def _spellings(secret: str, sent: str) -> list[str]:
    """Returns the forms in which a reply may repeat the secret, longest first."""
    parts = {secret, sent}
    if secret != sent:  # user:password
        parts.add(secret.partition(":")[2])
    spelt = {
        form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1])
    }
    return sorted(spelt - {""}, key=len, reverse=True)
