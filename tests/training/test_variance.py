"""Variances that features predict: worked numbers, and a plain NumPy reference on one device and on
several.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.training import variance

D = jnp.array([0.01, 1, 0.25])
S = jnp.array([-1, 0.5, 0])


def plain_logarithms(params, features, weight):
    """Of a whole batch; NaN for what only fills it."""
    raw = np.array([np.dot(np.float64(row), np.float64(params["kernel"])) for row in features])
    there = np.asarray(weight) > 0
    raw[~there] = np.nan
    normal = (raw - raw[there].mean()) / np.sqrt(raw[there].var() + 1e-5)
    return np.clip(params["scale"] * normal + params["bias"], -5, 5)


def test_worked_likelihoods():
    """d = .01, 1 and .25 at s = -1, .5 and 0: their mean is .127904, and images weigh exp(-s)."""
    each = jax.vmap(variance.likelihood)(D, S)
    np.testing.assert_allclose(each, [-0.972817, 1.106531, 0.25], atol=1e-6)
    np.testing.assert_allclose(each.mean(), 0.127904, atol=1e-6)
    weights = jax.vmap(jax.grad(variance.likelihood))(D, S)
    np.testing.assert_allclose(weights, [2.718282, 0.606531, 1], atol=1e-6)


def test_worked_likelihoods_with_a_guard():
    """The same numbers; a variance of almost nothing is held above a millionth."""
    each = jax.vmap(variance.guarded_likelihood)(D, S)
    np.testing.assert_allclose(each, [-0.972817, 1.106531, 0.25], atol=1e-6)
    np.testing.assert_allclose(
        variance.guarded_likelihood(jnp.float32(1), jnp.float32(-100)), 1e6 - 100
    )


def test_the_best_variance_is_the_distance():
    best = jnp.array([-4.605170, 0, -1.386294])
    np.testing.assert_allclose(
        jax.vmap(jax.grad(variance.likelihood, 1))(D, best), np.zeros(3), atol=1e-6
    )
    for other in (best - 0.1, best + 0.1):
        assert np.all(
            jax.vmap(variance.likelihood)(D, other) > jax.vmap(variance.likelihood)(D, best)
        )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_logarithms_of_a_batch_on_any_number_of_devices(count):
    """The normalisation is over all of it, and knows nothing of what fills it."""
    rng = np.random.default_rng(0)
    features, weight = rng.normal(2, 3, (16, 5)).astype(np.float32), np.float32([1] * 13 + [0] * 3)
    params = {
        "kernel": rng.normal(size=5).astype(np.float32),
        "scale": np.float32(3.5),
        "bias": np.float32(-1),
    }
    run = jax.pmap(
        lambda h, w: variance.logarithms(params, h, w, "d"),
        "d",
        devices=jax.local_devices()[:count],
    )
    expected = plain_logarithms(params, features, weight)[:13]
    features[13:] = 1e6
    found = np.ravel(run(features.reshape(count, -1, 5), weight.reshape(count, -1)))[:13]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found.min() == -5 and found.max() > 1


def test_images_that_are_all_alike():
    """No division by nothing."""
    params = variance.init(4, np.random.default_rng(0))
    run = jax.vmap(lambda h, w: variance.logarithms(params, h, w, "d"), axis_name="d")
    np.testing.assert_allclose(
        run(jnp.ones((1, 3, 4)), jnp.ones((1, 3))), np.zeros((1, 3)), atol=1e-3
    )


def test_first_weights():
    """A random direction, no longer for more features."""
    first, again = (variance.init(1000, np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(first["kernel"], again["kernel"])
    assert abs(np.linalg.norm(first["kernel"]) - 1) < 0.1
    assert (first["scale"], first["bias"]) == (1, 0)
    assert variance.init(1000, np.random.default_rng(0), 3)["kernel"].shape == (1000, 3)
