"""Peak memory: what was used and given back counts until it is forgotten."""

import numpy as np
import pytest

from amkd.reporting import peak


def test_the_peak_is_of_what_came_since():
    peak.forget()
    before = peak.mebibytes()
    block = np.ones(64 * 2**20, np.uint8)
    del block
    assert before + 50 < peak.mebibytes() < before + 200
    peak.forget()
    if peak.mebibytes() > before + 50:
        pytest.skip("this system cannot forget a peak")
    assert peak.mebibytes() < before + 30
