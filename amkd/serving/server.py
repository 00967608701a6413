"""The HTTP side of a served student: a small endpoint of the Open Inference Protocol, version 2."""

import contextlib
import dataclasses
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

import amkd
from amkd.core import console, fault_place
from amkd.serving import messages
from amkd.serving.answering import Cascade

NAME = "student"
_LIMIT = 64 * 1024  # bytes of a request in addition to its numbers
_NUMBER = 8  # bytes of one number as JSON; a grey pixel needs 7 at most, "[255], "
_DISCARDED = 1 << 20  # bytes of a request that is too long, read so that the client sees why
_SILENT = 60.0  # seconds after which a connection without a request is closed


@dataclasses.dataclass(frozen=True)
class Model:
    """What is served.

    Attributes:
      cascade: answers images.
      version: distinguishes this student from others.
      shape: ``(H, W, C)`` of one image.
      classes: number of classes Y.
      max_batch: most images in one request.
    """

    cascade: Cascade
    version: str
    shape: tuple[int, ...]
    classes: int
    max_batch: int

    @property
    def longest(self) -> int:
        """Bytes of the longest request."""
        height, width, channels = self.shape
        return _LIMIT + _NUMBER * self.max_batch * height * width * channels


class Server(ThreadingHTTPServer):
    """Answers each connection in a thread of its own.

    Attributes:
      model: what is served.
    """

    daemon_threads = True  # an idle connection must not keep the process
    block_on_close = False

    def __init__(self, model: Model, host: str, port: int) -> None:
        """Binds the port; requests are answered from ``serve_forever`` on.

        Raises:
          OSError: the port cannot be opened.
        """
        self.model = model
        self._active, self._ending, self._change = 0, False, threading.Condition()
        super().__init__((host, port), _Handler)

    @contextlib.contextmanager
    def answering(self) -> Iterator[bool]:
        """Marks a request as in progress; yields whether it may still be answered."""
        with self._change:
            self._active += 1
            may_answer = not self._ending
        try:
            yield may_answer
        finally:
            with self._change:
                self._active -= 1
                self._change.notify_all()

    def drain(self) -> None:
        """Waits until no request is in progress: queries sent to the teacher are paid for."""
        with self._change:
            self._ending = True  # a body that is still read comes too late
            self._change.wait_for(lambda: not self._active)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: a client has gone."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = f"amkd/{amkd.__version__}"
    timeout = _SILENT

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: requests are frequent."""

    def do_GET(self) -> None:
        """Answers with facts about the server and its model."""
        model = self.server.model
        parts = self._parts()
        if parts == ["v2"]:
            told: Any = {
                "name": "amkd",
                "version": amkd.__version__,
                "extensions": ["binary_tensor_data"],
            }
        elif parts in (["v2", "health", "live"], ["v2", "health", "ready"]):
            told = {parts[-1]: True}
        elif parts == ["metrics"]:
            self._send(200, _metrics(model).encode(), {"Content-Type": "text/plain"})
            return
        elif (rest := self._of_model(parts)) == []:
            told = messages.metadata(NAME, model.version, model.shape, model.classes)
        elif rest == ["ready"]:
            told = {"name": NAME, "ready": True}
        else:
            self._fail(404, f"the path {self.path} does not exist; the model is /v2/models/{NAME}")
            return
        self._tell(200, told)

    def do_POST(self) -> None:
        """Answers images."""
        body = self._body()
        if body is None:
            return
        # Not while the body is read: clients may be slow.
        with self.server.answering() as may_answer:
            if not may_answer:
                self._refuse(503, "the server is about to end")
                return
            try:
                self._infer(body)
            except (ConnectionError, TimeoutError):  # the client has gone
                raise
            except Exception as error:
                console.mention(f"a request failed: {fault_place.describe(error)}", error=True)
                self._fail(500, f"the server failed ({type(error).__name__}): see its output")

    def _infer(self, body: bytes) -> None:
        if self._of_model(self._parts()) != ["infer"]:
            self._fail(404, f"the path {self.path} does not exist; use /v2/models/{NAME}/infer")
            return
        model = self.server.model
        try:
            length = self.headers.get(messages.LENGTH)
            request = messages.read(body, length, model.shape, model.max_batch)
        except messages.BadRequest as problem:
            self._fail(400, str(problem))
            return
        answered = model.cascade.answer(request.images)
        parameters = {
            "student": int((~answered.by_teacher).sum()),
            "teacher": int(answered.by_teacher.sum()),
            "teacher_images": ",".join(map(str, answered.by_teacher.nonzero()[0])),
        }
        if answered.notice:
            parameters["notice"] = answered.notice
        content, headers = messages.reply(
            request,
            answered.probabilities,
            model=NAME,
            version=model.version,
            parameters=parameters,
        )
        self._send(200, content, headers)

    def _body(self) -> bytes | None:
        """Reads the body; refuses what is too long, and what a web page sends."""
        length = self.headers.get("Content-Length", "")
        if "Origin" in self.headers:  # a page in a browser here must not spend the money
            self._refuse(403, "requests from web pages are not answered")
        elif not length.isdecimal():
            self._refuse(411, "the header Content-Length is missing")
        elif int(length) > self.server.model.longest:
            self.rfile.read(min(int(length), _DISCARDED))
            model = self.server.model
            self._refuse(
                413,
                f"a request has at most {model.max_batch} images (config.serve.max_batch) and"
                f" {model.longest:,} bytes",
            )
        else:
            return self.rfile.read(int(length))
        return None

    def _parts(self) -> list[str]:
        path = self.path.partition("?")[0].strip("/")
        return [unquote(part) for part in path.split("/")]

    def _of_model(self, parts: list[str]) -> list[str] | None:
        """Returns what follows the model and its version in a path; None for other paths."""
        model = ["v2", "models", NAME]
        for start in ([*model, "versions", self.server.model.version], model):
            if parts[: len(start)] == start:
                return parts[len(start) :]
        return None

    def _refuse(self, status: int, why: str) -> None:
        """Fails without reading the body, so that the connection must be closed."""
        self.close_connection = True
        self._fail(status, why)

    def _fail(self, status: int, why: str) -> None:
        self._tell(status, {"error": why})

    def _tell(self, status: int, told: Any) -> None:
        self._send(status, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _metrics(model: Model) -> str:
    """Returns the counts since the start, in the format of Prometheus."""
    told = dataclasses.asdict(model.cascade.counts)
    lines = [f"# TYPE amkd_served_{name}_total counter" for name in told]
    values = [f"amkd_served_{name}_total {count}" for name, count in told.items()]
    return "".join(f"{line}\n" for pair in zip(lines, values, strict=True) for line in pair)
