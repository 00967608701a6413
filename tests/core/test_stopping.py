"""The first signal is noted, and the second one ends the process, even where a request hangs."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.http_services import serve

HANGS = """
import sys, pathlib
from amkd import ledger
from amkd.core.stopping import Stopped, StopSignal
from amkd.config.teacher_services import Template
from tests.support.faulty_server import JSON
from tests.support.http_services import connection, json_teacher, pictures
from tests.support.scripted_teacher import ask, client_of
import dataclasses
stop = StopSignal().install()
teacher = json_teacher(connection(sys.argv[1], read_timeout=60.0), Template(**JSON))
book = ledger.Ledger(pathlib.Path(sys.argv[2]))
client = dataclasses.replace(client_of(book, teacher.ask), classes=3)
print("ready", flush=True)
ask(client, pictures(1), lambda step: stop.check())
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


def start(code: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_request_that_hangs(second: signal.Signals, tmp_path: Path) -> None:
    with serve("hang") as server:
        process = start(HANGS, server.json_url, str(tmp_path / "ledger.sqlite"))
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        until = time.monotonic() + 60
        while not server.requests and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert server.requests
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None  # what is in flight is awaited
        began = time.monotonic()
        process.send_signal(second)
        process.communicate(timeout=30)
        assert time.monotonic() - began < 5
    assert process.returncode == -second


def test_a_second_signal_ends_what_is_no_python() -> None:
    process = start(BUSY)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "noted\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert time.monotonic() - began < 5
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
