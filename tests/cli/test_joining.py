"""Flags of several processes: what contradicts, what is not supported, who does not know whom."""

import pytest
from absl import flags

from amkd.cli import flag_definitions, joining
from amkd.core import devices, processes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal

JOINED = ["--coordinator=a:1", "--num_processes=2", "--process_id=1"]


def parsed(*args):
    values = flags.FlagValues()
    flag_definitions.define_flags(values)
    values(["amkd", *args])
    return values


@pytest.fixture(autouse=True)
def nothing_started(monkeypatch):
    for name in ("SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("TPU_WORKER_HOSTNAMES", raising=False)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--coordinator=a:1"], "--process_id is missing"),
        (["--process_id=0", "--num_processes=2"], "--coordinator is missing"),
        (["--distributed", "--process_id=0"], "JAX finds --process_id itself"),
        (["--coordinator=a", *JOINED[1:]], "must be HOST:PORT"),
        ([*JOINED[:2], "--process_id=2"], "must be below --num_processes=2"),
        ([*JOINED, "--mode=plan"], "--mode=plan: runs in one process"),
        ([*JOINED, "--mode=train_teacher"], "--mode=train_teacher: runs in one process"),
    ],
)
def test_what_cannot_be_joined_is_refused(args, words):
    with pytest.raises(UserError, match=words):
        joining.join(parsed(*args), StopSignal(), of_table=False)


def test_a_table_is_for_jobs_of_one_process():
    with pytest.raises(UserError, match="a part of the table with --shard"):
        joining.join(parsed(*JOINED), StopSignal(), of_table=True)


@pytest.mark.parametrize("name", ["SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE"])
def test_equal_processes_that_do_not_know_each_other_are_refused(name, monkeypatch):
    """Each would pay the teacher. A plan costs nothing, and a shard is a part of its own."""
    monkeypatch.setenv(name, "4")
    with pytest.raises(UserError, match=f"started 4 of these processes .{name}.*--distributed"):
        joining.join(parsed(), StopSignal(), of_table=False)
    joining.join(parsed("--mode=plan"), StopSignal(), of_table=False)
    joining.join(parsed("--shard=1/4"), StopSignal(), of_table=True)
    monkeypatch.setenv(name, "1")
    joining.join(parsed(), StopSignal(), of_table=False)


def test_a_host_of_a_tpu_slice_is_not_alone(monkeypatch):
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "t0,t1")
    with pytest.raises(UserError, match="run the same command with --distributed"):
        joining.join(parsed(), StopSignal(), of_table=False)
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "t0")
    joining.join(parsed(), StopSignal(), of_table=False)


def test_detected_processes_are_left_to_jax(monkeypatch):
    joined = []
    monkeypatch.setattr(processes, "join", lambda stop, **how: joined.append(how))
    joining.join(parsed("--distributed"), StopSignal(), of_table=False)
    joining.join(parsed(*JOINED), StopSignal(), of_table=False)
    assert joined == [
        {"coordinator": None, "number": None, "of": None},
        {"coordinator": "a:1", "number": 1, "of": 2},
    ]


def test_processes_agree_or_are_told_what_differs(monkeypatch):
    reported, least = {}, []
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "leads", lambda: False)
    monkeypatch.setattr(processes, "send_to_leader", reported.__setitem__)
    monkeypatch.setattr(processes, "number_of_leader", lambda number: 7)
    monkeypatch.setattr(devices, "limit_memory", least.append)
    joining.agree({"seed": 0, "budget": 90})
    own = reported["facts"]
    assert own["config.seed"] == "0" and "jax" in own and "devices" in own
    assert (least, reported["memory"]) == ([7], devices.memory())
    monkeypatch.setattr(processes, "leads", lambda: True)
    monkeypatch.setattr(processes, "number_of_leader", lambda number: number)
    theirs = {"facts": {1: dict(own)}, "memory": {1: 5}}
    monkeypatch.setattr(processes, "gather", theirs.__getitem__)
    joining.agree({"seed": 0, "budget": 90})
    assert least == [7, 5]
    theirs["facts"][2] = {**own, "jax": "0.0"}
    with pytest.raises(UserError, match="process 2 differs") as raised:
        joining.agree({"seed": 0, "budget": 90})
    assert f"jax: {own['jax']} and 0.0" in str(raised.value) and "seed" not in str(raised.value)
