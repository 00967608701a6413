"""HTTP connections on which every attempt ends by a deadline, however slowly bytes arrive."""

import ssl
import threading
import time
import urllib.request
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from amkd.core.errors import UserError
from amkd.teachers.http import connection as connections
from amkd.teachers.http.connection import Connection

# Seconds. Servers usually hang up after 5, and a request sent at that moment may count as billed.
_KEEP_ALIVE = 2.0
_CHUNK = 65536  # bytes written between two looks at the clock

FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpx.DecodingError,
)
UNSENT = (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout, httpcore.ProxyError)


class Deadline(threading.local):
    """The end of the current thread's attempt, in seconds of the monotonic clock."""

    at = float("inf")

    def cap(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        """Shortens a timeout so that it ends by the deadline.

        Raises:
          httpcore.TimeoutException: ``error``, if the deadline has passed.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("timed out")
        return left if timeout is None else min(timeout, left)


class Transport(httpx.BaseTransport):
    """A pool of connections to one origin, through the environment's proxy if there is one."""

    def __init__(
        self, connection: Connection, url: httpx.URL, certificates: ssl.SSLContext
    ) -> None:
        self._deadline, self._seconds = Deadline(), connection.deadline
        self._timeouts = {
            "connect": connection.connect_timeout,
            "read": connection.read_timeout,
            "write": connection.read_timeout,
            "pool": connection.read_timeout,
        }
        options: dict[str, Any] = {
            "ssl_context": certificates,
            "max_connections": connection.in_flight,
            "keepalive_expiry": _KEEP_ALIVE,
            "network_backend": _Backend(self._deadline),
        }
        self._pool = _pool(_proxy(url), options)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Makes one attempt and reads the whole reply."""
        self._deadline.at = time.monotonic() + self._seconds
        url = request.url
        reply = self._pool.request(
            request.method,
            httpcore.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.read(),
            extensions={"timeout": self._timeouts},
        )
        return httpx.Response(reply.status, headers=reply.headers, content=reply.content)

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()


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
            f" none of HTTP: set it to one, or list {url.host} in NO_PROXY"
        )
    return found


def _pool(proxy: httpx.URL | None, options: dict[str, Any]) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(**options)
    auth = (proxy.username, proxy.password) if proxy.userinfo else None
    return httpcore.HTTPProxy(str(proxy.copy_with(userinfo=b"")), proxy_auth=auth, **options)


class _Backend(httpcore.NetworkBackend):
    """Opens connections that keep the deadline."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._plain = deadline, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        seconds = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        stream = self._plain.connect_tcp(host, port, seconds, local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore.NetworkStream):
    """A connection on which no wait goes beyond the deadline."""

    def __init__(self, plain: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._plain, self._deadline = plain, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        return self._plain.read(max_bytes, self._deadline.cap(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore."""
        for start in range(0, len(buffer), _CHUNK):
            seconds = self._deadline.cap(timeout, httpcore.WriteTimeout)
            self._plain.write(buffer[start : start + _CHUNK], seconds)

    def close(self) -> None:
        """See httpcore."""
        self._plain.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        seconds = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._plain.get_extra_info(info)
