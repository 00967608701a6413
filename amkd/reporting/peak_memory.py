"""The peak memory of one run, in a process that may do several runs one after the other."""

import resource
import sys
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset() -> None:
    """Restarts the measurement from the memory in use now, where the system can (Linux)."""
    try:
        _CLEAR.write_text("5", encoding="utf-8")
    except OSError:  # not Linux, or a container forbids it: the peak stays that of the process
        return


def mebibytes() -> int:
    """Returns the peak of resident memory since the last reset."""
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of one count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20
