"""The secret of a service: read once, sent in one header, and shown nowhere."""

import base64
import os
import re
from pathlib import Path

import httpx

from amkd.core.errors import UserError
from amkd.core.redaction import Hidden
from amkd.teachers.http.connection import Connection, is_loopback

_FIELD = "config.teacher.http"
_NAME = re.compile("[A-Z]+(_[A-Z]+)+")  # a usual name; hardly a secret


class Credentials:
    """A header with a secret, or none; while this object exists, no message shows the secret.

    Attributes:
      headers: the header to send; empty without a secret.
      source: where the secret comes from, for error messages; it does not contain the value of a
        field, which may be the secret itself.
    """

    def __init__(self, *, header: str, scheme: str, secret: str, source: str) -> None:
        self.source = source
        self.headers: dict[str, str] = {}
        if secret:
            sent = (
                base64.b64encode(secret.encode()).decode()
                if _is_user_and_password(scheme, secret)
                else secret
            )
            self.headers[header] = f"{scheme} {sent}".strip()
            pair = _user_and_password(scheme, secret)
            self._hidden = Hidden(secret, sent, pair, pair.partition(":")[2])
        else:
            self._hidden = Hidden()

    def redact(self, text: str) -> str:
        """Replaces the secret in a text that is stored, such as the version of a model."""
        return self._hidden.redact(text)


def read(connection: Connection, url: httpx.URL) -> Credentials:
    """Reads the credentials that a connection names.

    Raises:
      UserError: the secret is missing, unusable, or would be sent unencrypted.
    """
    if connection.auth_env and connection.auth_file:
        raise UserError(
            f"{_FIELD}.auth_env and {_FIELD}.auth_file are both set: leave one of them empty"
        )
    if not (connection.auth_env or connection.auth_file):
        return Credentials(header="", scheme="", secret="", source="no credentials")
    if url.scheme == "http" and not is_loopback(url):
        raise UserError(
            f"{_FIELD}.url would send the secret unencrypted over the network: use https://"
        )
    secret, source = (
        _from_env(connection.auth_env) if connection.auth_env else _from_file(connection.auth_file)
    )
    if not (secret.isascii() and secret.isprintable()):
        raise UserError(
            f"{source} contains characters that a header cannot carry: it must be one line of"
            " printable ASCII characters"
        )
    return Credentials(
        header=connection.auth_header, scheme=connection.auth_scheme, secret=secret, source=source
    )


def _from_env(name: str) -> tuple[str, str]:
    if not name.isidentifier():  # it may be the secret itself, so it is not shown
        raise UserError(
            f"{_FIELD}.auth_env must be the name of an environment variable with the secret"
        )
    # A name such as VISION_KEY is shown. Any other text may be the secret itself.
    shown = f" ({name})" if _NAME.fullmatch(name) else ""
    secret = os.environ.get(name, "").strip()
    if not secret:
        raise UserError(
            f"{_FIELD}.auth_env names an environment variable{shown} that is not set or empty:"
            " export it"
        )
    return secret, f"the environment variable that {_FIELD}.auth_env names{shown}"


def _from_file(path: str) -> tuple[str, str]:
    secret = problem = ""
    try:
        secret = Path(path).expanduser().read_bytes().decode(errors="replace").strip()
    except OSError as error:
        problem = f"names a file that cannot be read ({error.strerror}): put the secret there"
    except (ValueError, RuntimeError):  # a null byte, or no such user behind ~
        problem = "is not the path of a file"
    if problem:  # raised here: the first error shows the path, which may be the secret itself
        raise UserError(f"{_FIELD}.auth_file {problem}")
    if not secret:
        raise UserError(f"{_FIELD}.auth_file names a file that is empty: put the secret there")
    return secret, f"the file that {_FIELD}.auth_file names"


def _is_user_and_password(scheme: str, secret: str) -> bool:
    """Returns whether a secret for ``Basic`` is not encoded yet; base64 has no colon."""
    return scheme.lower() == "basic" and ":" in secret


def _user_and_password(scheme: str, secret: str) -> str:
    """Returns a secret for ``Basic`` in decoded form, encoded or not; otherwise nothing."""
    if scheme.lower() != "basic" or ":" in secret:
        return secret if scheme.lower() == "basic" else ""
    try:
        return base64.b64decode(secret, validate=True).decode()
    except ValueError:
        return ""
