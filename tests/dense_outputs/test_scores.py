"""Scores of dense outputs: worked numbers, plain NumPy references and limits."""

import jax.numpy as jnp
import numpy as np
import pytest

from amkd.dense_outputs import scores as dense

CAP = 100.0


def lanes(*rows):
    """Lanes by their columns; None where a lane is not seen."""
    x = np.float32([[0 if value is None else value for value in row] for row in rows]).reshape(
        len(rows), -1
    )
    seen = np.array([[value is not None for value in row] for row in rows]).reshape(x.shape)
    return dense.Lanes(jnp.asarray(x), jnp.asarray(seen))


ONE, OTHER = lanes((0, 0, 0), (10, 11, 12)), lanes((1, 1, 1), (10, 10, 10), (40, 40, 40))


def test_worked_lane_gaps():
    """From one to the other 1; back, the lane at 40 is 29 from the nearest."""
    assert dense.lane_gap(ONE, OTHER, CAP) == 1
    assert dense.lane_gap(OTHER, ONE, CAP) == 29
    assert dense.lane_gap(ONE, ONE, CAP) == 0


def test_lanes_are_compared_where_both_are_seen():
    half = lanes((None, 5, 9))
    assert dense.lane_gap(half, lanes((3, 7, None)), CAP) == 2
    assert dense.lane_gap(half, lanes((3, None, None)), CAP) == CAP  # no common row
    assert (
        dense.lane_gap(half, lanes((3, 7, None), (None, None, None)), CAP) == 2
    )  # which is not a lane


def test_gaps_where_nothing_is_seen():
    none = lanes((None, None, None))
    assert dense.lane_gap(none, none, CAP) == 0
    assert dense.lane_gap(none, ONE, CAP) == dense.lane_gap(ONE, none, CAP) == CAP
    empty = dense.Lanes(jnp.zeros((0, 3)), jnp.zeros((0, 3), bool))
    assert dense.lane_gap(empty, empty, CAP) == 0
    assert dense.lane_gap(ONE, empty, CAP) == CAP


def test_worked_disagreement_of_a_window():
    """A window of .1 .1 .9: .332075; a constant one: 0."""
    row = jnp.array([[0.1, 0.1, 0.9]])
    np.testing.assert_allclose(dense.spatial_disagreement(row, (1, 3)), [[0.332075]], atol=1e-6)
    np.testing.assert_allclose(
        dense.spatial_disagreement(jnp.full((4, 4), 0.3), (3, 3)), np.zeros((2, 2)), atol=1e-6
    )
    np.testing.assert_array_equal(dense.binary_entropy(jnp.array([0.0, 1.0])), [0, 0])


@pytest.mark.parametrize(("window", "cell"), [((3, 3), 4), ((1, 2), 3), ((2, 5), 100)])
def test_scores_are_the_plain_reference(window, cell):
    maps = np.random.default_rng(0).uniform(size=(2, 11, 13))

    def entropy(q):
        return -q * np.log(q) - (1 - q) * np.log(1 - q)

    height, width = (size - side + 1 for size, side in zip((11, 13), window, strict=True))
    scores = np.zeros((height, width))  # summed over the two resolutions
    for row in range(height):
        for column in range(width):
            for part in maps[:, row : row + window[0], column : column + window[1]]:
                scores[row, column] += entropy(part.mean()) - entropy(part).mean()
    cells = [
        scores[top : top + cell, left : left + cell].max()
        for top in range(0, height, cell)
        for left in range(0, width, cell)
    ]
    np.testing.assert_allclose(
        dense.acd(jnp.asarray(maps, jnp.float32), window, cell), np.mean(cells), atol=1e-6
    )
