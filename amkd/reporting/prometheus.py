"""Serves the progress of a run to Prometheus from a port of this machine."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from amkd.core.errors import UserError
from amkd.reporting.progress import RunProgress

_HOST = "127.0.0.1"
_SILENT = 10.0  # seconds after which a connection without a request is closed
_GAUGES = {
    "rounds": "number of the last round",
    "done": "work of this phase that is done",
    "total": "work of this phase, 0 if not known",
    "queries": "answers used for distillation",
    "budget": "largest number of queries of the run",
    "evaluation_queries": "answers on the evaluation images",
}


def text(progress: RunProgress) -> str:
    """Returns all values, in Prometheus' text format."""
    told, now = progress.facts(), progress.state
    rows = [(name, meaning, "", told[name]) for name, meaning in _GAUGES.items()]
    rows += [
        ("round", "the round; -1 before the first", "", -1 if now.round is None else now.round),
        ("phase", "1 for the current phase of the run", _label("phase", now.phase), 1),
        (
            "spent",
            "amount that may have been billed",
            _label("currency", told["currency"]),
            told["spent"],
        ),
        ("advanced_timestamp_seconds", "time when the work last advanced", "", now.advanced),
    ]
    return "".join(
        f"# HELP amkd_run_{name} {meaning}\n# TYPE amkd_run_{name} gauge\n"
        f"amkd_run_{name}{label} {value}\n"
        for name, meaning, label, value in rows
    )


def _label(name: str, value: str) -> str:
    plain = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{{name}="{plain}"}}'


@contextlib.contextmanager
def served(progress: RunProgress, port: int) -> Iterator[None]:
    """Answers ``http://127.0.0.1:PORT/metrics`` during the run.

    Args:
      progress: records the progress of the run.
      port: 0 for none.

    Raises:
      UserError: the port cannot be opened.
    """
    if not port:
        yield
        return
    try:
        server = _Server(lambda: text(progress), port)
    except OSError as error:
        raise UserError(
            f"config.report.prometheus_port={port}: cannot be opened ({error.strerror}); choose"
            " another port, or 0 for none"
        ) from error
    with server:
        threading.Thread(target=server.serve_forever, name="prometheus", daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, text: Callable[[], str], port: int) -> None:
        self.text = text
        super().__init__((_HOST, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: a client has disconnected."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SILENT

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: there are many requests."""

    def do_GET(self) -> None:
        """Answers with the values."""
        found = self.path.partition("?")[0] == "/metrics"
        content = self.server.text().encode() if found else b"there is only /metrics\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
