"""Uncertainty herding: by hand, against plain NumPy, and at the limits."""

import jax.numpy as jnp
import numpy as np
import pytest

from amkd.acquisitions import uncertainty_herding
from amkd.acquisitions.learning_loss import divergences
from amkd.candidates import coverage, herding
from tests.acquisitions.test_acquisitions import inputs_of_round
from tests.support.choices import candidates


def squares(some, others):
    return ((np.float64(some)[:, None] - np.float64(others)) ** 2).sum(-1)


def plain_cover(points, asked, places, uncertainty, k):
    """Every gain anew for every choice, from whole matrices of distances."""
    targets = asked[places]
    away = squares(targets, asked)
    away[np.arange(len(places)), places] = np.inf
    width = away.min(1).mean()
    covered = np.exp(-away.min(1) / (2 * width))
    near, chosen = np.exp(-squares(points, targets) / (2 * width)), []
    for _ in range(k):
        gains = (uncertainty * np.maximum(near - covered, 0)).mean(1)
        gains[chosen] = -np.inf
        chosen.append(int(np.argmax(gains)))
        covered = np.maximum(covered, near[chosen[-1]])
    return chosen


def test_gains_by_hand():
    """Kernel exp(-1/2) at one width; half of a weight of 2 and half of none."""
    one = herding.similarity(jnp.float32(4.0), 4.0)
    np.testing.assert_allclose(one, 0.60653066, rtol=1e-6)
    near, covered = jnp.float32([0.9, 0.8]), jnp.float32([0.4, 0.1])
    np.testing.assert_allclose(herding.gain(near, jnp.float32([2, 0]), covered), 0.5, rtol=1e-6)
    assert herding.gain(covered, jnp.float32([2, 2]), near) == 0


def test_the_nearest_other():
    """Of 0, 1, 5 and 5 the nearest others are 1, 1, 0 and 0 away."""
    points = jnp.float32([[0], [1], [5], [5]])
    for block in (3, 128):
        found = coverage.nearest(points, points, block, jnp.arange(4, dtype=jnp.int32))
        assert found.tolist() == [1, 1, 0, 0]
    alone = coverage.nearest(points[:1], points[:1], own=jnp.zeros(1, jnp.int32))
    assert alone.tolist() == [np.inf]


@pytest.mark.parametrize("seed", range(3))
def test_herding_is_the_plain_reference(seed):
    rng = np.random.default_rng(seed)
    asked, points = (rng.normal(size=(rows, 3)).astype(np.float32) for rows in (30, 60))
    places = np.sort(rng.choice(30, 20, replace=False)).astype(np.int32)
    uncertainty = rng.exponential(size=20).astype(np.float32)
    expected = plain_cover(points, asked, places, uncertainty, 10)
    assert herding.cover(points, asked, places, uncertainty, 10).tolist() == expected
    # With the same weight everywhere it is a cover of the targets, whatever that is.
    even = plain_cover(points, asked, places, np.ones(20), 10)
    for constant in (0.5, 8.0):
        same = np.full(20, constant, np.float32)
        assert herding.cover(points, asked, places, same, 10).tolist() == even


def test_how_many_are_looked_at_at_once_is_not_part_of_the_result():
    rng = np.random.default_rng(5)
    points, targets = (jnp.asarray(rng.normal(size=(n, 3)), jnp.float32) for n in (60, 25))
    uncertainty = jnp.asarray(rng.exponential(size=25), jnp.float32)
    covered = jnp.full(25, 0.1, jnp.float32)
    found = [
        herding.greedy(points, targets, uncertainty, covered, 0.7, 20, n).tolist()
        for n in (1, 7, 64)
    ]
    assert found[0] == found[1] == found[2]


def test_herding_at_the_limits():
    """The only target with a weight draws its nearest. Where all are alike, or all is covered, the
    first are taken; all of them are taken once.
    """
    rng = np.random.default_rng(6)
    asked, points = (rng.normal(size=(n, 3)).astype(np.float32) for n in (9, 12))
    places, one = np.arange(9, dtype=np.int32), np.zeros(9, np.float32)
    one[4], points[7] = 3, asked[4] + 0.1  # nearer than any other that was asked about
    assert herding.cover(points, asked, places, one, 2).tolist() == [7, 0]
    every = herding.cover(points, asked, places, np.ones(9, np.float32), 12).tolist()
    assert sorted(every) == list(range(12))
    assert herding.cover(points, asked, places, 0 * one, 3).tolist() == [0, 1, 2]
    alike, same = np.ones((6, 3), np.float32), np.ones((9, 3), np.float32)
    for around in (asked, same):  # the second: no distance to take a width from
        found = herding.cover(alike, around, places, np.ones(9, np.float32), 6)
        assert found.tolist() == list(range(6))
    alone = herding.cover(points, asked[:1], places[:1], one[4:5], 1).tolist()
    assert alone == [np.argmin(squares(points, asked[:1])[:, 0])]


def test_the_targets_are_the_real_images_that_were_asked_about():
    """Of 30 images 12 are real; the others that were asked about cover, and are not targets."""
    one, _ = inputs_of_round("uncertainty_herding")
    of = candidates([0, 1, 2, 3, 4], [5, 6, 7, 8, 9], of=one._replace(real=12))
    asked = of.queried()
    uncertainty = np.maximum(divergences(of.answers(), asked.probabilities)[:12], 0)
    points = of.predictions().features
    expected = plain_cover(points, asked.features, np.arange(12), uncertainty, 3)
    assert uncertainty_herding.choose(of, 3).tolist() == expected
