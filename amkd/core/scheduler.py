"""What a scheduler's environment variables say about the processes that it has started."""

import re
from collections.abc import Mapping


def processes_on_host(environ: Mapping[str, str]) -> int | None:
    """Returns how many processes of this job run on this host; None if no scheduler says it.

    Args:
      environ: the environment variables, of SLURM's step or of Open MPI.
    """
    if (count := environ.get("OMPI_COMM_WORLD_LOCAL_SIZE", "")).isdigit():
        return int(count)
    counts: list[int] = []
    for part in filter(None, environ.get("SLURM_STEP_TASKS_PER_NODE", "").split(",")):
        found = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)  # such as 2(x3): 2 on each of 3 hosts
        if not found:
            return None
        counts += [int(found[1])] * int(found[2] or 1)
    host = environ.get("SLURM_NODEID", "0")
    return counts[int(host)] if host.isdigit() and int(host) < len(counts) else None
