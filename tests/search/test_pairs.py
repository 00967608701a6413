"""Ranks, samples and pools of pairs."""

import itertools
import tracemalloc
import unittest.mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.search import pairs
from tests.support import plain

LARGEST = 80_000
NOTHING = np.empty(0, np.int64)


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
    pool = pairs.make_pair_pool(n, 0, seed=0)
    assert pool.size == count
    i, j = pairs.pair_of(np.concatenate(list(pool.chunks(7919, NOTHING))), n)
    assert np.all(np.diff(np.sort(i.astype(np.int64) * n + j)) > 0) and len(i) == count
    assert np.all((i >= 0) & (i < j) & (j < n))


def test_antipodal_pairs_of_even_n_are_in_the_pool():
    pool = pairs.make_pair_pool(6, 0, seed=0)
    i, j = pairs.pair_of(np.concatenate(list(pool.chunks(4, NOTHING))), 6)
    assert {(0, 3), (1, 4), (2, 5)} <= set(zip(i.tolist(), j.tolist(), strict=True))


@given(st.data())
def test_rank_and_pair_are_inverse_up_to_the_largest_n(data):
    n = data.draw(st.integers(2, LARGEST))
    ranks = np.array(
        data.draw(st.lists(st.integers(0, pairs.count(n) - 1), min_size=1, max_size=50))
    )
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
    np.testing.assert_array_equal(
        ranks, pairs.sample_ranks(total, size, np.random.default_rng(seed))
    )


@pytest.mark.parametrize("size", [0, 1, 50, 51, 99, 100])
def test_sample_on_both_sides_of_one_half(size):
    ranks = pairs.sample_ranks(100, size, np.random.default_rng(3))
    assert len(np.unique(ranks)) == len(ranks) == size
    if 0 < size < 100:
        other = pairs.sample_ranks(100, size, np.random.default_rng(4))
        assert not np.array_equal(ranks, other)


def assert_uniform(samples, total):
    """Each rank as often as every other, and each pair of ranks: ``int[draws, size]`` samples."""
    draws, size = samples.shape
    hits = np.zeros((draws, total))
    np.put_along_axis(hits, samples, 1, 1)
    share = size / total
    deviation = (hits.sum(0) - draws * share) / np.sqrt(draws * share * (1 - share))
    assert np.sum(deviation**2) < 50  # chi-square of 19 or 20 degrees: about 1 in 5,000 above
    both = (hits.T @ hits)[np.triu_indices(total, 1)] / draws
    expected = share * (size - 1) / (total - 1)
    assert np.abs(both - expected).max() < 5 * np.sqrt(expected * (1 - expected) / draws)


@pytest.mark.parametrize("size", [5, 15])
def test_sample_is_uniform(size):
    rng = np.random.default_rng(0)
    assert_uniform(np.stack([pairs.sample_ranks(20, size, rng) for _ in range(4000)]), 20)


