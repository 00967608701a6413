"""The least C1 along a pair: curves by hand, planted dips, and dense minimisation."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.models.inference import MixInput
from amkd.search import confidence, refinement
from amkd.search.lambda_grid import lambda_grid
from amkd.search.refinement import Knots, Range, Refined
from tests.support import plain

RANGE = Range(19661, 45875)  # lambda .3 to .7
WHOLE = Range(1, 65535)
Forecast = functools.partial(Refined, forecast=True)
GRID = confidence.Grid(tuple(lambda_grid(0.3, 0.7, 11).tolist()))


def seen(trunk, x):
    x = jnp.float32(x)
    return MixInput(x, trunk(x))


def minimum(minimiser, trunk, x_i, x_j):
    score, w = jax.jit(minimiser.on(trunk))(seen(trunk, x_i), seen(trunk, x_j))
    assert (score.dtype, w.dtype, score.shape, w.shape) == (jnp.float32, jnp.int32, (), ())
    return float(score), int(w)


def kernels_of(seed, width=64, classes=6, inputs=8, gain=3.0):
    """A ReLU network of two hidden layers, and two inputs."""
    rng = np.random.default_rng(seed)
    shapes = [(inputs, width), (width, width), (width, classes)]
    kernels = [rng.normal(0, np.sqrt(2 / a), (a, b)).astype(np.float32) for a, b in shapes]
    kernels[-1] *= np.float32(gain)
    return kernels, *rng.normal(0, 2, (2, inputs)).astype(np.float32)


def forward(kernels, x, lib=jnp):
    for kernel in kernels[:-1]:
        x = lib.maximum(x @ kernel, 0)
    return x @ kernels[-1]


@functools.cache
def _compiled(minimiser):
    """For one of these networks, without compiling anew for each."""

    def run(kernels, x_i, x_j):
        trunk = functools.partial(forward, kernels)
        return minimiser.on(trunk)(MixInput(x_i, trunk(x_i)), MixInput(x_j, trunk(x_j)))

    return jax.jit(run)


def mlp(minimiser, seed, swap=False):
    """The minimum that is found for the network of a seed."""
    kernels, x_i, x_j = kernels_of(seed)
    score, w = _compiled(minimiser)(kernels, *((x_j, x_i) if swap else (x_i, x_j)))
    return float(score), int(w)


# By hand.


def test_curve_by_hand():
    """Logits 0, 1 and 4 at lambda 0, .5 and 1: secants 2 and 6, so slopes 2, 4 and 6."""
    knots = Knots(jnp.int32([0, 32768, 65536]), jnp.float32([[0, 0], [1, 0], [4, 0]]))
    spans = refinement.curve(knots, Range(16384, 65535))
    np.testing.assert_allclose(
        spans.hermite[:, :, 0], [[0, 2 * 0.5, 1, 4 * 0.5], [1, 4 * 0.5, 4, 6 * 0.5]], rtol=1e-6
    )
    np.testing.assert_allclose(spans.low, [0.25, 0.5])
    np.testing.assert_allclose(spans.high, [0.5, 65535 / 65536])
    # In the middle of the first span: .5*0 + .125*1 + .5*1 - .125*2 = .375; the other logit is 0.
    first = jax.tree.map(lambda column: column[0], spans)
    values = refinement.c1_along(first, jnp.float32([0, 0.25, 0.5]))
    np.testing.assert_allclose(values, [plain.c1((z, 0)) for z in (0, 0.375, 1)], rtol=1e-6)


def test_uneven_slope_by_hand():
    """Knots at 0, .25 and 1: the nearer neighbour's secant weighs more, (.75*4 + .25*0) / 1 = 3."""
    knots = Knots(jnp.int32([0, 16384, 65536]), jnp.float32([[0], [1], [1]]))
    spans = refinement.curve(knots, RANGE)
    np.testing.assert_allclose(spans.hermite[0, :, 0], [0, 4 * 0.25, 1, 3 * 0.25], rtol=1e-6)
    assert spans.high[0] < spans.low[0]  # no part of it is in the range


@pytest.mark.parametrize(("w", "place"), [(1, 1), (300, 2), (500, 3), (65535, 4)])
def test_knots_stay_in_order(w, place):
    knots = Knots(
        jnp.int32([0, 100, 300, 600, 65536]), jnp.arange(10.0, dtype=jnp.float32).reshape(5, 2)
    )
    found = refinement.insert(knots, jnp.int32(w), jnp.float32([-1, -2]))
    assert found.w.tolist() == sorted([*knots.w.tolist(), w])
    place = found.w.tolist().index(w) + knots.w.tolist().count(w)
    np.testing.assert_array_equal(
        found.logits, np.insert(np.arange(10.0).reshape(5, 2), place, [-1, -2], 0)
    )


def test_worked_c2_of_one_evaluation():
    """METHODS' triple: logits 3x, one-hot images, lambda .5."""
    score, w = minimum(Refined(RANGE, 1), lambda x: 3 * x, (1, 0, 0), (0, 1, 0))
    np.testing.assert_allclose(score, 0.449816, atol=1e-6)
    assert w == 32768


def test_planted_dip_between_grid_points():
    """Two classes cross at lambda .4737, so steeply that the grid sees nothing of it."""
    at, steep = 0.4737, 100.0
    # x is lambda, as the mix of 1 and 0; flat outside of .38 and .56.
    trunk = lambda x: jnp.stack([jnp.clip(steep * (x[0] - at), -9, 9), 0 * x[0]])  # noqa: E731
    grid, _ = minimum(GRID, trunk, [1.0], [0.0])
    found, w = minimum(Refined(RANGE, 5), trunk, [1.0], [0.0])
    assert grid > 0.79 and found < 0.501
    assert abs(w / 65536 - at) < 0.001


