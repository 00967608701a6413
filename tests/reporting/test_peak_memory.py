"""Peak memory: what was used and given back counts until the reset."""

import types

import numpy as np
import pytest

from amkd.reporting import peak_memory


def test_the_peak_is_of_what_came_since():
    peak_memory.reset()
    before = peak_memory.mebibytes()
    block = np.ones(64 * 2**20, np.uint8)
    del block
    assert before + 50 < peak_memory.mebibytes() < before + 200
    peak_memory.reset()
    if peak_memory.mebibytes() > before + 50:
        pytest.skip("this system cannot reset the peak")
    assert peak_memory.mebibytes() < before + 30


@pytest.mark.parametrize(("system", "mebibytes"), [("linux", 3), ("darwin", 0)])
def test_without_proc_the_unit_is_that_of_the_system(system, mebibytes, monkeypatch, tmp_path):
    """3,072 are kibibytes on Linux, and bytes on macOS."""
    used = types.SimpleNamespace(ru_maxrss=3072)
    monkeypatch.setattr(peak_memory, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(peak_memory.sys, "platform", system)
    monkeypatch.setattr(peak_memory.resource, "getrusage", lambda who: used)
    assert peak_memory.mebibytes() == mebibytes
