"""Capped, balanced and farthest choices: by hand and against plain NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.acquisitions import ACQUISITIONS, balanced, base, capped
from amkd.candidates import candidate_set, coverage
from amkd.core import devices
from amkd.core.errors import UserError
from amkd.search import pairs
from tests.acquisitions.test_acquisitions import inputs_of_round
from tests.search.test_device_search import inputs
from tests.support.choices import candidates, plain_farthest, plain_greedy


def test_places_that_are_missing_are_the_first_others():
    assert candidate_set.fill_up(np.array([4, 1]), 6, 5).tolist() == [4, 1, 0, 2, 3]
    assert candidate_set.fill_up(np.array([4, 1]), 6, 2).tolist() == [4, 1]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("FLOATS", r"returned float64\[2\]"),
        ("MASK", r"returned bool\[4\]"),
        ("NEGATIVE", "returned places from -1 to 0"),
        ("TOO_HIGH", "returned places from 3 to 4"),
        ("TOO_MANY", r"returned int64\[4\]"),
        ("TWICE", "returned only 1 different places"),
    ],
)
def test_an_acquisition_returns_k_different_places(rule, told):
    name, of = f"tests.support.wrong_choices:{rule}", candidates([0, 0, 0, 1], [1, 2, 3, 2])
    with pytest.raises(UserError, match=rf"config\.search\.acquisition='{name}': {told}; it must"):
        base.chosen(name, of, 2)
    assert base.chosen("lowest", of, 2).tolist() == [0, 1]


# capped


def test_capped_by_hand():
    """Two mixes an image: image 0 is full after two, so (0, 3) waits; with no others left it comes
    back.
    """
    of = candidates([0, 0, 0, 1, 2], [1, 2, 3, 2, 3], max_per_image=2)
    assert capped.choose(of, 4).tolist() == [0, 1, 3, 2]
    assert capped.choose(of, 3).tolist() == [0, 1, 3]
    assert capped.choose(of, 5).tolist() == [0, 1, 3, 2, 4]
    assert capped.choose(candidates([0, 0, 0], [1, 2, 3], max_per_image=9), 2).tolist() == [0, 1]


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 1000))
def test_no_image_is_in_more_mixes_than_its_cap_while_there_are_others(cap, k, seed):
    rng = np.random.default_rng(seed)
    i, j = pairs.pair_of(np.sort(rng.choice(66, 40, replace=False)), 12)
    order = rng.permutation(40)
    of = candidates(i[order], j[order], of=inputs(n=12), max_per_image=cap)
    found = capped.choose(of, k)
    assert len(set(found.tolist())) == len(found) == k
    uses = np.zeros(12, int)
    for place in range(40):  # one after the other, as a person would
        pair = [of.scored.i[place], of.scored.j[place]]
        if np.all(uses[pair] < cap) and np.sum(uses) < 2 * k:
            uses[pair] += 1
            assert place in found


def test_an_image_and_its_variants_share_one_cap():
    """Of 12 images 6 are real: 6 is a variant of 0 and 7 one of 1, so that (6, 7) is one more mix
    of both.
    """
    of = candidates([0, 6, 2], [1, 7, 3], of=inputs(n=12), max_per_image=1, variants=1)
    assert capped.choose(of, 2).tolist() == [0, 2]


# balanced


def test_balanced_by_hand():
    """Classes take turns: the first of each, then the second of each; class 1 runs out."""
    named = np.array([0, 0, 0, 1, 2, 2, 0])
    assert balanced.take_turns(named, 4, 5).tolist() == [0, 3, 4, 1, 5]
    assert balanced.take_turns(named, 4, 7).tolist() == [0, 3, 4, 1, 5, 2, 6]


@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 1000))
def test_balanced_takes_as_even_a_number_of_each_class_as_there_is(k, classes, seed):
    named = np.random.default_rng(seed).integers(0, classes, 60)
    found = balanced.take_turns(named, classes, k)
    assert len(set(found.tolist())) == k
    counts, there = (np.bincount(of, minlength=classes) for of in (named[found], named))
    short = counts < counts.max() - 1
    np.testing.assert_array_equal(counts[short], there[short])  # fewer only where there are no more
    for one in range(classes):  # the lowest C2 of each
        np.testing.assert_array_equal(
            np.sort(found[named[found] == one]), np.flatnonzero(named == one)[: counts[one]]
        )


# k_center


def test_k_center_by_hand():
    """Points 0, 1, 5, 6, 10, and 0 is labelled: 10 is the farthest, then 5; the covering radius is
    1.
    """
    points = np.float32([[0], [1], [5], [6], [10]])
    assert coverage.k_center(points, points[:1], 2).tolist() == [4, 2]
    left = coverage.nearest(jnp.asarray(points), jnp.asarray(points[[0, 4, 2]]))
    assert float(jnp.sqrt(left.max())) == 1


@given(st.integers(0, 1000), st.integers(0, 4))
def test_k_center_is_the_plain_reference(seed, centers):
    """Whole coordinates around 0, so that distances are exact and ties are ties; the last copy
    points chosen before.
    """
    rng = np.random.default_rng(seed)
    half = rng.integers(-4, 5, (6, 2)).astype(np.float32)
    points = np.concatenate([half, -half])
    around = rng.integers(-4, 5, (centers, 2)).astype(np.float32)
    found = coverage.k_center(points, around, 12).tolist()
    assert found == plain_farthest(points, around, 12)
    assert sorted(found) == list(range(12))


def test_points_far_from_the_origin_are_told_apart():
    """Squares of 88 per point, and distances of hundredths: the plain distances in float64
    decide.
    """
    rng = np.random.default_rng(0)
    points = (10 + 0.01 * rng.normal(size=(60, 84))).astype(np.float32)
    assert coverage.k_center(points, points[:1], 10).tolist() == plain_farthest(
        points, points[:1], 10
    )
    away = ((np.float64(points)[:, None] - np.float64(points)) ** 2).sum(-1) + np.diag(
        np.full(60, np.inf)
    )
    near = np.argsort(away, 1, kind="stable")[:, :5]
    found = coverage.worthy_and_diverse(np.zeros(60, np.float32), points, 1.0, 5, 60)
    assert found.tolist() == plain_greedy(np.zeros(60), near, 1.0, 60)


@given(st.integers(0, 1000), st.sampled_from([1, 4]), st.sampled_from([0.0, 0.25, 1.0]))
def test_greedy_is_the_plain_reference(seed, n, beta):
    """Points lie in several lists of neighbours, and all of them are chosen in the end; eighths add
    up exactly.
    """
    rng = np.random.default_rng(seed)
    worth = rng.integers(0, 16, 12) / 8
    near = np.stack([rng.choice(np.delete(np.arange(12), p), n, replace=False) for p in range(12)])
    found = coverage.greedy(jnp.asarray(worth, jnp.float32), jnp.asarray(near), beta, 12)
    assert found.tolist() == plain_greedy(worth, near, beta, 12)


def test_k_center_of_points_that_are_all_alike_takes_each_once():
    assert sorted(
        coverage.k_center(np.ones((5, 3), np.float32), np.ones((1, 3), np.float32), 5).tolist()
    ) == list(range(5))


# Four that look at answers and real images.


@pytest.mark.parametrize(
    "name", ["transductive_variance", "epig", "excess_doubt", "uncertainty_herding"]
)
def test_as_many_devices_as_there_are_choose_what_one_chooses(name, as_accelerated, monkeypatch):
    one, _ = inputs_of_round(name)
    found = ACQUISITIONS[name].choose(candidates(np.arange(20), np.arange(1, 21), of=one), 8)
    monkeypatch.setattr(devices, "accelerated", lambda: False)
    alone = ACQUISITIONS[name].choose(candidates(np.arange(20), np.arange(1, 21), of=one), 8)
    assert found.tolist() == alone.tolist()
