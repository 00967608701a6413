"""The lambdas that a search tries."""

import numpy as np

from amkd.data import mixing
from amkd.search.lambda_grid import lambda_grid


def test_grid_of_the_released_code():
    grid = lambda_grid(0.3, 0.7, 11)
    assert grid.dtype == np.int32
    assert grid.tolist() == [
        19661,
        22282,
        24904,
        27525,
        30147,
        32768,
        35389,
        38011,
        40632,
        43254,
        45875,
    ]
    np.testing.assert_array_equal(
        grid + grid[::-1], mixing.ONE
    )  # symmetric: (i, j) and (j, i) score alike
    np.testing.assert_allclose(
        mixing.lam_of(grid), np.linspace(0.3, 0.7, 11), atol=0.5 / mixing.ONE + 1e-7
    )


def test_grid_of_one_value_and_of_the_whole_interval():
    assert lambda_grid(0.5, 0.5, 1).tolist() == [32768]
    assert lambda_grid(0, 1, 5).tolist() == [0, 16384, 32768, 49152, 65536]
