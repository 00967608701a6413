"""Uncertainty, gradients, neighbours and predicted losses: worked numbers and plain NumPy
references.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd import models
from amkd.acquisitions import distillation_gap
from amkd.candidates import coverage, gradients, loss_prediction
from amkd.core import devices
from amkd.models import inference, prediction, uncertainty
from amkd.tasks.one_class import total_variation
from tests.search.test_device_search import variables_of
from tests.support import plain

P = np.float32([(0.5, 0.3, 0.2), (0.9, 0.05, 0.05), (0.4, 0.4, 0.2)])


def simplex(seed, *shape):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)


def test_worked_entropies_and_margins():
    np.testing.assert_allclose(
        devices.each(uncertainty.entropy, P), (1.029653, 0.394398, 1.054920), atol=1e-6
    )
    np.testing.assert_allclose(devices.each(uncertainty.margin, P), (0.2, 0.85, 0), atol=1e-6)
    assert uncertainty.entropy(jnp.array([1.0, 0.0])) == 0


@given(st.integers(0, 1000))
def test_entropies_are_the_plain_reference(seed):
    p = simplex(seed, 7, 4)
    np.testing.assert_allclose(
        devices.each(uncertainty.entropy, p), [plain.entropy(row) for row in p], atol=1e-5
    )


def test_blocks_change_nothing():
    p = simplex(0, 5000, 3)
    whole = devices.each(uncertainty.entropy, p)
    np.testing.assert_array_equal(whole[4090:4100], devices.each(uncertainty.entropy, p[4090:4100]))


def test_worked_disagreement():
    """Two sure opinions that differ: .368064; two that are unsure alike: 0."""
    found = devices.each(
        uncertainty.disagreement, np.float32([[(0.9, 0.1), (0.1, 0.9)], [(0.5, 0.5), (0.5, 0.5)]])
    )
    np.testing.assert_allclose(found, (0.368064, 0), atol=1e-6)


@given(st.integers(0, 1000))
def test_disagreement_is_never_below_nothing_and_nothing_among_equals(seed):
    opinions = simplex(seed, 4, 5)
    found = devices.each(uncertainty.disagreement, np.stack([opinions, opinions[[0, 0, 0, 0]]]))
    assert found[0] >= -1e-6 and abs(found[1]) < 1e-6


@pytest.mark.parametrize(
    ("a", "b", "worth"),
    [(0.1, 0.1, 0.2), (0.1, 0.5, 3.0), (0.5, 0.1, 3.0), (0.5, 0.5, 1.0), (0.05, 0.5, 5.5)],
)
def test_worked_contrasts(a, b, worth):
    np.testing.assert_allclose(uncertainty.contrast(a, b, 1e-9, 100.0), worth, rtol=1e-5)


def test_the_contrast_of_three_classifiers():
    """Gaps .2 and .1: (.3) * 2."""
    models_ = [np.float32([row]) for row in ((0.7, 0.2, 0.1), (0.5, 0.3, 0.2), (0.6, 0.3, 0.1))]
    np.testing.assert_allclose(total_variation(models_[0][0], models_[1][0]), 0.2, atol=1e-6)
    found = distillation_gap.contrasts(total_variation, *models_)
    np.testing.assert_allclose(found, [0.6], rtol=1e-5)


def test_a_gap_of_nothing_does_not_outdo_all():
    """Its ratio is bounded; where all three agree there is no contrast."""
    same, other = np.float32([[0.5, 0.5]]), np.float32([[0.9, 0.1]])
    contrasts = functools.partial(distillation_gap.contrasts, total_variation)
    np.testing.assert_allclose(contrasts(same, same, other), [0.4 * 10], rtol=1e-4)
    assert contrasts(same, same, same).tolist() == [0]


# BADGE


G = gradients.Factors(
    jnp.asarray(
        np.float32([(0.5, 0.3, 0.2), (0.9, 0.05, 0.05), (0.4, 0.4, 0.2)]) - np.float32([1, 0, 0])
    ),
    jnp.asarray(np.float32([(1, 0), (0, 2), (1, 1)])),
)


def test_worked_gradients():
    np.testing.assert_allclose(gradients.squares(G), (0.38, 0.06, 1.12), atol=1e-6)
    np.testing.assert_allclose(
        gradients.squared_distances(G, jnp.int32(0)), (0, 0.44, 0.58), atol=1e-6
    )
    np.testing.assert_allclose(
        gradients.squared_distances(G, jnp.int32(2)), (0.58, 0.82, 0), atol=1e-6
    )
    made = gradients.factors(jnp.asarray(P), G.h)
    np.testing.assert_allclose(made.r[1], (-0.1, 0.05, 0.05), atol=1e-6)


def test_worked_seeds():
    """The longest first, which is the third; then the first and second with odds of .58 to .82."""
    draws = jax.jit(jax.vmap(lambda key: gradients.spread(G, 2, key)))(
        jax.random.split(jax.random.key(0), 1000)
    )
    assert set(draws[:, 0].tolist()) == {2}
    share = np.mean(draws[:, 1] == 0)
    assert abs(share - 0.414286) < 5 * np.sqrt(0.414286 * 0.585714 / 1000)


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_those_that_are_made(seed):
    rng = np.random.default_rng(seed)
    p, h = simplex(seed, 6, 4), rng.normal(size=(6, 3)).astype(np.float32)
    made = gradients.factors(jnp.asarray(p), jnp.asarray(h))
    whole = np.einsum(
        "my,md->myd", np.asarray(made.r, np.float64), np.asarray(h, np.float64)
    ).reshape(6, -1)
    np.testing.assert_allclose(gradients.squares(made), (whole**2).sum(1), rtol=1e-4, atol=1e-6)
    distances = ((whole - whole[2]) ** 2).sum(1)
    np.testing.assert_allclose(
        gradients.squared_distances(made, jnp.int32(2)), distances, rtol=1e-3, atol=1e-5
    )


def test_seeds_are_all_different_even_of_equal_gradients():
    p, h = np.tile(P[:1], (6, 1)), np.ones((6, 2), np.float32)
    assert sorted(gradients.badge(p, h, 6, jax.random.key(0)).tolist()) == list(range(6))
    sure = np.tile(np.float32([[1, 0, 0]]), (4, 1))  # gradients of nothing
    assert sorted(gradients.badge(sure, h[:4], 4, jax.random.key(1)).tolist()) == list(range(4))


# Reverse neighbours


LINE = np.float32([[0], [1], [1.5], [3], [10]])


def test_worked_neighbours():
    assert [set(row) for row in coverage.neighbours(jnp.asarray(LINE), 2, block=2).tolist()] == [
        {1, 2}, {0, 2}, {0, 1}, {1, 2}, {2, 3},
    ]  # fmt: skip


@pytest.mark.parametrize(("k", "block"), [(1, 1), (3, 7), (5, 3), (5, 9)])
def test_neighbours_are_the_plain_reference(k, block):
    neighbours = jax.jit(lambda points: coverage.neighbours(points, k, block))
    for seed in range(50):
        points = np.random.default_rng(seed).integers(-5, 6, (7, 2)).astype(np.float32)
        for place, row in enumerate(neighbours(points).tolist()):
            distances = ((points - points[place]) ** 2).sum(1)
            distances[place] = np.inf
            assert row == np.argsort(distances, kind="stable")[:k].tolist()


def test_worked_greedy_choice():
    """Scores 1.6 1.4 1.4 1.2 .8: the first; then 1.1 1.1 1.2 .8: the fourth; then .8 .8 .8: the
    first of these.
    """
    worth = np.float32([1, 0.5, 0.2, 0.9, 0.8])
    assert coverage.worthy_and_diverse(worth, LINE, 0.3, 2, 3).tolist() == [0, 3, 1]
    # A single point has no neighbours.
    assert coverage.worthy_and_diverse(worth[:1], LINE[:1], 1.0, 0, 1).tolist() == [0]
    assert coverage.worthy_and_diverse(worth, LINE, 0.0, 2, 5).tolist() == [
        0,
        3,
        4,
        1,
        2,
    ]  # beta = 0: by worth alone


# Learning Loss


def test_worked_ranking_loss():
    """Pairs (0, 3) and (1, 2): terms 1.2 and .3."""
    predicted, true = jnp.array([0.3, 0.9, 0.2, 0.1]), jnp.array([2, 1, 0.5, 3])
    np.testing.assert_allclose(loss_prediction.ranking_loss(predicted, true), 0.75, atol=1e-6)
    np.testing.assert_allclose(
        loss_prediction.ranking_loss(predicted, jnp.ones(4)), ((1 + 0.2) + (1 + 0.7)) / 2
    )


@given(st.integers(0, 1000), st.integers(1, 6))
def test_ranking_losses_are_the_plain_reference(seed, half):
    rng = np.random.default_rng(seed)
    predicted, true = rng.normal(size=2 * half), rng.integers(0, 3, 2 * half)  # with ties
    found = loss_prediction.ranking_loss(jnp.float32(predicted), jnp.float32(true))
    np.testing.assert_allclose(found, plain.ranking_loss(predicted, true), rtol=1e-5, atol=1e-6)


def test_a_predictor_is_trained_as_the_plain_reference_trains_it():
    """Twelve steps of Adam in double precision, gradients pair by pair, from the same weights and
    batches.
    """
    rng, key, steps = np.random.default_rng(0), jax.random.key(3), 12
    features, losses = (
        rng.normal(size=(50, 3)).astype(np.float32),
        rng.exponential(size=50).astype(np.float32),
    )
    for_init, for_batches = jax.random.split(key)
    batches = [
        np.asarray(jax.random.randint(k, (128,), 0, 50))
        for k in jax.random.split(for_batches, steps)
    ]
    first = jax.tree.map(np.float64, loss_prediction.init(3, for_init))
    leaves, structure = jax.tree.flatten(first)

    def gradients_of(values, index):
        params = jax.tree.unflatten(structure, values)
        return jax.tree.leaves(
            plain.ranking_gradient(params, features[index].astype(np.float64), losses[index])
        )

    expected = jax.tree.unflatten(structure, plain.adam(leaves, gradients_of, batches))
    found = jax.jit(loss_prediction.fit, static_argnums=2)(features, losses, steps, key)
    moved = jax.tree.map(lambda one, other: np.abs(one - other).max(), expected, first)
    for layer, part in (("hidden", "kernel"), ("hidden", "bias"), ("last", "kernel")):
        np.testing.assert_allclose(found[layer][part], expected[layer][part], atol=2e-4)
        assert moved[layer][part] > 5e-3
    assert moved["last"]["bias"] < 1e-6  # pairs know no shift
    one = [loss_prediction.predict(found, row) for row in features]
    other = [plain.predicted_loss(expected, row) for row in features]
    np.testing.assert_allclose(one - np.mean(one), other - np.mean(other), atol=2e-3)


def test_a_predictor_learns_the_order_of_losses():
    """Of points it has not seen, from points it has; and follows from its key."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(600, 4)).astype(np.float32)
    losses = np.exp(points[:, 0]) + 0.3 * points[:, 1] ** 2
    found = loss_prediction.predicted_losses(
        points[:400], losses[:400].astype(np.float32), points[400:], 500, jax.random.key(0)
    )
    ranks = [np.argsort(np.argsort(values)) for values in (found, losses[400:])]
    assert np.corrcoef(*ranks)[0, 1] > 0.9
    again = loss_prediction.predicted_losses(
        points[:400], losses[:400].astype(np.float32), points[400:], 500, jax.random.key(0)
    )
    np.testing.assert_array_equal(found, again)


# Dropout as a committee


def test_passes_differ_by_their_masks_alone():
    """Each image and pass has a mask of its own, whatever the blocks; without dropout all passes
    are the prediction.
    """
    network = models.build("alexnet_half", 3, (15, 15, 3))
    variables = variables_of(network, (15, 15, 3))
    images = np.random.default_rng(0).integers(0, 256, (9, 15, 15, 3), np.uint8)
    key = jax.random.key(0)
    whole = prediction.predict_with_dropout(network, variables, [images], passes=4, key=key)
    assert whole.shape == (9, 4, 3)
    np.testing.assert_allclose(whole.sum(-1), 1, atol=1e-5)
    parts = prediction.predict_with_dropout(
        network, variables, [images[:5], images[5:]], passes=4, key=key
    )
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    assert np.abs(whole[:, 0] - whole[:, 1]).max() > 1e-3
    keys = jax.random.split(key, (2, 9))
    still = models.build("lenet5_half", 3, (8, 8, 1))
    grey = images[:, :8, :8, :1]
    own = variables_of(still, (8, 8, 1))
    found = inference.predict_with_dropout(still, own, jnp.asarray(grey), keys)
    np.testing.assert_allclose(found, [prediction.predict(still, own, grey)] * 2, atol=1e-6)
