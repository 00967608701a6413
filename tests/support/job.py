"""A job of several processes on this machine, each with its own CPU devices."""

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Any

from tests.support import command
from tests.support.ports import free_port


def line_of(line: list[str], number: int, count: int, port: int) -> list[str]:
    """Returns the command line of one process of a job."""
    flags = (f"--coordinator=localhost:{port}", f"--num_processes={count}")
    return [*line, *flags, f"--process_id={number}"]


@contextlib.contextmanager
def started(
    lines: list[list[str]], env: dict[str, str], **environments: dict[str, str]
) -> Iterator[list[subprocess.Popen[str]]]:
    """Yields the processes of a job, process 0 first; none outlives the ``with``.

    Args:
      lines: the command line of each process, without the flags of a job.
      env: their environment.
      environments: what to add for single processes: ``p1={...}`` for process 1.
    """
    port, count = free_port(), len(lines)
    processes = [
        command.start(
            line_of(line, number, count, port), {**env, **environments.get(f"p{number}", {})}
        )
        for number, line in enumerate(lines)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


def ended(processes: list[subprocess.Popen[str]], seconds: float = 300) -> list[tuple[int, str]]:
    """Waits for all processes; returns the exit status and all words of each."""
    found: list[tuple[int, Any]] = []
    for process in processes:
        out, err = process.communicate(timeout=seconds)
        found.append((process.returncode, out + err))
    return found
