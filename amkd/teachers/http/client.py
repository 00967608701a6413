"""Sends one request to a service; returns the reply, or raises the reason why there is none."""

import json
import ssl
import weakref
from typing import Any, NamedTuple

import httpcore
import httpx
import tenacity

from amkd.core.errors import UserError
from amkd.core.redaction import redact
from amkd.teachers import Refused, Unanswered
from amkd.teachers.http import connection as connections
from amkd.teachers.http import credentials, headers
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.reply_body import TooLarge, Undecodable
from amkd.teachers.http.retry_after import seconds_to_wait
from amkd.teachers.http.signing import Signer
from amkd.teachers.http.transport import FAILURES, UNSENT, Response, Transport

_FIELD = "config.teacher.http"
_EXCERPT = 200  # characters of a reply that an error shows
_UNACCEPTED = (
    "if it answers other requests, it does not accept an image of this one; if it answers none,"
    " check the form of the request and the input of the model"
)
_READ_FOR_EXCERPT = 2**18  # bytes of a reply that are searched for it
# Bytes of a reply: to any request, for each image, and for the score of each class.
_ANY_REPLY, _PER_IMAGE, _PER_SCORE = 2**22, 2**16, 2**10
_SLACK = 30.0  # seconds: the lookup of a host's name has no timeout


class Asked(NamedTuple):
    """What a request asks for.

    Attributes:
      images: how many images it contains.
      classes: number of classes for which it asks for scores.
      key: a name that only requests of one run with the same images have.
    """

    images: int = 0
    classes: int = 0
    key: str = ""


_METADATA = Asked()


