"""How a service is reached, and the checks of its address."""

import dataclasses
import ipaddress
import re
from typing import NamedTuple

import httpx

from amkd.config.teacher_services import HttpSettings
from amkd.core.errors import UserError
from amkd.core.redaction import Hidden
from amkd.teachers.http.placeholders import MODEL, REGION

_FIELD = "config.teacher.http"
_SECRET_PARAMETER = re.compile(
    r"key|token|secret|passw|pwd|credential|auth|signature|^sig$|^code$", re.IGNORECASE
)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Minimum length of a mix of letters and digits in an address that may be a token.
_TOKEN_IN_QUERY, _TOKEN_IN_PATH = 8, 20


class Connection(NamedTuple):
    """How a service is reached: ``config.teacher.http`` and ``config.teacher.in_flight``.

    Attributes:
      url: ``http(s)://host[:port][/prefix]``; for a JSON service the whole address of its endpoint.
      connect_timeout: seconds to wait for a connection.
      read_timeout: seconds to wait for the next bytes; one attempt takes at most both timeouts
        together.
      auth_header: the header that carries the secret, such as ``Authorization`` or ``X-Api-Key``.
      auth_scheme: the word before the secret, such as ``Bearer`` or ``Basic``; empty for none.
      auth_env: name of the environment variable that contains the secret; empty for none.
      auth_file: file that contains the secret; empty for none.
      ca_file: certificates to trust in addition to the system's, in PEM; empty for none.
      idempotency_header: the header that carries a request's key; empty for none.
      fresh_connections: whether each request has its own connection.
      max_reply_mib: maximum size of a reply in MiB; 0 for a limit that depends on the request.
      headers: further headers, as a JSON object; empty for none.
      busy: words, with commas, by which a reply of status 4xx shows that the service is busy.
      aws_service: the service that requests are signed for by AWS Signature 4; empty for none.
      aws_region: its region.
      in_flight: maximum number of requests at the same time.
    """

    url: str
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"
    auth_env: str = ""
    auth_file: str = ""
    ca_file: str = ""
    idempotency_header: str = "Idempotency-Key"
    fresh_connections: bool = False
    max_reply_mib: float = 0.0
    headers: str = ""
    busy: str = ""
    aws_service: str = ""
    aws_region: str = ""
    in_flight: int = 1

    @property
    def deadline(self) -> float:
        """Seconds after which an attempt is given up, even if bytes still arrive."""
        return self.connect_timeout + self.read_timeout


def connection_of(http: HttpSettings, in_flight: int, model: str = "") -> Connection:
    """Returns the configured connection.

    Args:
      http: its settings.
      in_flight: number of requests at the same time.
      model: the text that replaces ``$model`` in the address.
    """
    named = http.url.replace(MODEL, model).replace(REGION, http.aws_region)
    return Connection(**{**dataclasses.asdict(http), "url": named}, in_flight=in_flight)


def address(connection: Connection) -> httpx.URL:
    """Returns the address of a service after checks; no error quotes it, as it may hold a secret.

    Raises:
      UserError: the address, a timeout or a header's name is unusable, or the address contains
        a secret, which logs and errors would show.
    """
    url = parsed(connection.url)
    if url is None:  # not quoted: a broken address may contain a password
        raise UserError(f"{_FIELD}.url is not an address: write it as https://host:port/path")
    if url.userinfo:
        raise UserError(
            f"{_FIELD}.url has a user or password before its host, where logs would show it:"
            f" remove it and set {_FIELD}.auth_scheme=Basic with 'user:password' in the variable"
            f" that {_FIELD}.auth_env names"
        )
    for name in url.params:
        if found := _SECRET_PARAMETER.search(name):
            # The name may be the secret itself, if it has no value.
            shown = name if re.fullmatch("[a-z_-]+", name, re.IGNORECASE) else f"...{found[0]}..."
            raise UserError(
                f"{_FIELD}.url has the parameter {shown!r}, which looks like a secret that logs"
                f" would show: remove it and send it as a header with {_FIELD}.auth_header and"
                f" {_FIELD}.auth_env"
            )
    if url.scheme not in ("http", "https") or not url.host:
        raise UserError(f"{_FIELD}.url must be written as http(s)://host[:port][/path]")
    _check_numbers(connection)
    _check_headers(connection)
    return url


def tokens(url: httpx.URL) -> Hidden:
    """Hides from messages what may be a token in an address: in its query, fragment or path."""
    query = [part for pair in url.params.multi_items() for part in pair] + [url.fragment]
    found = [part for part in query if _may_be_token(part, _TOKEN_IN_QUERY)]
    found += [part for part in url.path.split("/") if _may_be_token(part, _TOKEN_IN_PATH)]
    return Hidden(*found)


def _may_be_token(text: str, length: int) -> bool:
    mixed = any(map(str.isdigit, text)) and any(map(str.isalpha, text))
    return mixed and len(text) >= length


def parsed(text: str) -> httpx.URL | None:
    """Parses an address; returns None for a bad one, since an exception would show the text."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL:
        return None


def _check_numbers(connection: Connection) -> None:
    for name in ("connect_timeout", "read_timeout"):
        if not 0 < (seconds := getattr(connection, name)) < float("inf"):
            raise UserError(f"{_FIELD}.{name}={seconds} must be a positive number of seconds")
    if connection.in_flight < 1:
        raise UserError(f"config.teacher.in_flight={connection.in_flight} must be at least 1")
    if not 0 <= connection.max_reply_mib < float("inf"):
        raise UserError(
            f"{_FIELD}.max_reply_mib={connection.max_reply_mib} must be a positive number of MiB,"
            " or 0 for a limit that depends on the request"
        )


def _check_headers(connection: Connection) -> None:
    """Refuses what cannot be the name of a header; it is not shown: it may be the secret."""
    used = connection.auth_header or connection.auth_env or connection.auth_file
    if used and not _HEADER_NAME.fullmatch(connection.auth_header):
        raise UserError(
            f"{_FIELD}.auth_header is not the name of a header; 'Authorization' and 'X-Api-Key' are"
            " usual"
        )
    if connection.auth_scheme and not _HEADER_NAME.fullmatch(connection.auth_scheme):
        raise UserError(
            f"{_FIELD}.auth_scheme must be one word, such as 'Bearer', or empty; it never contains"
            " the secret"
        )
    name = connection.idempotency_header
    if name and not _HEADER_NAME.fullmatch(name):
        raise UserError(
            f"{_FIELD}.idempotency_header is not the name of a header; 'Idempotency-Key' is usual,"
            " and an empty text sends no such header"
        )
    if name and name.lower() == connection.auth_header.lower():
        raise UserError(
            f"{_FIELD}.idempotency_header and {_FIELD}.auth_header are the same: use another"
            " header for the first, or leave it empty"
        )


def is_loopback(url: httpx.URL) -> bool:
    """Returns whether an address is on this machine."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return False


def place(url: httpx.URL) -> str:
    """Returns host, port and path of an address, the part that goes into an identity."""
    return url.netloc.decode() + url.path.rstrip("/")
