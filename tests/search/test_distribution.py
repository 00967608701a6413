"""The search on any number of devices and of processes, each in a process of its own."""

import functools

import jax
import numpy as np
import pytest

from amkd.core import devices
from amkd.methods import active_mixup
from tests.search import test_screening
from tests.search.test_device_search import fingerprint, task

HERE = "tests.search.test_distribution"
CHUNK, SCREENED_CHUNK = 100, 500


def report():
    """What a process with its own number of devices selects, by a grid and by a screened search."""
    return {
        "devices": devices.count(),
        "grid": fingerprint(active_mixup.choose(task(chunk=CHUNK))),
        "screened": test_screening.choose(SCREENED_CHUNK),
    }


def report_together():
    """What each of several processes selects, its progress, and how it fails."""
    one, progress = task(chunk=CHUNK), []
    found = active_mixup.choose(one._replace(progress=progress.append))
    broken = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), one.variables)
    try:
        active_mixup.choose(one._replace(variables=broken))
    except FloatingPointError as error:
        return {
            **report(),
            "progress": progress,
            "with progress": fingerprint(found),
            "failure": str(error),
        }


@functools.cache
def here():
    """What this process selects, with its eight devices and other chunks."""
    return fingerprint(active_mixup.choose(task(chunk=780))), test_screening.choose(3000)


def check(found, count, one_device):
    """The same selection as one device's, and on a CPU as this process's, whatever its chunk."""
    assert found["devices"] == count
    assert (found["grid"], found["screened"]) == (one_device["grid"], one_device["screened"])
    if jax.default_backend() == "cpu":
        assert (found["grid"], found["screened"]) == here()


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_the_same_selection_on_any_number_of_devices(count, on_devices):
    check(on_devices(count, HERE, "report"), count, on_devices(1, HERE, "report"))


def test_the_same_selection_in_every_one_of_several_processes(on_devices, on_processes):
    """Two processes with two devices each, and 780 pairs: shares of odd and even length."""
    reports = on_processes(2, 2, HERE, "report_together")
    assert len(reports) == 2 and reports[0] == reports[1]
    found = reports[0]
    check(found, 2, on_devices(1, HERE, "report"))
    assert found["with progress"] == found["grid"]
    # 100 pairs in a dispatch, in whole tiles of 4 on 4 devices.
    assert sum(found["progress"]) == 780 and max(found["progress"]) <= 112
    assert "not finite" in found["failure"]
