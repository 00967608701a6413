"""Joins the processes of a job: reads the flags and variables that describe them, and checks that
the processes agree.

It does not import JAX.
"""

import os
from collections.abc import Mapping
from typing import Any

from absl import flags

from amkd.core import processes
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal

MODES = ("distill",)  # what several processes can do together
_ASKING = (
    "distill",
    "probe",
    "serve",
    "train_teacher",
    "table",
)  # refused in processes that were started together but not joined
_TOGETHER = ("coordinator", "process_id", "num_processes")
# The variables in which a launcher states how many processes it has started.
_STARTED = {
    "SLURM_STEP_NUM_TASKS": "srun",
    "OMPI_COMM_WORLD_SIZE": "mpirun",
    "PMI_SIZE": "mpirun",
}


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags of several processes."""
    flags.DEFINE_string(
        "coordinator",
        None,
        "Several processes: HOST:PORT of process 0, the same for all of them.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "process_id",
        None,
        "Several processes: number of this one. Only process 0 writes and queries the teacher.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_processes",
        None,
        "Several processes: how many there are.",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_bool(
        "distributed",
        False,
        "Several processes of SLURM, Open MPI, Kubernetes or Cloud TPU: JAX finds the three values"
        " above.",
        flag_values=values,
    )


def join(values: flags.FlagValues, stop: StopSignal, *, of_table: bool) -> None:
    """Joins the other processes of the job, if the flags name any; call it before any use of JAX.

    Args:
      values: the flags.
      stop: notes the signals that this process gets.
      of_table: whether the configuration describes a table.

    Raises:
      UserError: the flags contradict each other, or the mode does not support several processes.
    """
    given = {name: values[name].value for name in _TOGETHER}
    some = [name for name, value in given.items() if value is not None]
    if not some and not values["distributed"].value:
        _refuse_strangers(values)
        return
    if values["distributed"].value and some:
        raise UserError(f"--distributed: JAX finds --{some[0]} itself; omit one of these flags")
    if some and len(some) < len(_TOGETHER):
        (missing, *_) = [name for name in _TOGETHER if name not in some]
        raise UserError(
            f"--{missing} is missing: several processes need --coordinator=HOST:PORT,"
            " --process_id and --num_processes"
        )
    _check(given)
    if values["mode"].value not in MODES or of_table:
        what = "a table" if of_table else f"--mode={values['mode'].value}"
        raise UserError(
            f"{what}: runs in one process only; omit --coordinator and --distributed"
            + (", and give each job a part of the table with --shard" if of_table else "")
        )
    processes.join(
        stop,
        coordinator=given["coordinator"],
        number=given["process_id"],
        of=given["num_processes"],
    )


def agree(config: Mapping[str, Any]) -> None:
    """Checks that all processes have the same configuration, versions and devices.

    Sizes that follow from the memory of the devices then follow from the least in any process.

    Args:
      config: the values that all processes must have in common, by dotted name.

    Raises:
      UserError: names what differs, and in which process.
    """
    if processes.count() == 1:
        return
    from amkd.core import devices
    from amkd.reporting import provenance

    own = {**provenance.versions(), "devices": devices.describe()}
    own |= {f"config.{name}": repr(value) for name, value in config.items()}
    memory = devices.memory()
    if not processes.leads():
        processes.send_to_leader("facts", own)
        processes.send_to_leader("memory", memory)
        devices.limit_memory(processes.number_of_leader(memory))
        return
    for number, theirs in processes.gather("facts").items():
        names = [name for name in {**own, **theirs} if own.get(name) != theirs.get(name)]
        if names:
            lines = (f"  {name}: {own.get(name)} and {theirs.get(name)}" for name in names)
            raise UserError(
                f"process {number} differs from process 0; start all processes with the same"
                " command and the same installation:\n" + "\n".join(lines)
            )
    devices.limit_memory(
        processes.number_of_leader(min(memory, *processes.gather("memory").values()))
    )


def _check(given: dict[str, Any]) -> None:
    if given["coordinator"] is None:
        return
    host, colon, port = given["coordinator"].rpartition(":")
    if not (host and colon and port.isdigit()):
        raise UserError(
            f"--coordinator={given['coordinator']!r}: must be HOST:PORT, such as node1:7654"
        )
    if given["process_id"] >= given["num_processes"]:
        raise UserError(
            f"--process_id={given['process_id']}: must be below"
            f" --num_processes={given['num_processes']}; the first one is 0"
        )


def _refuse_strangers(values: flags.FlagValues) -> None:
    """Refuses to run as one of several processes that were started together but not joined."""
    if values["mode"].value not in _ASKING or values["shard"].value:
        return
    for name, by in _STARTED.items():
        count = os.environ.get(name, "1")
        if count.isdigit() and int(count) > 1:
            raise UserError(
                f"{by} has started {count} of these processes ({name}), and each would run and pay"
                " for everything; add --distributed so that they work together, or start only one"
            )
    workers = os.environ.get("TPU_WORKER_HOSTNAMES", "")
    if "," in workers:
        raise UserError(
            f"this is one of the hosts of a TPU slice (TPU_WORKER_HOSTNAMES={workers}); run the"
            " same command with --distributed on all of them"
        )
