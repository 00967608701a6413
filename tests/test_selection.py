"""The k lowest of a stream."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd import confidence, pairs, selection
from tests import plain


def scored(score, rank=None):
    score = np.asarray(score, np.float32)
    rank = np.arange(len(score)) if rank is None else np.asarray(rank)
    return selection.Scored(score, rank.astype(np.int64), (rank % 11).astype(np.int32))


def cut(whole, size):
    return [selection.Scored(*(column[s : s + size] for column in whole)) for s in range(0, len(whole.score), size)]


def as_list(found):
    return [(float(s), int(r), int(b)) for s, r, b in zip(*found, strict=True)]


def assert_same(found, expected):
    for column, other in zip(found, expected, strict=True):
        assert column.dtype == other.dtype
        np.testing.assert_array_equal(column, other)


def test_worked_selection_takes_pairs_and_not_images():
    """The three most uncertain mixes are all of pair (1, 2); of every pair only one mix may be taken."""
    points = jnp.array([(1, 0, 0), (0, 0.8, 0.1), (0.5, 0, 0.6)], jnp.float32)
    lams = jnp.array([0.3, 0.4, 0.5, 0.6, 0.7], jnp.float32)
    rank = np.arange(3)
    i, j = pairs.pair_of(rank, 3)
    c1 = [[plain.c1(3 * plain.mix(points[a], points[b], lam)) for lam in lams] for a, b in plain.all_pairs(3)]
    worked = [
        (0.592301, 0.483026, 0.499985, 0.618015, 0.721726),
        (0.608328, 0.674285, 0.732794, 0.783029, 0.825035),
        (0.439868, 0.395656, 0.400266, 0.496411, 0.592822),
    ]
    np.testing.assert_allclose(c1, worked, atol=1e-6)
    score, best = confidence.score_pairs(lambda x: 3 * x, points, jnp.asarray(i), jnp.asarray(j), lams, 1)
    np.testing.assert_allclose(score, (0.483026, 0.608328, 0.395656), atol=1e-6)
    found = selection.k_lowest([selection.Scored(np.asarray(score), rank, np.asarray(best))], 3)
    chosen_i, chosen_j = pairs.pair_of(found.rank, 3)
    top = list(zip(chosen_i.tolist(), chosen_j.tolist(), np.round(lams[found.best], 1).tolist(), strict=True))
    assert [(a, b, round(lam, 1)) for a, b, lam in top] == [(1, 2, 0.4), (0, 1, 0.4), (0, 2, 0.3)]


def test_ties_go_to_the_lower_rank():
    found = selection.k_lowest([scored([0.5, 0.2, 0.5, 0.2], [40, 30, 20, 10])], 3)
    assert found.rank.tolist() == [10, 30, 20]
    np.testing.assert_array_equal(found.score, np.float32([0.2, 0.2, 0.5]))
    assert found.best.tolist() == [10, 30 % 11, 20 % 11]


ties = st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


@given(ties, st.integers(1, 70), st.integers(1, 70), st.randoms(use_true_random=False))
def test_the_same_for_any_chunks_in_any_order(scores, k, size, random):
    ranks = random.sample(range(2**40), len(scores))
    whole = scored(scores, np.array(ranks))
    expected = plain.k_lowest(as_list(whole), k)
    chunks = cut(whole, size)
    random.shuffle(chunks)
    found = selection.k_lowest(iter(chunks), k)
    assert as_list(found) == expected
    assert len(found.rank) == min(k, len(scores))


@pytest.mark.parametrize("k", [1, 1000, 70_000])
def test_the_same_when_the_stream_outgrows_the_memory(k):
    """Enough pairs for what is kept to be cut down again and again, with about 200 ties for each score."""
    rng = np.random.default_rng(0)
    count = 300_000
    whole = scored(rng.integers(0, 1500, count) / 1500, rng.permutation(count))
    order = np.lexsort((whole.rank, whole.score))[:k]
    expected = selection.Scored(*(column[order] for column in whole))
    for size in (997, 65_536, count):
        chunks = cut(whole, size)
        assert_same(selection.k_lowest(iter(chunks), k), expected)
        assert_same(selection.k_lowest(iter(chunks[::-1]), k), expected)


def test_a_late_tie_of_lower_rank_pushes_out_an_early_one():
    """After the kept were cut down, an equal score with a lower rank must still come in."""
    count = 200_000
    early = scored(np.full(count, 0.5), np.arange(count) + 1000)
    late = scored(np.full(10, 0.5), np.arange(10))
    found = selection.k_lowest(iter([*cut(early, 10_000), late]), 10)
    assert found.rank.tolist() == list(range(10))


def test_memory_does_not_grow_with_the_stream(monkeypatch):
    sizes = []
    lowest = selection._lowest_of
    monkeypatch.setattr(
        selection, "_lowest_of", lambda parts, k: (sizes.append(sum(len(p.score) for p in parts)), lowest(parts, k))[1]
    )
    rng = np.random.default_rng(0)
    chunks = (scored(rng.random(10_000), np.arange(10_000) + 10_000 * c) for c in range(60))
    assert len(selection.k_lowest(chunks, 100).rank) == 100
    assert len(sizes) >= 2
    assert max(sizes) <= 2 * 100 + 65_536 + 10_000


def test_more_wanted_than_there_are():
    found = selection.k_lowest([scored([0.3, 0.1]), scored([0.2], [7])], 10)
    assert found.rank.tolist() == [1, 7, 0]


def test_an_empty_stream():
    assert_same(selection.k_lowest([], 3), selection.EMPTY)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 2])
def test_scores_that_are_not_finite_are_refused(bad, place):
    chunks = [scored([0.1, 0.2], [0, 1]), scored([0.1, 0.2], [2, 3]), scored([0.1, 0.2], [4, 5])]
    chunks[place].score[1] = bad
    with pytest.raises(FloatingPointError, match="finite"):
        selection.k_lowest(chunks, 1)
