"""Relations of turned images to upright ones: METHODS' worked numbers, a slow version in NumPy, a
head that learns.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.training import relations, teacher_features
from tests.support import plain

# Two images, three turned views of each; the right column is 0 for the first three rows and 1 for
# the others.
ROWS = jnp.array([(0.9, 0.1), (0.2, 0.8), (0.3, 0.6), (0.4, 0.5), (0.1, 0.7), (0.6, 0.2)])
RIGHT = jnp.array([0, 0, 0, 1, 1, 1])
BOTH = jnp.array([True, True])


def cosine(a, b):
    """0 where either is nothing at all."""
    return np.dot(a, b) / (max(np.sqrt(np.dot(a, a)), 1e-8) * max(np.sqrt(np.dot(b, b)), 1e-8))


def plain_losses(own, theirs, real, views, share=0.75, tau=0.5):
    """The mean divergence over kept rows, and which those are; image by image, view by view."""
    images = [place for place in range(0, len(real), views) if real[place]]
    rows = [first + view for first in images for view in range(1, views)]

    def rows_of(side):
        side = np.float64(side)
        return {
            row: np.array([cosine(side[row], side[column]) for column in images]) for row in rows
        }

    teachers, students = rows_of(theirs), rows_of(own)
    ranks = {
        row: sorted(-teachers[row]).index(-teachers[row][images.index(row - row % views)])
        for row in rows
    }
    wrong = sorted((row for row in rows if ranks[row]), key=lambda row: ranks[row])
    kept = sorted([row for row in rows if not ranks[row]] + wrong[: int(share * len(wrong))])
    each = [
        tau**2 * plain.kl(plain.softmax(teachers[row] / tau), plain.softmax(students[row] / tau))
        for row in kept
    ]
    return np.mean(each), kept


def test_worked_ranks_and_rows_that_are_kept():
    ranks = jax.vmap(relations.rank_of_match, (0, 0, None))(ROWS, RIGHT, BOTH)
    assert ranks.tolist() == [0, 1, 1, 0, 0, 1]
    for share, kept in (
        (0.75, [0, 1, 2, 3, 4]),
        (0.5, [0, 1, 3, 4]),
        (0.0, [0, 3, 4]),
        (1.0, [0, 1, 2, 3, 4, 5]),
    ):
        assert (
            np.flatnonzero(relations.rows_to_learn(ranks, jnp.ones(6, bool), share)).tolist()
            == kept
        )


def test_the_best_ranked_of_the_wrong_rows_are_kept():
    """Of ranks 3, 1, 2 and 1, three of the four at most .75; rows and columns that do not count
    have no part in it.
    """
    ranks, there = jnp.array([3, 1, 0, 2, 1, 0]), jnp.array([True, True, True, True, True, False])
    assert np.flatnonzero(relations.rows_to_learn(ranks, there, 0.75)).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(relations.rows_to_learn(ranks, there, 0.5)).tolist() == [1, 2, 4]
    row = jnp.array([0.5, 0.9, 0.5, 0.5])
    assert [int(relations.rank_of_match(row, q, jnp.ones(4, bool))) for q in range(4)] == [
        1,
        0,
        2,
        3,
    ]  # of equals, the first
    assert int(relations.rank_of_match(row, 0, jnp.array([True, False, True, True]))) == 0


def test_worked_divergence():
    found = relations.divergence(jnp.array([0.9, 0.1]), jnp.array([0.5, 0.3]), BOTH)
    np.testing.assert_allclose(found, 0.031884, atol=1e-6)
    wider = relations.divergence(
        jnp.array([0.9, 5.0, 0.1]), jnp.array([0.5, -7.0, 0.3]), jnp.array([True, False, True])
    )
    np.testing.assert_allclose(wider, found, atol=1e-7)


def test_the_released_ratio():
    """.9 of the mean over upright views, 2.7 over turned ones and 10 of the relations: 10 / 3.6
    beside all views.
    """
    each, related = np.random.default_rng(0).exponential(size=(5, 4)), 0.3
    released = 0.9 * each[:, 0].mean() + 2.7 * each[:, 1:].mean() + 10 * related
    np.testing.assert_allclose(released / 3.6, each.mean() + relations.WEIGHT * related, rtol=1e-12)


@pytest.mark.parametrize("count", [12, 20])
def test_losses_of_a_batch(count):
    """Some rows are wrong, some of these left out; what only fills the batch may be anything."""
    rng = np.random.default_rng(1)
    own, theirs = (
        rng.normal(size=(20, 5)),
        np.repeat(rng.normal(size=(5, 6)), 4, 0) + rng.normal(size=(20, 6)),
    )
    real = np.float32(np.arange(20) < count)
    expected, kept = plain_losses(own, theirs, real, 4)
    own[count:], theirs[count:] = 1e3, -1e3
    of = jax.jit(lambda h, shown, there: relations.losses(h, shown, there, 4))
    found = of(jnp.float32(own), jnp.float32(theirs), real)
    assert np.flatnonzero(found).tolist() == kept and len(kept) < 3 * count // 4
    np.testing.assert_allclose(found.sum() / count, expected, rtol=1e-5)
    slopes = jax.jit(jax.grad(lambda h: of(h, jnp.float32(theirs), real).sum()))(jnp.float32(own))
    assert np.all(np.isfinite(slopes)) and not np.any(slopes[count:])


def test_nothing_to_compare():
    """One image alone, of which all features are zero: no loss, and a gradient that is a number."""
    of = jax.jit(jax.value_and_grad(lambda h: relations.losses(h, h, jnp.ones(4), 4).sum()))
    value, slope = of(jnp.zeros((4, 3)))
    assert value == 0 and not np.any(slope)


def plain_finding(params, features):
    """Mean cross-entropy of the right column, over every turned view."""
    layers = [
        (np.float64(params[name]["kernel"]), params[name]["bias"]) for name in ("hidden", "last")
    ]
    (first, shift), (last, bias) = layers
    made = [
        [np.maximum(h @ first + shift, 0) @ last + bias for h in view]
        for view in np.float64(features)
    ]
    each = []
    for view in made[1:]:
        for place, one in enumerate(view):
            each.append(
                -np.log(plain.softmax(np.array([cosine(one, other) for other in made[0]]))[place])
            )
    return np.mean(each)


def turned(images, width):
    """Features of four views of some images, alike up to a little noise and a shift of each view's
    own.
    """
    rng = np.random.default_rng(0)
    shifts = 2 * rng.normal(size=(4, 1, width))
    return np.float32(
        rng.normal(size=(images, width)) + shifts + 0.1 * rng.normal(size=(4, images, width))
    )


def share_found(views):
    """Of the turned images of ``[V, G, d]``, whose own upright one is the most like them."""
    ranked = [
        np.argmax([[cosine(one, other) for other in views[0]] for one in view], 1)
        for view in views[1:]
    ]
    return np.mean(np.array(ranked) == np.arange(views.shape[1]))


def test_a_head_learns_to_find_images():
    """By projections of records, images upright first, then all of them turned; another seed,
    another head.
    """
    features = turned(10, 16)
    first = relations.init(16, np.random.default_rng(0))
    np.testing.assert_allclose(
        jax.jit(relations.matching_loss)(first, features), plain_finding(first, features), rtol=1e-5
    )
    found = teacher_features.project_relations(features.reshape(40, 16), 4, 0)
    assert share_found(features) < 0.8 and share_found(found.reshape(4, 10, 16)) == 1
    np.testing.assert_array_equal(
        found, teacher_features.project_relations(features.reshape(40, 16), 4, 0)
    )
    assert (
        np.abs(found - teacher_features.project_relations(features.reshape(40, 16), 4, 1)).max()
        > 1e-3
    )
    assert (relations.steps(2000), relations.steps(64_000)) == (2000, 60_000)
