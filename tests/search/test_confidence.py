"""C1, C2 and the scoring of many pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import models
from amkd.data import mixing
from amkd.models import inference
from amkd.models.inference import MixInput
from amkd.search import confidence, pairs
from amkd.search.lambda_grid import lambda_grid
from tests.support import plain

QUARTERS = np.int32([0, 16384, 32768, 49152, 65536])  # lambdas 0, 1/4, 1/2, 3/4, 1
POINTS = np.array([(1, 0, 0), (0, 1, 0), (0.5, 0, 0.5)], np.float32)
SHAPE = (8, 8, 1)


def three(x):
    return 3 * x


def grid(weights):
    return confidence.Grid(tuple(weights.tolist()))


def lenet(seed=0):
    network = models.build("lenet5_half", 10, SHAPE)
    shapes = jax.eval_shape(lambda: inference.init(network, SHAPE, jax.random.key(0)))
    return network, plain.random_variables(shapes, seed)


def some_images(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *SHAPE), np.uint8)


@pytest.mark.parametrize(
    ("i", "j", "values", "w"),
    [
        (0, 1, (0.909443, 0.752712, 0.449816, 0.752712, 0.909443), 32768),
        (1, 2, (0.449816, 0.372122, 0.514209, 0.765281, 0.909443), 16384),
        (0, 2, (0.449816, 0.615111, 0.752712, 0.849012, 0.909443), 0),
    ],
)
def test_worked_c1_and_c2(i, j, values, w):
    mixes = [mixing.mix(POINTS[i], POINTS[j], lam) for lam in mixing.lam_of(QUARTERS)]
    np.testing.assert_allclose([confidence.c1(three(x)) for x in mixes], values, atol=1e-6)
    score, where = confidence.c2(three, POINTS[i], POINTS[j], QUARTERS)
    np.testing.assert_allclose(score, min(values), atol=1e-6)
    assert where == w
    assert (score.dtype, where.dtype) == (jnp.float32, jnp.int32)
    assert (score.shape, where.shape) == ((), ())


@pytest.mark.parametrize(
    "logits", [(0, 0, 0, 0), (1, 2, 3, -4), (90, 0, 0, 0), (-1e4, -1e4, 0, 1e4)]
)
def test_c1_is_the_largest_probability(logits):
    np.testing.assert_allclose(confidence.c1(jnp.float32(logits)), plain.c1(logits), rtol=1e-6)


def test_c1_of_certainty_and_of_ignorance():
    assert confidence.c1(jnp.float32([1e4, 0, 0])) == 1
    np.testing.assert_allclose(confidence.c1(jnp.zeros(10)), 0.1, rtol=1e-6)


def test_first_of_equal_minima_is_the_arg_min():
    score, where = confidence.c2(lambda x: 0 * x, POINTS[0], POINTS[1], QUARTERS)
    np.testing.assert_allclose(score, 1 / 3, rtol=1e-6)
    assert where == 0


def test_c2_of_a_grid_of_one_value_is_c1():
    score, where = confidence.c2(three, POINTS[0], POINTS[1], QUARTERS[1:2])
    np.testing.assert_allclose(score, confidence.c1(3 * jnp.array([0.25, 0.75, 0])), rtol=1e-6)
    assert where == 16384


def test_c2_is_symmetric_on_a_symmetric_grid():
    network, variables = lenet()
    trunk = inference.network_of_one(network, variables)
    images = some_images(6).astype(np.float32)
    weights = lambda_grid(0.3, 0.7, 11)
    i, j = pairs.pair_of(np.arange(15), 6)
    one = jax.jit(jax.vmap(lambda p, q: confidence.c2(trunk, p, q, weights)))
    forward, there = one(images[i], images[j])
    backward, back = one(images[j], images[i])
    np.testing.assert_allclose(forward, backward, rtol=1e-5)
    np.testing.assert_array_equal(there, mixing.ONE - back)
    assert len(set(np.asarray(there).tolist())) > 1  # not all at one end


def test_batched_scores_agree_with_the_plain_ones():
    """A real network with random weights, by way of its stem's activations."""
    network, variables = lenet()
    images = some_images(6)
    weights = lambda_grid(0.3, 0.7, 5)
    i, j = pairs.pair_of(np.arange(15), 6)
    table = MixInput(inference.stem(network, variables, images))
    minimise = grid(weights).on(inference.trunk_of_one(network, variables))
    scores, w = jax.jit(lambda i, j: confidence.score_pairs(minimise, table, i, j, 5))(i, j)
    expected = [
        plain.c2(
            lambda x: plain.lenet5(variables["params"], x), images[a], images[b], weights / 65536
        )
        for a, b in plain.all_pairs(6)
    ]
    np.testing.assert_allclose(scores, [score for score, _ in expected], atol=1e-6)
    assert w.tolist() == [weights[where] for _, where in expected]
    assert len(set(w.tolist())) > 1


