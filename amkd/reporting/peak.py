"""Peak memory of this process since it was last forgotten: of one run, where many run one after the
other.
"""

import resource
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget() -> None:
    """Starts anew from what is in use now, where the system can do that (Linux)."""
    try:
        _CLEAR.write_text("5")
    except OSError:  # another system, or a container that forbids it: the peak stays the process's
        return


def mebibytes() -> int:
    """The peak of resident memory."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
