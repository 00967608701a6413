"""Joining under a scheduler, and what an error of a program on all devices means."""

import os
import sys

import jax
import pytest

from amkd.core import mesh, processes, program_cache
from amkd.core.errors import JobEnded
from amkd.core.stopping import StopSignal
from tests.support import command

JOIN = """
from amkd.core import processes
from amkd.core.stopping import StopSignal
processes.join(StopSignal())
from jax._src import config
print(config.config._read("jax_cuda_visible_devices"), processes.count())
"""


@pytest.mark.parametrize(
    ("tasks", "chosen", "visible"),
    [
        ("1", {}, "all"),
        ("4", {}, "2"),
        ("1", {"JAX_LOCAL_DEVICE_IDS": "1,3"}, "1,3"),
        ("1", {"JAX_CUDA_VISIBLE_DEVICES": "0,1"}, "0,1"),
    ],
)
def test_a_process_that_is_alone_on_its_host_uses_all_its_devices(tasks, chosen, visible):
    """JAX itself gives it one; as one of several processes it has one."""
    slurm = {
        "SLURM_JOB_ID": "12345",
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_NTASKS": "1",
        "SLURM_PROCID": "0",
        "SLURM_LOCALID": "2",
        "SLURM_STEP_NUM_TASKS": "1",
        "SLURM_STEP_TASKS_PER_NODE": tasks,
        "SLURM_NODEID": "0",
    }
    slurm |= chosen
    kept = {name: value for name, value in os.environ.items() if "SLURM" not in name}
    done = command.run([sys.executable, "-c", JOIN], {**kept, **slurm, "JAX_PLATFORMS": "cpu"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [visible, "1"]


class Job:
    """In place of a job of two processes; nothing is known about the other one."""

    count, index = 2, 0

    def __init__(self):
        self.stop = StopSignal()
        self.heartbeat = self
        self.must_end = False


@pytest.fixture
def job(monkeypatch):
    monkeypatch.setattr(processes, "_job", Job())
    monkeypatch.setattr(processes, "LOST_AFTER", -4.9)
    return processes._job


def fails(text):
    with mesh.together():
        raise jax.errors.JaxRuntimeError(text)


def test_a_connection_that_fails_is_a_process_that_was_lost(job):
    with pytest.raises(JobEnded, match="another process was lost") as raised:
        fails("Gloo all-reduce failed: Connection reset by peer")
    assert raised.value.status == 75


def test_an_error_of_this_process_alone_is_not(job):
    """It would come again after every restart."""
    with pytest.raises(jax.errors.JaxRuntimeError, match="ptxas exited"):
        fails("INVALID_ARGUMENT: during XLA compilation: ptxas exited with non-zero error code 2")


def test_what_the_heartbeat_says_goes_first(job):
    job.stop.interruption = JobEnded(3, "process 1 has ended: the teacher failed")
    for text in ("INTERNAL: it failed", "Connection reset by peer"):
        with pytest.raises(JobEnded, match="process 1 has ended"):
            fails(text)


def test_too_little_memory_is_told_as_it_is(job):
    job.stop.interruption = JobEnded(75, "process 1 has ended")
    with pytest.raises(jax.errors.JaxRuntimeError, match="RESOURCE_EXHAUSTED"):
        fails("RESOURCE_EXHAUSTED: out of memory")


def test_several_processes_on_gpus_keep_no_programs(tmp_path, monkeypatch):
    changed = {}
    monkeypatch.setattr(jax.config, "update", changed.__setitem__)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    program_cache.keep(tmp_path)
    assert str(changed.pop("jax_compilation_cache_dir")).startswith(str(tmp_path))
    changed.clear()
    monkeypatch.setattr(processes, "count", lambda: 2)
    program_cache.keep(tmp_path)
    assert changed == {"jax_compilation_cache_dir": None}
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    program_cache.keep(tmp_path)
    assert changed["jax_compilation_cache_dir"] is not None
