"""What SLURM and Open MPI say about the processes on a host."""

import pytest

from amkd.core import scheduler


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, None),
        ({"SLURM_STEP_TASKS_PER_NODE": "1"}, 1),
        ({"SLURM_STEP_TASKS_PER_NODE": "1(x2)", "SLURM_NODEID": "1"}, 1),
        ({"SLURM_STEP_TASKS_PER_NODE": "8(x2)", "SLURM_NODEID": "0"}, 8),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(x3),1", "SLURM_NODEID": "3"}, 1),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(x3),1", "SLURM_NODEID": "2"}, 2),
        ({"SLURM_STEP_TASKS_PER_NODE": "2(x3),1", "SLURM_NODEID": "4"}, None),
        ({"SLURM_STEP_TASKS_PER_NODE": "two"}, None),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "4"}, 4),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "1", "SLURM_STEP_TASKS_PER_NODE": "8"}, 1),
    ],
)
def test_processes_on_this_host(environ, wanted):
    assert scheduler.processes_on_host(environ) == wanted
