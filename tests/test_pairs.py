"""Ranks, samples and pools of pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd import pairs
from tests import plain

LARGEST = 80_000


@pytest.mark.parametrize("n", [2, 3, 5, 6, 17, 40])
def test_ranks_follow_the_row_major_list(n):
    listed = np.array(plain.all_pairs(n))
    assert pairs.count(n) == len(listed)
    i, j = pairs.pair_of(np.arange(len(listed)), n)
    np.testing.assert_array_equal(np.stack([i, j], 1), listed)
    assert i.dtype == j.dtype == np.int32
    rank = pairs.rank_of(listed[:, 0], listed[:, 1], n)
    np.testing.assert_array_equal(rank, np.arange(len(listed)))
    assert rank.dtype == np.int64


@pytest.mark.parametrize(("n", "count"), [(5, 10), (6, 15), (1000, 499_500), (2000, 1_999_000)])
def test_pool_holds_every_pair_of_odd_and_even_n(n, count):
    pool = pairs.make_pool(n, 0, seed=0)
    assert pool.size == count
    i, j = pairs.pair_of(np.concatenate(list(pool.chunks(7919, np.empty(0, np.int64)))), n)
    assert len(np.unique(i.astype(np.int64) * n + j)) == count
    assert np.all((i >= 0) & (i < j) & (j < n))


def test_antipodal_pairs_of_even_n_are_in_the_pool():
    pool = pairs.make_pool(6, 0, seed=0)
    i, j = pairs.pair_of(np.concatenate(list(pool.chunks(4, np.empty(0, np.int64)))), 6)
    assert {(0, 3), (1, 4), (2, 5)} <= set(zip(i.tolist(), j.tolist(), strict=True))


@given(st.data())
def test_rank_and_pair_are_inverse_up_to_the_largest_n(data):
    n = data.draw(st.integers(2, LARGEST))
    ranks = np.array(data.draw(st.lists(st.integers(0, pairs.count(n) - 1), min_size=1, max_size=50)))
    i, j = pairs.pair_of(ranks, n)
    assert np.all((i >= 0) & (i < j) & (j < n))
    np.testing.assert_array_equal(pairs.rank_of(i, j, n), ranks)


@given(st.integers(2, LARGEST))
def test_every_row_begins_and_ends_where_it_should(n):
    rows = np.arange(n - 1)
    first = pairs.rank_of(rows, rows + 1, n)
    last = pairs.rank_of(rows, np.full(n - 1, n - 1), n)
    assert first[0] == 0
    assert last[-1] == pairs.count(n) - 1
    np.testing.assert_array_equal(first[1:], last[:-1] + 1)
    np.testing.assert_array_equal(last - first, n - 2 - rows)
    for ranks, j in ((first, rows + 1), (last, np.full(n - 1, n - 1))):
        found_i, found_j = pairs.pair_of(ranks, n)
        np.testing.assert_array_equal(found_i, rows)
        np.testing.assert_array_equal(found_j, j)


def test_ranks_do_not_wrap_at_32_bits():
    assert pairs.count(LARGEST) == 3_199_960_000 > 2**31
    top = pairs.rank_of(np.int32([LARGEST - 2]), np.int32([LARGEST - 1]), LARGEST)
    assert top[0] == 3_199_959_999
    ranks = np.array([2**31 - 1, 2**31, 2**31 + 1, 3_199_959_999])
    i, j = pairs.pair_of(ranks, LARGEST)
    assert (i[-1], j[-1]) == (LARGEST - 2, LARGEST - 1)
    np.testing.assert_array_equal(pairs.rank_of(i, j, LARGEST), ranks)


def test_images_may_be_as_many_as_int32_counts():
    """The root of 8 * 2.3e18 is no longer exact in a float: the integers must decide."""
    n = 2**31 - 1
    rows = np.random.default_rng(0).integers(n - 1, size=2000)
    first = pairs.rank_of(rows, rows + 1, n)
    i, j = pairs.pair_of(first, n)
    np.testing.assert_array_equal(i, rows)
    np.testing.assert_array_equal(j, rows + 1)
    i, j = pairs.pair_of(first[rows > 0] - 1, n)
    np.testing.assert_array_equal(i, rows[rows > 0] - 1)
    assert np.all(j == n - 1)


@given(st.integers(1, 3000), st.floats(0, 1), st.integers(0, 2**32))
def test_sample_is_a_set_of_the_right_size(total, share, seed):
    size = round(share * total)
    ranks = pairs.sample_ranks(total, size, np.random.default_rng(seed))
    assert ranks.dtype == np.int64
    assert len(ranks) == size
    assert np.all(np.diff(ranks) > 0)
    assert size == 0 or (ranks[0] >= 0 and ranks[-1] < total)
    np.testing.assert_array_equal(ranks, pairs.sample_ranks(total, size, np.random.default_rng(seed)))


@pytest.mark.parametrize("size", [0, 1, 50, 51, 99, 100])
def test_sample_on_both_sides_of_one_half(size):
    ranks = pairs.sample_ranks(100, size, np.random.default_rng(3))
    assert len(np.unique(ranks)) == len(ranks) == size
    if 0 < size < 100:
        other = pairs.sample_ranks(100, size, np.random.default_rng(4))
        assert not np.array_equal(ranks, other)


@pytest.mark.parametrize("size", [5, 15])
def test_sample_is_uniform(size):
    """Each of 20 ranks in a quarter, or three quarters, of 4,000 samples; and so for each pair of ranks."""
    rng, draws, total = np.random.default_rng(0), 4000, 20
    hits = np.zeros((draws, total))
    for row in hits:
        row[pairs.sample_ranks(total, size, rng)] = 1
    share = size / total
    deviation = (hits.sum(0) - draws * share) / np.sqrt(draws * share * (1 - share))
    assert np.sum(deviation**2) < 45  # chi-square of 19 degrees: about 1 in 1,000 above
    both = (hits.T @ hits)[np.triu_indices(total, 1)] / draws
    expected = share * (size - 1) / (total - 1)
    assert np.abs(both - expected).max() < 5 * np.sqrt(expected * (1 - expected) / draws)


def test_sample_of_three_billion_reaches_all_of_them():
    total, size = pairs.count(LARGEST), 10_000
    ranks = pairs.sample_ranks(total, size, np.random.default_rng(0))
    assert len(ranks) == size
    assert np.all(np.diff(ranks) > 0)
    assert ranks[-1] < total
    parts = np.histogram(ranks, 10, (0, total))[0]
    assert np.all(np.abs(parts - 1000) < 150)


def pools(n):
    return [pairs.make_pool(n, 0, seed=1), pairs.make_pool(n, pairs.count(n) // 2, seed=1)]


@given(st.integers(3, 40), st.integers(1, 1000), st.integers(0, 2**32), st.floats(0, 1))
def test_chunks_together_are_the_pool_less_the_chosen(n, size, seed, share):
    rng = np.random.default_rng(seed)
    for pool in pools(n):
        ranks = np.arange(pairs.count(n)) if pool.sample is None else pool.sample
        chosen = np.sort(rng.choice(ranks, round(share * len(ranks)), replace=False))
        chunks = list(pool.chunks(size, chosen))
        expected = [rank for rank in ranks.tolist() if rank not in set(chosen.tolist())]
        assert [rank for chunk in chunks for rank in chunk.tolist()] == expected
        assert all(0 < len(chunk) <= size for chunk in chunks)
        assert all(chunk.dtype == np.int64 for chunk in chunks)


def test_pool_is_drawn_by_its_seed():
    a, again, b = (pairs.make_pool(50, 100, seed) for seed in (0, 0, 1))
    assert a.size == len(a.sample) == 100
    np.testing.assert_array_equal(a.sample, again.sample)
    assert not np.array_equal(a.sample, b.sample)


@pytest.mark.parametrize("max_pairs", [0, 1225, 1226, 10**9])
def test_pool_without_a_limit_is_no_sample(max_pairs):
    assert pairs.make_pool(50, max_pairs, seed=0) == pairs.Pool(50, None)


def test_pool_one_short_of_all_lacks_one_pair():
    pool = pairs.make_pool(50, 1224, seed=0)
    assert len(np.setdiff1d(np.arange(1225), pool.sample)) == 1
