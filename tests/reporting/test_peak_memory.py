"""Peak memory: what was used and given back counts until the reset."""

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
