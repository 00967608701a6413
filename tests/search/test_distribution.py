"""The search on any number of devices and of processes, each in a process of its own."""

import jax
import numpy as np
import pytest

from amkd.core import devices
from amkd.methods import active_mixup
from tests.search import test_screening
from tests.search.test_device_search import fingerprint, inputs

HERE = "tests.search.test_distribution"
CHUNK, SCREENED_CHUNK = 100, 500
OTHER_CHUNK, OTHER_SCREENED_CHUNK = 780, 3000


def report(chunk=CHUNK, screened_chunk=SCREENED_CHUNK):
    """Returns what a process with its own number of devices selects, by a grid and by a screened
    search.
    """
    return {
        "devices": devices.count(),
        "grid": fingerprint(active_mixup.choose(inputs(chunk=chunk))),
        "screened": test_screening.choose(screened_chunk),
    }


def report_together():
    """Returns what each of several processes selects, its progress, and how it fails."""
    one, progress = inputs(chunk=CHUNK), []
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


def check(found, count, one_device):
    """The same selection as one device's."""
    assert found["devices"] == count
    assert (found["grid"], found["screened"]) == (one_device["grid"], one_device["screened"])


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("count", "chunks"),
    [
        (8, (OTHER_CHUNK, OTHER_SCREENED_CHUNK)),
        (4, (CHUNK, SCREENED_CHUNK)),
        (2, (CHUNK, SCREENED_CHUNK)),
        (1, (OTHER_CHUNK, OTHER_SCREENED_CHUNK)),
    ],
)
def test_the_same_selection_on_any_number_of_devices_and_in_any_chunks(count, chunks, on_devices):
    check(on_devices(count, HERE, "report", *chunks), count, on_devices(1, HERE, "report"))


@pytest.mark.heavy
@pytest.mark.parametrize("quick", [True, False])
def test_the_same_selection_in_every_one_of_several_processes(quick, on_devices, on_processes):
    """Two processes with two devices each, and 780 pairs: shares of odd and even length, and other
    chunks than on one device.

    In the default suite a whole run of two processes asks about the same mixes as one process.
    """
    reports = on_processes(2, 2, HERE, "report_together", quick=quick)
    assert len(reports) == 2 and reports[0] == reports[1]
    found = reports[0]
    other = (OTHER_CHUNK, OTHER_SCREENED_CHUNK)
    check(found, 2, on_devices(1, HERE, "report", *other, quick=quick))
    assert found["with progress"] == found["grid"]
    # 100 pairs in a dispatch, in whole tiles of 4 on 4 devices.
    assert sum(found["progress"]) == 780 and max(found["progress"]) <= 112
    assert "not finite" in found["failure"]
