"""Starts ``launch.py`` from a process that has imported its packages already.

About half of a tiny run's time is the import of packages. Here one process for each test process
imports them once, and every run is a fork of it: with arguments, an environment, a folder and
outputs of its own, and before JAX looks at its devices. A run of which something must be set before
Python starts gets a process of its own.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("amkd.cli.modes", "amkd.run.experiment", "amkd.tables.sweep", "sklearn.datasets")
_SUBREAPER = 36  # of prctl: a process whose parent ended becomes a child of this one


class Forked:
    """A run that was forked, with the part of ``subprocess.Popen`` that tests use."""

    def __init__(self, args, env, cwd):
        self.args, self.returncode = args, None
        self._outputs = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        self.stdout, self.stderr = self._outputs
        os.umask(umask := os.umask(0o077))
        given = {
            "argv": args[1:],
            "env": env,
            "cwd": str(cwd),
            "umask": umask,
            "cores": list(os.sched_getaffinity(0)),
        }
        request = json.dumps(given).encode()
        server = _server()
        socket.send_fds(
            server,
            [len(request).to_bytes(4, "big")],
            [output.fileno() for output in self._outputs],
        )
        server.sendall(request)
        self.pid = int.from_bytes(server.recv(4, socket.MSG_WAITALL), "big")
        assert self.pid, "the process that forks has ended"

    def poll(self):
        """Returns the exit status, or None while the run goes on."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout=None):
        """Returns the exit status when the run has ended."""
        end = time.monotonic() + (timeout or float("inf"))
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.01)
        return self.returncode

    def communicate(self, timeout=None):
        """Returns the texts of standard output and standard error when the run has ended."""
        self.wait(timeout)
        texts = []
        for output in self._outputs:
            output.seek(0)
            texts.append(output.read().decode())
            output.close()
        return tuple(texts)

    def send_signal(self, number):
        """Sends a signal, unless the run has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


def can_start(args, env):
    """Tells whether a run can be forked: nothing must be set before Python starts."""
    early = ("PYTHON", "LC_", "LANG", "LD_", "JAX_", "PATH", "HOME")
    changed = {name for name in env.keys() | os.environ if env.get(name) != os.environ.get(name)}
    return (
        sys.platform == "linux"
        and list(args[:2]) == [sys.executable, "launch.py"]
        and not any(name.startswith(early) for name in changed)
    )


@functools.cache
def _server():
    """Starts the process that forks, and returns the socket to it."""
    assert ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0) == 0
    ours, its = socket.socketpair()
    with its:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.prepared", str(its.fileno())],
            cwd=ROOT,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
        )
    atexit.register(_end, ours, server)
    return ours


def _end(ours, server):
    ours.close()  # the process that forks reads its end, and ends
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:  # another fork of this process has the socket, too
        server.kill()
        server.wait()


def _served(requests):
    """Forks for every request; returns it, with its outputs, in the fork alone."""
    while True:
        length, outputs, _, _ = socket.recv_fds(requests, 4, 2)
        if not length:
            sys.exit()
        request = json.loads(requests.recv(int.from_bytes(length, "big"), socket.MSG_WAITALL))
        found, told = os.pipe()
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid == 0:
                return request, outputs
            os.write(told, pid.to_bytes(4, "big"))
            os._exit(0)
        os.waitpid(between, 0)  # its child is now one of the process that asked
        requests.sendall(os.read(found, 4))
        os.close(found)
        os.close(told)
        for output in outputs:
            os.close(output)


def _main():
    for package in PACKAGES:
        __import__(package)
    # At the end of each fork the collector would visit all that these packages have made.
    gc.collect()
    gc.freeze()
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as requests:
        request, outputs = _served(requests)
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
        os.close(output)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    os.sched_setaffinity(0, request["cores"])
    sys.argv = request["argv"]


if __name__ == "__main__":
    _main()
    runpy.run_path(sys.argv[0], run_name="__main__")
