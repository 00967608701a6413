"""Identifies a process, and determines whether it still runs: by its identity, without a clock."""

import json
import os
import platform
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Process(NamedTuple):
    """The identity of a process; no other process ever has the same one.

    Attributes:
      host: name of the machine, and its identity if it has one.
      boot: the boot of the machine's kernel; empty if that is not known.
      space: the namespace of process numbers (a container has its own); empty if not known.
      number: the process's number.
      started: when it was started, in ticks since the boot; empty if that is not known.
    """

    host: str
    boot: str
    space: str
    number: int
    started: str

    def text(self) -> str:
        """Returns the text that a ledger stores for it."""
        return json.dumps(self._asdict())

    def __str__(self) -> str:
        """Returns a short description for messages."""
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
    """Returns the process that the text from a ledger describes; None if it describes none."""
    try:
        found = json.loads(text)
        return Process(*(found[name] for name in Process._fields))
    except (ValueError, KeyError, TypeError):
        return None


def alive(process: Process) -> bool | None:
    """Returns whether a process still runs; None if that cannot be determined from here."""
    here = own()
    if not process.boot or not here.boot or not process.started:
        return None
    if process.boot != here.boot:
        return False if process.host == here.host else None
    if process.space != here.space:
        return None
    return _started(process.number) == process.started


def _started(number: int) -> str:
    """Returns when a process was started; empty if it does not exist or is a zombie."""
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
