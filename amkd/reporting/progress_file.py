"""Writes and reads ``progress.json``, the heartbeat of a run.

A separate thread updates it, even while the run waits for its teacher or trains.
"""

import contextlib
import datetime
import json
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core import console, files, json_lines
from amkd.core.errors import JobEnded, UserError
from amkd.core.redaction import redact
from amkd.core.stopping import Stopped
from amkd.core.text import plain
from amkd.reporting.progress import RunProgress

NAME = "progress.json"
WITHIN = 60.0  # seconds since the last heartbeat that are allowed
RUNNING, FINISHED, STOPPED, FAILED = "running", "finished", "stopped", "failed"
_STOPS = (Stopped, JobEnded, KeyboardInterrupt, console.ReaderGone)  # the same command resumes
_LONGEST = 1000  # characters of a reason
_FIELDS = {"state": str, "updated": str, "phase": str}


class Health(NamedTuple):
    """The state of a run, as it was found.

    Attributes:
      healthy: whether the run works, or is finished.
      message: a message for a person.
    """

    healthy: bool
    message: str


@contextlib.contextmanager
def kept(progress: RunProgress, workdir: Path, seconds: float) -> Iterator[None]:
    """Updates ``progress.json`` during the run, and then writes how the run ended.

    Args:
      progress: records the progress of the run.
      workdir: the folder of the run.
      seconds: the seconds between two heartbeats; 0 for no heartbeat.
    """
    if not seconds:
        yield
        return
    beat = _Beat(progress, workdir / NAME, seconds)
    beat.start()
    try:
        yield
    except BaseException as error:
        stops = isinstance(error, _STOPS)
        why = redact(str(error)).partition("\n")[0][:_LONGEST]
        beat.end(
            STOPPED if stops else FAILED,
            why or ("asked to stop" if stops else type(error).__name__),
        )
        raise
    beat.end(FINISHED)


class _Beat(threading.Thread):
    """Writes the file every few seconds."""

    def __init__(self, progress: RunProgress, path: Path, seconds: float) -> None:
        super().__init__(name="progress", daemon=True)
        self._progress, self._path, self._seconds = progress, path, seconds
        self._begun, self._over = json_lines.now(), threading.Event()
        self._logged = progress.state
        self._write(RUNNING)

    def run(self) -> None:
        """Writes until the run ends."""
        while not self._over.wait(self._seconds):
            self._write(RUNNING)
            # The run's own thread reports a closed output or a full disk by itself.
            with contextlib.suppress(console.ReaderGone, OSError):
                self._log()

    def end(self, state: str, why: str = "") -> None:
        """Writes the last state."""
        self._over.set()
        self.join()
        self._write(state, why)

    def _log(self) -> None:
        """Writes a line to a log in JSON, if the work has advanced since the last."""
        state = self._progress.state
        if state.done and state.advanced != self._logged.advanced:
            self._logged = state
            console.note("progress")

    def _write(self, state: str, why: str = "") -> None:
        told = {
            "state": state,
            "why": why,
            "updated": json_lines.now(),
            "begun": self._begun,
            "process": os.getpid(),
            "host": platform.node(),
            "beat_seconds": self._seconds,
            **self._progress.facts(),
        }
        text = json.dumps(json_lines.finite(told), indent=2) + "\n"
        with contextlib.suppress(OSError):  # a full disk fails the run where it matters
            files.replace_text(self._path, text)


def health(
    workdir: Path, within: float | None, idle: float | None, now: datetime.datetime | None = None
) -> Health:
    """Returns whether the run in a folder works or is finished, with a message for a person.

    Args:
      workdir: the folder.
      within: seconds since the last heartbeat that are allowed; None for :data:`WITHIN`, or for
        three times the interval between heartbeats if that is longer.
      idle: seconds since the work last advanced that are allowed; None for any.
      now: the time; None for that of the clock.

    Raises:
      UserError: there is no such file, or it is damaged.
    """
    path = workdir / NAME
    if not path.exists():
        if (workdir / "summary.json").exists():  # of a run that wrote no heartbeat
            return Health(True, f"{workdir}: finished")
        raise UserError(
            f"{path} does not exist: no run was started in this folder, or its report.beat_seconds"
            " is 0, or this is the folder of a table, in which each run has its own folder"
        )
    told = files.read_object(path, "the run writes it again", _FIELDS)
    now = now or datetime.datetime.now(datetime.UTC)
    state, silent = told["state"], _age(path, told["updated"], now)
    where = f"{workdir}: {_where(told)}"
    if state == FINISHED:
        return Health(True, f"{where}; finished")
    if state != RUNNING:
        return Health(False, f"{where}; {state}: {told.get('why') or 'no reason is known'}")
    if silent > (_allowed(told) if within is None else within):
        return Health(False, f"{where}; no heartbeat for {silent:.0f} s")
    still = _age(path, told.get("advanced", ""), now)
    if idle is not None and still > idle:
        return Health(False, f"{where}; it has a heartbeat, but no progress for {still:.0f} s")
    return Health(
        True, f"{where}; last heartbeat {silent:.0f} s ago, last progress {still:.0f} s ago"
    )


def _allowed(told: dict[str, Any]) -> float:
    every = told.get("beat_seconds")
    return max(WITHIN, 3 * every) if isinstance(every, (int, float)) else WITHIN


def _where(told: dict[str, Any]) -> str:
    round_ = told.get("round")
    parts = [told["phase"] if round_ is None else f"round {round_} of {told.get('rounds')}"]
    parts += [] if round_ is None else [told["phase"]]
    if told.get("total"):
        parts.append(f"{told.get('done'):,} of {told['total']:,} {told.get('unit')}")
    parts.append(f"{told.get('queries', 0):,} of {told.get('budget', 0):,} queries")
    if told.get("spent"):
        parts.append(f"{plain(told['spent'])} {told.get('currency')} spent")
    return ", ".join(parts)


def _age(path: Path, text: str, now: datetime.datetime) -> float:
    try:
        return (now - datetime.datetime.fromisoformat(text)).total_seconds()
    except (TypeError, ValueError) as error:
        raise UserError(f"{path} is damaged ({text!r} is not a time)") from error
