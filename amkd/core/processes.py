"""The processes that work on one run: who they are, and short texts from one to the others.

Process 0 leads: it alone has the workdir, the ledger and the teacher. The others follow it. Texts
go through JAX's coordination service, where a process can wait for hours; collective operations of
devices time out. JAX is imported only where several processes are wanted.
"""

import itertools
import json
import os
import sys
import time
from typing import Any

from amkd.core import scheduler
from amkd.core.errors import JobEnded, UserError
from amkd.core.heartbeat import LOST, LOST_AFTER, Heartbeat, exit_on_abort
from amkd.core.stopping import StopSignal

_PATIENCE = 300  # seconds for all processes to start
_POLL = 2000  # milliseconds
_LOOK = 0.2  # seconds between two looks at what the heartbeat has found
_DAY = 86_400_000  # milliseconds: a process that is lost ends the wait earlier
_LEAVING = 20.0  # seconds that process 0 waits for the others at the end
_VISIBLE_DEVICES = ("jax_cuda_visible_devices", "jax_rocm_visible_devices")
# Words in an error of a program on all devices that come from the connection to another process.
_OF_CONNECTIONS = (
    *("UNAVAILABLE", "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED", "Connection", "connection"),
    *("Socket", "socket", "Gloo", "timed out", "remote process"),
)


class _Job:
    """The job that this process has joined."""

    def __init__(self, client: Any, index: int, count: int, asked: StopSignal) -> None:
        self.client, self.index, self.count = client, index, count
        self.stop = asked if index == 0 else StopSignal()
        self.heartbeat = Heartbeat(client, index=index, count=count, asked=asked, stop=self.stop)
        self.barriers, self.messages, self.cells = (itertools.count() for _ in range(3))


_job: _Job | None = None


def count() -> int:
    """Returns the number of processes that work on the run; 1 unless :func:`join` was called."""
    return _job.count if _job else 1


def leads() -> bool:
    """Returns whether this process is the one with workdir, ledger and teacher."""
    return _job is None or _job.index == 0


def join(
    asked: StopSignal,
    *,
    coordinator: str | None = None,
    number: int | None = None,
    of: int | None = None,
) -> None:
    """Joins the other processes; must come before any other use of JAX.

    Args:
      asked: notes the signals that this process gets.
      coordinator: ``HOST:PORT`` of process 0.
      number: the number of this process, from 0.
      of: the number of all processes. JAX detects all three where they are None and a cluster
        provides them.

    Raises:
      UserError: the processes did not connect, or no cluster was detected.
    """
    global _job
    import jax

    for option in ("jax_enable_recoverability", True), ("jax_enable_preemption_service", False):
        if hasattr(jax.config, option[0]):  # process 0 survives the others, to keep paid answers
            jax.config.update(*option)
    where = f"--coordinator={coordinator}" if coordinator else "--distributed"
    apart = (
        f"{where}: not all processes connected within {_PATIENCE} s; start all of them, with the"
        " same --coordinator=HOST:PORT and --num_processes, and with --process_id counted from 0"
    )
    exit_on_abort(lambda: (LOST, f"ended: {apart}"))
    try:
        jax.distributed.initialize(
            coordinator,
            of,
            number,
            initialization_timeout=_PATIENCE,
            shutdown_timeout_seconds=int(_LEAVING),
        )
    except (RuntimeError, ValueError) as error:
        raise UserError(f"{apart} ({error})") from error
    if "JAX_LOCAL_DEVICE_IDS" not in os.environ and scheduler.processes_on_host(os.environ) == 1:
        # Under a scheduler, JAX gives one device to each process, also to one that is alone.
        for name in _VISIBLE_DEVICES:
            jax.config.update(name, os.environ.get(name.upper(), "all"))
    if jax.process_count() == 1:
        return
    from jax._src import distributed  # the coordination service has no public name

    client = distributed.global_state.client
    _job = _Job(client, jax.process_index(), jax.process_count(), asked)
    _job.heartbeat.start()


def signals() -> StopSignal:
    """Returns what a follower checks instead of its own signals: process 0 decides for all."""
    assert _job is not None
    return _job.stop


