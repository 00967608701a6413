"""Connections that end every wait at a deadline, and never mix bytes of two replies."""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from amkd.teachers.http.reply_end import ReplyEnd

_CHUNK = 65536  # bytes written between two checks of the clock


class Deadline(threading.local):
    """The time when the current thread's attempt must end, in seconds of the monotonic clock."""

    at = float("inf")

    def cap(self, timeout: float | None, error: type[httpcore.TimeoutException]) -> float:
        """Shortens a timeout so that it ends at the deadline.

        Raises:
          httpcore.TimeoutException: ``error``, if the deadline has passed.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("timed out")
        return left if timeout is None else min(timeout, left)


class Backend(httpcore.NetworkBackend):
    """Opens connections that respect the deadline."""

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
        return Stream(stream, self._deadline)


class Stream(httpcore.NetworkStream):
    """A connection that respects the deadline, and detects surplus bytes after a reply."""

    def __init__(self, plain: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._plain, self._deadline = plain, deadline
        self._reply: ReplyEnd | None = None  # None while a request is written
        self._closed = False

    @property
    def surplus(self) -> bool:
        """Whether bytes came after the reply that was read last."""
        return self._reply is not None and self._reply.surplus

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        found = self._plain.read(max_bytes, self._deadline.cap(timeout, httpcore.ReadTimeout))
        self._reply = self._reply or ReplyEnd()
        self._reply.follow(found)
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore.

        Raises:
          httpcore.ConnectError: the connection is closed; nothing was sent.
        """
        if self._closed:
            raise httpcore.ConnectError("the connection was closed after its last reply")
        self._reply = None
        for start in range(0, len(buffer), _CHUNK):
            seconds = self._deadline.cap(timeout, httpcore.WriteTimeout)
            self._plain.write(buffer[start : start + _CHUNK], seconds)

    def close(self) -> None:
        """See httpcore."""
        self._closed = True
        self._plain.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        seconds = self._deadline.cap(timeout, httpcore.ConnectTimeout)
        return Stream(self._plain.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore.

        httpcore closes an idle connection that has bytes to read. A thread may check this while
        another thread uses the connection: bytes of a reply that is still being read do not count.
        """
        found = self._plain.get_extra_info(info)
        if info != "is_readable":
            return found
        return found and (self._closed or (self._reply is not None and self._reply.ended))