class Reply(NamedTuple):
    """A reply with a status of 2xx."""

    body: bytes
    headers: httpx.Headers

    def json(self) -> Any:
        """Parses the body as JSON.

        Raises:
          Unanswered: the body is complete, but is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unanswered(
                f"the reply is not JSON ({type(error).__name__}, {len(self.body)} bytes)",
                billed=True,
                whole=True,
            ) from None


class Client:
    """The connections to one service; any number of threads may use it at once.

    They are closed by ``close()``, or when the interpreter ends.

    Attributes:
      place: host, port and path of the service.
      patience: seconds after which an attempt has certainly ended.
      redact: replaces the secret in a text that is stored.
      close: closes the connections.
    """

    def __init__(self, connection: Connection) -> None:
        self._url = connections.address(connection)
        self._credentials = credentials.read(connection, self._url)
        self._tokens = connections.tokens(self._url)
        self._connection = connection
        self._further = headers.configured(connection.headers)
        self._signer = Signer(connection, self._url) if connection.aws_service else None
        self._busy = [word for word in map(str.strip, connection.busy.split(",")) if word]
        self.place = connections.place(self._url)
        # The connect timeout counts twice: a host may have two addresses.
        self.patience = connection.deadline + connection.connect_timeout + _SLACK
        self.redact = self._credentials.redact
        self._transport = Transport(connection, self._url, _certificates(connection.ca_file))
        self.close = weakref.finalize(self, self._transport.close)

    def get(self, path: str) -> Any:
        """Gets JSON from a path below the service's address, with retries: metadata is free.

        Raises:
          UserError: the service does not answer with JSON.
        """
        try:
            return _METADATA_TRIES(lambda: self.send("GET", path).json())
        except Unanswered as error:
            raise UserError(
                f"{_FIELD}.url: {self.place} does not describe its model ({path}):"
                f" {error.reason}; check that the service runs there and is ready"
            ) from None

    def post(
        self, path: str, content: bytes, given: dict[str, str] | None = None, *, asked: Asked
    ) -> Reply:
        """Makes one attempt to have images answered, with these headers; see :meth:`send`."""
        given = {"Content-Type": "application/json", **(given or {})}
        if self._connection.idempotency_header:
            given[self._connection.idempotency_header] = asked.key
        return self.send("POST", path, content=content, given=given, asked=asked)

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes = b"",
        given: dict[str, str] | None = None,
        asked: Asked = _METADATA,
    ) -> Reply:
        """Makes one attempt.

        Args:
          method: HTTP method.
          path: path below the service's address; empty for the address itself.
          content: body of the request.
          given: headers in addition to those with the secret and those of the configuration.
          asked: what the request asks for; the size of the reply is limited by it.

        Raises:
          Unanswered: the attempt failed, and another may succeed.
          UserError: no other attempt will succeed.
        """
        url = (
            self._url
            if not path
            else self._url.copy_with(path=f"{self._url.path.rstrip('/')}/{path}")
        )
        sent = headers.joined(given or {}, self._further, self._credentials.headers)
        if self._signer:
            sent |= self._signer.headers(method, url, sent, content)
        limit = self._limit(asked)
        try:
            response = self._transport.send(method, url, headers=sent, content=content, limit=limit)
        except TooLarge:
            raise UserError(
                f"{self.place} answered with more than {limit / 2**20:.3g} MiB, the limit for a"
                f" reply; if its replies are larger, increase {_FIELD}.max_reply_mib or decrease"
                " config.teacher.batch"
            ) from None
        except Undecodable as error:
            raise Unanswered(
                f"the reply cannot be read: {error}", billed=True, whole=True
            ) from None
        except FAILURES as error:
            raise self._failure(error) from None
        if not response.is_success:
            raise self._refusal(response)
        return Reply(response.body, response.headers)

    def _limit(self, asked: Asked) -> int:
        """Returns the maximum number of bytes of a reply."""
        if self._connection.max_reply_mib:
            return int(self._connection.max_reply_mib * 2**20)
        return _ANY_REPLY + asked.images * (_PER_IMAGE + asked.classes * _PER_SCORE)

    def _failure(self, error: Exception) -> Exception:
        """Returns the error for an attempt without a complete reply."""
        if isinstance(error, httpcore.ConnectError) and (fault := _certificate_fault(error)):
            return UserError(
                f"the certificate of {self.place} cannot be verified ({fault}): if its authority is"
                f" your own, set {_FIELD}.ca_file to the authority's certificate"
            )
        details = redact(str(error))[:_EXCERPT] or "no details"
        reason = f"{type(error).__name__}: {details}"
        if isinstance(error, httpcore.TimeoutException):
            connection = self._connection
            reason += (
                f" ({_FIELD}.connect_timeout={connection.connect_timeout:.10g},"
                f" .read_timeout={connection.read_timeout:.10g})"
            )
        return Unanswered(reason, billed=not isinstance(error, UNSENT))

    def _refusal(self, response: Response) -> Exception:
        """Returns the error for a reply whose status is not 2xx."""
        status, after = response.status, seconds_to_wait(response.headers)
        reason = f"{self.place} answered with status {status}{_excerpt(response.body)}"
        if self._is_busy(response):
            return Unanswered(reason, billed=False, after=after)
        if status >= 500 or status == 408:  # 408: the request came too slowly
            return Unanswered(reason, billed=True, after=after)
        return Refused(f"{reason}; {self._remedy(response)}", of_image=status in (400, 422))

    def _is_busy(self, response: Response) -> bool:
        """Returns whether a service reports that it has done no work, but may do it later."""
        status = response.status
        # 409: it is busy with the same request; 425: too early. In both cases, no work was done.
        if status in (409, 425, 429) or (status == 503 and "Retry-After" in response.headers):
            return True
        return 400 <= status < 500 and any(word.encode() in response.body for word in self._busy)

    def _remedy(self, response: Response) -> str:
        status = response.status
        if 300 <= status < 400:
            target = response.headers.get("Location", "")
            return (
                f"it redirects to {_host(target)!r}, which is not followed: set {_FIELD}.url to the"
                " final address"
            )
        return {
            400: _UNACCEPTED,
            401: f"it does not accept the credentials: {self._credentials.source}; check"
            f" {_FIELD}.auth_header and {_FIELD}.auth_scheme, too",
            403: f"these credentials do not allow the request: {self._credentials.source}",
            404: f"there is no such model or address: check {_FIELD}.url and the model's name and"
            " version",
            413: "the request is too large for it: decrease config.teacher.batch",
            422: _UNACCEPTED,
        }.get(
            status,
            f"another attempt will not help: check {_FIELD}.url and the service's documentation",
        )


def _excerpt(body: bytes) -> str:
    """Returns the first words of a reply in brackets, without secrets; empty for no reply."""
    words = redact(body[:_READ_FOR_EXCERPT].decode(errors="replace")).split()
    text = "".join(c if c.isprintable() else "?" for c in " ".join(words))
    return f" ({text[:_EXCERPT]}{'...' if len(text) > _EXCERPT else ''})" if text else ""


def _pause(state: tenacity.RetryCallState) -> float:
    """Returns the seconds before the next attempt for metadata: as the service asks, at most 10."""
    error = state.outcome.exception() if state.outcome else None
    return min(getattr(error, "after", None) or 0.25 * 2**state.attempt_number, 10.0)


_METADATA_TRIES = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(Unanswered),
    stop=tenacity.stop_after_attempt(3),
    wait=_pause,
    reraise=True,
)


def _certificates(ca_file: str) -> ssl.SSLContext:
    """Returns a context that trusts the system's certificates and those of a file."""
    context = ssl.create_default_context()
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise UserError(
                f"{_FIELD}.ca_file={ca_file!r} cannot be read as certificates in PEM"
                f" ({type(error).__name__})"
            ) from error
    return context


def _certificate_fault(error: BaseException | None) -> str:
    """Returns why a certificate was not trusted; empty if that was not the problem."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""


def _host(location: str) -> str:
    try:
        return httpx.URL(location).host
    except httpx.InvalidURL:
        return ""