def waiting_together(value: bool) -> None:
    """Notes whether this process may wait for the devices of others, when it checks nothing."""
    if _job:
        _job.heartbeat.must_end = value


def barrier() -> None:
    """Waits until all processes are here."""
    if _job:
        place = f"amkd/barrier/{next(_job.barriers)}"
        try:
            _job.client.wait_at_barrier(place, _DAY)
        except RuntimeError as error:
            raise lost(error) from error


def send(message: dict[str, Any]) -> None:
    """Sends the next message, which JSON can hold, to all followers."""
    if _job:
        _job.client.key_value_set(f"amkd/message/{next(_job.messages)}", json.dumps(message))


def receive() -> dict[str, Any]:
    """Waits for the next message, as long as process 0 lives.

    Raises:
      JobEnded: process 0 has ended, or was lost.
    """
    assert _job is not None
    return _wait_for(f"amkd/message/{next(_job.messages)}")


def number_of_leader(number: int) -> int:
    """Returns the number of process 0, in all processes; each must call it at the same place."""
    if leads():
        send({"number": number})
        return number
    return int(receive()["number"])


def send_to_leader(name: str, facts: Any) -> None:
    """Sends facts, which JSON can hold, to process 0."""
    assert _job is not None
    _job.client.key_value_set(f"amkd/{name}/{_job.index}", json.dumps(facts))


def gather(name: str) -> dict[int, Any]:
    """Waits for what every follower reports under a name; returns it by process.

    Raises:
      JobEnded: a follower has ended, or was lost.
    """
    return {number: _wait_for(f"amkd/{name}/{number}") for number in range(1, count())}


class Announcement:
    """A number that process 0 may announce to all; all processes create them in the same order."""

    def __init__(self) -> None:
        self._key = f"amkd/announced/{next(_job.cells)}" if _job else ""

    def write(self, number: int) -> None:
        """Announces a number, once."""
        assert _job is not None
        _job.client.key_value_set(self._key, str(number))

    def read(self) -> int | None:
        """Returns the number; None if none was announced until now."""
        assert _job is not None
        try:
            return int(_job.client.key_value_try_get(self._key))
        except RuntimeError as error:  # JAX's
            if "NOT_FOUND" in str(error):
                return None
            raise lost(error) from error


def leave(status: int, why: str = "") -> None:
    """Ends the work together; process 0 waits for the others, which end with its status.

    Args:
      status: exit status of this process. A follower ends here.
      why: the last message.
    """
    if _job is None:
        return
    try:
        _job.heartbeat.end(status, why)
        _job.heartbeat.leave(_LEAVING)
    except RuntimeError:  # JAX's: process 0 has gone already
        pass
    if _job.index:  # at its exit, Python would call JAX, which aborts once process 0 is gone
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def lost(error: Exception) -> JobEnded:
    """Returns what to raise where work together has failed for ``error``."""
    known = _job.stop.interruption if _job else None
    if isinstance(known, JobEnded):
        return known
    return JobEnded(LOST, f"another process was lost ({error})".replace("\n", " ")[:500])


def cause_of(error: Exception) -> Exception:
    """Returns what to raise where a program on the devices of all processes has failed.

    An error of this process alone, as of its compiler, would come again after every restart. So it
    is the loss of another process only if the connection failed, or if the heartbeat says so.

    Args:
      error: the error of JAX.
    """
    assert _job is not None
    if any(word in str(error) for word in _OF_CONNECTIONS):
        return lost(error)
    limit = time.monotonic() + LOST_AFTER + 5
    while time.monotonic() < limit:
        if isinstance(_job.stop.interruption, JobEnded):
            return _job.stop.interruption
        time.sleep(_LOOK)
    return error


def _wait_for(key: str) -> Any:
    assert _job is not None
    while True:
        _job.stop.check()
        try:
            return json.loads(_job.client.blocking_key_value_get(key, _POLL))
        except RuntimeError as error:  # JAX's
            if "DEADLINE_EXCEEDED" not in str(error):
                raise lost(error) from error
