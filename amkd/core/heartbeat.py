"""The heartbeat of each process of a job, and how the other processes end when it stops.

Every second, each process posts one small text on JAX's coordination service: that it is alive,
whether it was asked to stop, and how it ended. Process 0 reads the posts of all; the others read
that of process 0. This module does not import JAX.
"""

import ctypes
import dataclasses
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from amkd.core import console
from amkd.core.errors import JobEnded
from amkd.core.stopping import StopSignal

LOST = 75  # exit status: the same command resumes
LOST_AFTER = 60.0  # seconds without a heartbeat
_BEAT = 1.0  # seconds between two heartbeats
_GRACE = 15.0  # seconds after which a process is ended that may wait in a collective operation
_FAILURES = 5  # in a row, of the coordination service
_POSTS = "amkd/posts/"


@dataclasses.dataclass
class Post:
    """What a process reports about itself to the others.

    Attributes:
      beat: the number of its heartbeats.
      stop: whether it was asked to stop.
      ended: its exit status and why, once it ends; None before.
      left: whether it no longer needs the others.
    """

    beat: int = 0
    stop: bool = False
    ended: tuple[int, str] | None = None
    left: bool = False


class Heartbeat:
    """Posts this process's heartbeat, and watches those of others, in a thread of its own.

    What it finds reaches the main thread by ``stop``, whose ``check`` raises it. A main thread that
    waits in a collective operation, and so never checks, is ended with the whole process.

    Args of the constructor:
      client: a client of JAX's coordination service.
      index: number of this process.
      count: number of all processes.
      asked: notes the signals that this process gets.
      stop: what the main thread checks.
    """

    def __init__(
        self, client: Any, *, index: int, count: int, asked: StopSignal, stop: StopSignal
    ) -> None:
        self._client, self._index, self._count = client, index, count
        self._asked, self._stop = asked, stop
        self._own, self._lock, self._posting = Post(), threading.Lock(), threading.Lock()
        self._seen: dict[int, tuple[int, float]] = {}
        self._posts: dict[int, Post] = {}
        self.must_end = False  # whether the main thread may wait where it never checks

    def start(self) -> None:
        """Starts the thread; the process may end without waiting for it."""
        now = time.monotonic()
        watched = range(1, self._count) if self._index == 0 else [0]
        self._seen = {number: (-1, now) for number in watched}
        exit_on_abort(self.aborted)
        self._post()
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def end(self, status: int, why: str) -> None:
        """Reports to the others at once how this process ends."""
        with self._lock:
            self._own.ended = self._own.ended or (status, why)
        self._post()

    def leave(self, seconds: float) -> None:
        """Reports that this process no longer needs the others. Process 0 waits for them first."""
        limit = time.monotonic() + seconds
        while self._index == 0 and time.monotonic() < limit:
            if all(number in self._posts and self._posts[number].left for number in self._seen):
                break
            time.sleep(_BEAT / 10)
            self._read()
        with self._lock:
            self._own.left = True
        self._post()

    def aborted(self) -> tuple[int, str]:
        """Returns the exit status, and a last message, if the process is ended from outside now."""
        if self._own.ended is not None:
            return self._own.ended[0], ""
        found = self._stop.interruption
        if isinstance(found, JobEnded):
            return found.status, f"ended: {found}"
        return LOST, "ended: another process was lost; run the same command to resume"

    def _run(self) -> None:
        failures = 0
        while not self._own.left:
            try:
                self._post()
                self._read()
                self._check()
                failures = 0
            except Exception as error:  # JAX's, of several kinds
                failures += 1
                if failures == _FAILURES:
                    self._interrupt(LOST, f"process 0 cannot be reached ({_first_line(error)})")
            if self._stop.interruption and self._own.ended is None:
                self._end_after_grace()
            time.sleep(_BEAT)

    def _post(self) -> None:
        with self._posting:  # so that no earlier text lands last
            with self._lock:
                self._own.beat += 1
                self._own.stop = self._asked.requested
                text = json.dumps(dataclasses.asdict(self._own))
            self._client.key_value_set(f"{_POSTS}{self._index}", text, allow_overwrite=True)

    def _read(self) -> None:
        for key, text in self._client.key_value_dir_get(_POSTS):
            number = int(key.rsplit("/", 1)[1])
            if number in self._seen:
                self._posts[number] = Post(**json.loads(text))

    def _check(self) -> None:
        now = time.monotonic()
        for number, (beat, since) in self._seen.items():
            post = self._posts.get(number, Post())
            if post.beat != beat:
                self._seen[number] = post.beat, now
            elif now - since > LOST_AFTER and not post.left:
                self._interrupt(LOST, f"process {number} gave no heartbeat for {LOST_AFTER:g} s")
            if post.ended is not None:
                status, why = post.ended
                self._interrupt(status, f"process {number} has ended: {why}")
            if post.stop and self._index == 0 and not self._asked.requested:
                self._asked.requested = True
                console.say(f"process {number} was asked to stop, so all of them stop", last=True)

    def _interrupt(self, status: int, why: str) -> None:
        if self._stop.interruption is None and self._own.ended is None:
            self._stop.interruption = JobEnded(status, why)

    def _end_after_grace(self) -> None:
        limit = time.monotonic() + _GRACE
        while time.monotonic() < limit:
            if self._own.ended is not None or not self.must_end:
                return
            time.sleep(_BEAT / 10)
        status, words = self.aborted()
        console.say(words, error=True, last=True)
        os._exit(status)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


_KEPT: list[Any] = []  # objects to which C holds a pointer


def exit_on_abort(end: Callable[[], tuple[int, str]]) -> None:
    """Makes ``abort()`` an exit with a status and a last message.

    JAX aborts a process, from a C++ thread, as soon as the process with the coordination service is
    gone, or if it never starts. The exit status makes a scheduler run the same command again.

    Args:
      end: returns the exit status, and a message for a person.
    """

    def exit_(_: int) -> None:
        status, words = end()
        os.write(2, console.last_line(words) if words else b"")
        os._exit(status)

    handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(exit_)
    _KEPT.append(handler)
    set_handler = ctypes.CDLL(None).signal
    set_handler.restype, set_handler.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p]
    set_handler(signal.SIGABRT, ctypes.cast(handler, ctypes.c_void_p))