def test_any_minimiser_is_applied_to_every_pair():
    i, j = np.int32([0, 0, 1, 2]), np.int32([1, 2, 2, 0])
    table = jnp.arange(6, dtype=jnp.float32).reshape(3, 2)
    score, w = confidence.score_pairs(
        lambda a, b: (a[0] - b[1], (100 * a[1] + b[0]).astype(jnp.int32)), table, i, j, 2
    )
    np.testing.assert_array_equal(score, [0 - 3, 0 - 5, 2 - 5, 4 - 1])
    assert w.tolist() == [102, 104, 304, 500]


def test_a_grid_is_hashable_and_counts_its_evaluations():
    one, same, other = (grid(np.int32(weights)) for weights in ([1, 2, 3], [1, 2, 3], [1, 2]))
    assert hash(one) == hash(same) and one == same != other
    assert (one.evaluations, other.evaluations) == (3, 2)


def scorer(tile, seed=0):
    network, variables = lenet(seed)
    minimise = grid(lambda_grid(0.3, 0.7, 3)).on(inference.trunk_of_one(network, variables))
    run = jax.jit(lambda table, i, j: confidence.score_pairs(minimise, table, i, j, tile))

    def score(images, i, j):
        table = MixInput(inference.stem(network, variables, images))
        return tuple(
            np.asarray(part)
            for part in run(table, np.asarray(i, np.int32), np.asarray(j, np.int32))
        )

    return score


def test_other_pairs_of_the_batch_do_not_leak_into_a_score():
    """Bit for bit: the same tile with other neighbours, and other images for those neighbours."""
    score = scorer(tile=4)
    images = some_images(12)
    i, j = np.arange(8), np.arange(8) + 1
    scores, best = score(images, i, j)
    assert len(np.unique(scores)) == 8
    rng = np.random.default_rng(1)
    for kept in range(8):
        other_i, other_j = rng.integers(0, 12, (2, 8))
        other_i[kept], other_j[kept] = i[kept], j[kept]
        other_images = some_images(12, seed=2 + kept)
        other_images[[i[kept], j[kept]]] = images[[i[kept], j[kept]]]
        other, other_best = score(other_images, other_i, other_j)
        assert other[kept] == scores[kept]
        assert other_best[kept] == best[kept]
        assert np.count_nonzero(other == scores) == 1


def test_scores_do_not_depend_on_how_many_pairs_are_in_the_call():
    score = scorer(tile=4)
    images = some_images(12)
    i, j = pairs.pair_of(np.arange(64), 12)
    scores, best = score(images, i, j)
    for start, stop in ((0, 4), (4, 12), (60, 64), (32, 64)):
        part, part_best = score(images, i[start:stop], j[start:stop])
        np.testing.assert_array_equal(part, scores[start:stop])
        np.testing.assert_array_equal(part_best, best[start:stop])


@pytest.mark.parametrize("tile", [1, 2, 8])
def test_scores_hardly_depend_on_the_tile(tile):
    images = some_images(6)
    i, j = np.arange(8) % 5, np.arange(8) % 5 + 1
    expected, expected_best = scorer(4)(images, i, j)
    scores, best = scorer(tile)(images, i, j)
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    np.testing.assert_array_equal(best, expected_best)


def test_scoring_refuses_other_types():
    i = jnp.zeros(4, jnp.int32)
    with pytest.raises(AssertionError):
        confidence.score_pairs(grid(QUARTERS).on(three), POINTS, i.astype(jnp.uint8), i, 2)
    with pytest.raises(AssertionError):
        confidence.c2(three, POINTS[0], POINTS[1], mixing.lam_of(QUARTERS))