# Against dense minimisation.


@pytest.mark.parametrize("range_", [RANGE, WHOLE], ids=["middle", "whole"])
@pytest.mark.parametrize("seed", range(8))
def test_linear_logits_are_minimised_as_by_brute_force(seed, range_):
    """The curve is the truth, so that its first guess is the minimum, to the last place looked
    at.
    """
    rng = np.random.default_rng(seed)
    kernel = rng.normal(0, 2, (4, 5)).astype(np.float32)
    x_i, x_j = rng.normal(0, 1, (2, 4)).astype(np.float32)
    lams = np.arange(*range_, 16)[:, None] / 65536
    brute = plain.softmax((lams * x_i + (1 - lams) * x_j) @ kernel).max(1).min()
    for minimiser in (Refined(range_, 2), Forecast(range_, 1)):
        score, w = _compiled(minimiser)([kernel], x_i, x_j)
        assert range_.low <= w <= range_.high
        np.testing.assert_allclose(score, brute, atol=5e-3)


def test_relu_networks_are_minimised_almost_as_by_brute_force():
    """200 random networks: mean excess over every 64th weight, which is some 400 of them."""
    lams = np.arange(RANGE.low, RANGE.high + 1, 64)[:, None] / 65536
    minimisers = {
        "grid": GRID,
        **{evaluations: Refined(RANGE, evaluations) for evaluations in (2, 3, 5)},
    }
    excess = {name: [] for name in minimisers}
    for seed in range(200):
        kernels, x_i, x_j = kernels_of(seed)
        brute = plain.softmax(forward(kernels, lams * x_i + (1 - lams) * x_j, np)).max(1).min()
        for name, minimiser in minimisers.items():
            excess[name].append(mlp(minimiser, seed)[0] - brute)
    means = {name: np.mean(found) for name, found in excess.items()}
    assert min(excess[5]) > -0.01  # lower than brute force only in between its places
    assert means[5] < means[3] < means[2]
    assert means[5] < means["grid"] / 2


@given(st.integers(0, 10**6), st.sampled_from([RANGE, WHOLE, Range(30000, 30001)]))
def test_what_is_returned_was_evaluated(seed, range_):
    """The score is the student's at the returned weight; more evaluations only add to what is
    known.
    """
    kernels, x_i, x_j = kernels_of(seed)
    last = 1.0
    for evaluations in (1, 3):
        score, w = mlp(Refined(range_, evaluations), seed)
        assert range_.low <= w <= range_.high
        expected = plain.c1(forward(kernels, plain.mix(x_i, x_j, w / 65536), np))
        np.testing.assert_allclose(score, expected, atol=1e-4)
        assert score <= last + 1e-6
        last = score


@given(st.integers(0, 10**6))
def test_pairs_are_unordered(seed):
    even = Refined(Range(19660, 45876), 6)  # the middle is 32768
    (one, _), (other, _) = mlp(even, seed), mlp(even, seed, swap=True)
    np.testing.assert_allclose(
        one, other, atol=0.05
    )  # of two guesses that tie, either may come first


# Limits.


def test_two_equal_images_are_one():
    kernels, x, _ = kernels_of(0)
    score, w = minimum(Refined(RANGE, 6), functools.partial(forward, kernels), x, x)
    np.testing.assert_allclose(score, plain.c1(forward(kernels, x, np)), rtol=1e-4)
    assert RANGE.low <= w <= RANGE.high


def test_logits_that_are_not_finite_are_passed_on():
    broken = lambda x: x * jnp.nan  # noqa: E731
    for minimiser in (Refined(RANGE, 3), Forecast(RANGE, 2)):
        assert np.isnan(minimum(minimiser, broken, [1.0, 2.0], [0.0, 1.0])[0])


def test_certainty_everywhere_is_one():
    score, _ = minimum(Refined(RANGE, 4), lambda x: jnp.stack([1e6 + x[0], x[0]]), [1.0], [0.0])
    assert score == 1


@pytest.mark.parametrize("kind", [Refined, Forecast])
@pytest.mark.parametrize("evaluations", [1, 2, 5])
def test_so_many_evaluations_and_no_more(kind, evaluations):
    asked = []

    def trunk(x):
        asked.append(x)
        return jnp.stack([x[0], 1 - x[0], 0.2 + 0 * x[0]])

    minimiser = kind(RANGE, evaluations)
    ends = [MixInput(jnp.float32([x]), jnp.float32([x, 1 - x, 0.2])) for x in (1, 0)]
    jax.eval_shape(minimiser.on(trunk), *ends)
    assert len(asked) == minimiser.evaluations == evaluations
    assert (minimiser.at_once, minimiser.uses_logits) == (1, True)


def test_a_forecast_may_be_lower_than_what_was_evaluated_but_never_higher():
    for seed in range(20):
        assert mlp(Forecast(RANGE, 2), seed)[0] <= mlp(Refined(RANGE, 2), seed)[0]


def test_minimisers_are_told_apart_by_value():
    assert hash(Refined(Range(1, 2), 3)) == hash(Refined(Range(1, 2), 3))
    assert Refined(Range(1, 2), 3) != Refined(Range(1, 2), 4)