@pytest.mark.parametrize("size", [4, 9, 20])
def test_sampled_pool_is_uniform_over_its_blocks_too(size, monkeypatch):
    """21 ranks in up to 7 blocks: wrong numbers in the blocks would show in the pairs of ranks."""
    monkeypatch.setattr(pairs, "_BLOCK", 3)
    pools = [pairs.make_pair_pool(7, size, seed) for seed in range(1000)]
    assert {len(pool.counts) for pool in pools} == {-(-size // 3)}
    assert_uniform(np.stack([pool.ranks(np.arange(size)) for pool in pools]), 21)


def test_counts_are_hypergeometric():
    """Of 6 of 10 elements, those among the first 4: 0 to 4 with chances 1, 24, 90, 80 and 15 of
    210.
    """
    rng = np.random.default_rng(0)
    found = np.stack([pairs.sample_counts(np.array([4, 6]), 6, rng) for _ in range(5000)])
    assert found.sum(1).tolist() == [6] * 5000
    seen = np.bincount(found[:, 0], minlength=5)
    expected = np.array([1, 24, 90, 80, 15]) / 210 * 5000
    assert (
        np.sum((seen - expected) ** 2 / expected) < 22
    )  # chi-square of 4 degrees: 1 in 5,000 above


def test_sample_of_three_billion_reaches_all_of_them():
    total, size = pairs.count(LARGEST), 10_000
    ranks = pairs.sample_ranks(total, size, np.random.default_rng(0))
    assert len(ranks) == size
    assert np.all(np.diff(ranks) > 0)
    assert ranks[-1] < total
    parts = np.histogram(ranks, 10, (0, total))[0]
    assert np.all(np.abs(parts - 1000) < 150)


def listed(pool):
    return pool.ranks(np.arange(pool.size))


@given(
    st.integers(3, 40),
    st.sampled_from([1, 7, 100, 1000]),
    st.sampled_from([1, 5, 64, 65536]),
    st.integers(0, 2**31),
)
def test_chunks_together_are_the_pool_less_the_chosen(n, size, block, seed):
    rng = np.random.default_rng(seed)
    with unittest.mock.patch.object(pairs, "_BLOCK", block):
        for pool in (
            pairs.make_pair_pool(n, 0, seed),
            pairs.make_pair_pool(n, int(rng.integers(1, pairs.count(n))), seed),
        ):
            ranks = listed(pool)
            assert len(ranks) == pool.size and np.all(np.diff(ranks) > 0) and ranks[0] >= 0
            assert ranks[-1] < pairs.count(n)
            chosen = np.sort(rng.choice(ranks, rng.integers(len(ranks) + 1), replace=False))
            chunks = list(pool.chunks(size, chosen))
            expected = [rank for rank in ranks.tolist() if rank not in set(chosen.tolist())]
            assert [rank for chunk in chunks for rank in chunk.tolist()] == expected
            assert all(len(chunk) == size for chunk in chunks[:-1])
            assert all(0 < len(chunk) <= size and chunk.dtype == np.int64 for chunk in chunks)
            places = np.sort(rng.choice(len(ranks), rng.integers(1, len(ranks) + 1), replace=False))
            np.testing.assert_array_equal(pool.ranks(places), ranks[places])


@pytest.mark.parametrize("m", [0, 10**4, 10**6, 10**8])
def test_the_largest_pool_is_made_a_block_at_a_time(m):
    """Of 3.2e9 pairs, or of a hundred million of them, only what is read is made."""
    pool = pairs.make_pair_pool(LARGEST, m, seed=0)
    assert pool.size == (m or pairs.count(LARGEST))
    assert sum(np.asarray(column).nbytes for column in pool if column is not None) < 2**20
    tracemalloc.start()
    chunks = itertools.islice(pool.chunks(4096, NOTHING), 40)
    ranks = np.concatenate(list(chunks))
    place = np.array([0, pool.size // 2, pool.size - 1])
    ends = pool.ranks(place)
    assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    tracemalloc.stop()
    assert len(ranks) == min(m or 2**40, 40 * 4096)
    assert np.all(np.diff(ranks) > 0)
    assert ends[0] == ranks[0]
    assert np.all(np.abs(ends / pairs.count(LARGEST) - [0, 0.5, 1]) < 0.05)
    np.testing.assert_array_equal(pool.ranks(np.arange(9000, 9100)), ranks[9000:9100])


def test_blocks_of_a_sample_do_not_share_their_randomness():
    pool = pairs.make_pair_pool(LARGEST, 3 * 65536, seed=0)
    width = -(-pairs.count(LARGEST) // 3)
    within = [
        set((ranks % width).tolist()) for ranks in np.split(listed(pool), pool.counts.cumsum()[:-1])
    ]
    assert all(len(a & b) < 100 for a, b in itertools.combinations(within, 2))  # about 4 by chance


def test_pool_is_drawn_by_its_seed():
    a, again, b = (pairs.make_pair_pool(50, 100, seed) for seed in (0, 0, 1))
    assert a.size == len(np.unique(listed(a))) == 100
    np.testing.assert_array_equal(listed(a), listed(again))
    assert not np.array_equal(listed(a), listed(b))


@pytest.mark.parametrize("max_pairs", [0, 1225, 1226, 10**9])
def test_pool_without_a_limit_is_no_sample(max_pairs):
    assert pairs.make_pair_pool(50, max_pairs, seed=0) == pairs.PairPool(50)


def test_pool_one_short_of_all_lacks_one_pair():
    assert len(np.setdiff1d(np.arange(1225), listed(pairs.make_pair_pool(50, 1224, seed=0)))) == 1
