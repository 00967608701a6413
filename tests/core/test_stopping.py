"""The first signal is noted, and the second one ends the process, even where a request hangs."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.http_services import serve

HANGS = """
import sys, pathlib
from amkd import ledger
from amkd.core.stopping import Stopped, StopSignal
from amkd.config.teacher_services import Template
from tests.support.faulty_server import JSON
from tests.support.http_services import connection, json_teacher, random_images
from tests.support.scripted_teacher import ask, client_of
import dataclasses
stop = StopSignal().install()
teacher = json_teacher(connection(sys.argv[1], read_timeout=60.0), Template(**JSON))
book = ledger.Ledger(pathlib.Path(sys.argv[2]))
client = dataclasses.replace(client_of(book, teacher.ask), classes=3)
print("ready", flush=True)

def note(step):
    if stop.requested:
        print("noted", flush=True)
    stop.check()

ask(client, random_images(1), note)
"""
BUSY = """
from amkd.core.stopping import StopSignal
import ctypes
stop = StopSignal().install()
print("ready", flush=True)
while not stop.requested:
    pass
print("noted", flush=True)
ctypes.CDLL(None).sleep(60)  # goes on sleeping whatever Python's handlers do
"""


@contextlib.contextmanager
def started(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Yields a process that has said that it is ready; it does not outlive the ``with``."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_request_that_hangs(second: signal.Signals, tmp_path: Path) -> None:
    with (
        serve("hang") as server,
        started(HANGS, server.json_url, str(tmp_path / "ledger.sqlite")) as process,
    ):
        until = time.monotonic() + 60
        while not server.requests and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert server.requests
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None and process.stdout.readline() == "noted\n"
        time.sleep(0.2)
        assert process.poll() is None  # what is in flight is awaited
        process.send_signal(second)
        process.communicate(timeout=30)  # the request hangs for longer
    assert process.returncode == -second


def test_a_second_signal_ends_what_is_no_python() -> None:
    with started(BUSY) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None and process.stdout.readline() == "noted\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)  # its sleep is longer
    assert process.returncode == -signal.SIGTERM


def test_ctrl_c_is_answered_at_once_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"noted\n"
        assert b"a second Ctrl-C ends it at once" in os.read(ours, 1000)
    finally:
        process.kill()
        process.communicate()
        os.close(ours)
        os.close(theirs)
