"""Identifies a process, and finds out whether it still runs: by its identity, never by a clock."""

import json
import os
import platform
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Process(NamedTuple):
    """An identity of a process that no other process ever has.

    Attributes:
      host: name of the machine, and its identity if it has one.
      boot: the boot of the machine's kernel; empty where that is not told.
      space: the space of process numbers (a container has its own); empty where that is not told.
      number: the process's number.
      started: when it was started, in ticks since the boot; empty where that is not told.
    """

    host: str
    boot: str
    space: str
    number: int
    started: str

    def text(self) -> str:
        """Returns it as it stands in a ledger."""
        return json.dumps(self._asdict())

    def __str__(self) -> str:
        """Returns it for people."""
        return f"process {self.number} on {self.host.partition('/')[0]}"


def own() -> Process:
    """Returns this process."""
    number = os.getpid()
    return Process(
        f"{platform.node()}/{_read('/etc/machine-id')}",
        _read(f"{_PROC}/sys/kernel/random/boot_id"),
        _link(_PROC / "self/ns/pid"),
        number,
        _started(number),
    )


def from_text(text: str) -> Process | None:
    """Returns the process that a ledger names; None if it names none."""
    try:
        found = json.loads(text)
        return Process(*(found[name] for name in Process._fields))
    except (ValueError, KeyError, TypeError):
        return None


def alive(process: Process) -> bool | None:
    """Returns whether a process is still there; None if that cannot be told from here."""
    here = own()
    if not process.boot or not here.boot or not process.started:
        return None
    if process.boot != here.boot:
        return False if process.host == here.host else None
    if process.space != here.space:
        return None
    return _started(process.number) == process.started


def _started(number: int) -> str:
    """Returns when a process was started; empty if there is none, or if it is a zombie."""
    fields = _read(f"{_PROC}/{number}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
