"""Makes single attempts over HTTP/1.1; each ends at a deadline, however slowly bytes arrive.

A connection carries one request at a time and is never pipelined: the next request is sent only
after the previous reply was read to its end. If more bytes than that reply arrive, the connection
is closed. Cookies are neither kept nor sent.
"""

import ssl
import time
import urllib.request
from typing import Any, NamedTuple

import httpcore
import httpx

from amkd.core.errors import UserError
from amkd.core.redaction import Hidden, watch_logs
from amkd.teachers.http import connection as connections
from amkd.teachers.http import reply_body
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.reply_body import TooLarge, Undecodable
from amkd.teachers.http.streams import Backend, Deadline, Stream

# Seconds. Servers usually disconnect after 5; a request sent at that moment may count as billed.
_KEEP_ALIVE = 2.0
_ALWAYS = {"Accept": "*/*", "Accept-Encoding": reply_body.ENCODINGS, "User-Agent": "amkd"}

FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
)
UNSENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.ProxyError)


class Response(NamedTuple):
    """A complete reply.

    Attributes:
      status: its status.
      headers: its headers.
      body: its body, unpacked; empty if it is too large or damaged and the status is not 2xx.
    """

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is one of 2xx."""
        return 200 <= self.status < 300


class Transport:
    """A pool of connections to one origin, through the environment's proxy if there is one."""

    def __init__(
        self, connection: Connection, url: httpx.URL, certificates: ssl.SSLContext
    ) -> None:
        watch_logs()
        self._deadline, self._seconds = Deadline(), connection.deadline
        self._headers = dict(_ALWAYS)
        if connection.fresh_connections:
            self._headers["Connection"] = "close"
        self._timeouts = {
            "connect": connection.connect_timeout,
            "read": connection.read_timeout,
            "write": connection.read_timeout,
            "pool": connection.read_timeout,
        }
        options: dict[str, Any] = {
            "ssl_context": certificates,
            "max_connections": connection.in_flight,
            "max_keepalive_connections": 0 if connection.fresh_connections else None,
            "keepalive_expiry": _KEEP_ALIVE,
            "network_backend": Backend(self._deadline),
        }
        proxy = _proxy(url)
        self._hidden = Hidden(proxy.password if proxy else "")
        self._pool = _pool(proxy, options)

    def send(
        self, method: str, url: httpx.URL, *, headers: dict[str, str], content: bytes, limit: int
    ) -> Response:
        """Makes one attempt and reads the whole reply.

        Args:
          method: HTTP method.
          url: the address.
          headers: headers of the request.
          content: body of the request.
          limit: maximum number of bytes of the reply's body.

        Raises:
          httpcore exceptions (``FAILURES``): no complete reply came.
          TooLarge: a reply with a status of 2xx is larger than the limit.
          Undecodable: the body of such a reply cannot be unpacked.
        """
        self._deadline.at = time.monotonic() + self._seconds
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        with self._pool.stream(
            method,
            target,
            headers=list({**self._headers, **headers}.items()),
            content=content or None,
            extensions={"timeout": self._timeouts},
        ) as reply:
            return _read(reply, limit)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()


def _read(reply: httpcore.Response, limit: int) -> Response:
    """Reads a reply; closes its connection if bytes of another reply follow."""
    found = Response(reply.status, httpx.Headers(reply.headers), b"")
    try:
        body = reply_body.read(
            reply.iter_stream(),
            encoding=found.headers.get("Content-Encoding", ""),
            length=found.headers.get("Content-Length", ""),
            limit=limit,
        )
    except (TooLarge, Undecodable):  # this closes the connection: the reply is not at its end
        if found.is_success:
            raise
        return found
    stream = reply.extensions.get("network_stream")
    if isinstance(stream, Stream) and stream.surplus:
        stream.close()
    return found._replace(body=body)


def _proxy(url: httpx.URL) -> httpx.URL | None:
    """Returns the environment's proxy for an address; None for this machine's own services."""
    if connections.is_loopback(url) or urllib.request.proxy_bypass(url.host):
        return None
    proxies = urllib.request.getproxies()
    text = proxies.get(url.scheme) or proxies.get("all")
    if not text:
        return None
    found = connections.parsed(text if "://" in text else f"http://{text}")
    if found is None or found.scheme not in ("http", "https"):  # not quoted: it may hold a password
        raise UserError(
            f"the environment's proxy for {url.scheme} ({url.scheme.upper()}_PROXY or ALL_PROXY) is"
            f" not an HTTP proxy: set it to one, or list {url.host} in NO_PROXY"
        )
    return found


def _pool(proxy: httpx.URL | None, options: dict[str, Any]) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(**options)
    auth = (proxy.username, proxy.password) if proxy.userinfo else None
    return httpcore.HTTPProxy(str(proxy.copy_with(userinfo=b"")), proxy_auth=auth, **options)
