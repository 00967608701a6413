"""Pairs enumerated on a device: those of the host, at every edge and in the largest pools."""

import jax
import numpy as np
import pytest

from amkd.search import enumeration, pairs
from tests.support import plain

NOTHING = np.empty(0, np.int64)


def enumerated(ranks, n, room=None):
    span = enumeration.span_of(ranks, n, room or max(len(ranks.removed), 1))
    i, j = jax.jit(lambda one: enumeration.pairs_of(one, n, ranks.size))(span)
    return np.asarray(i), np.asarray(j)


def test_a_range_by_hand():
    """Of five images: 01 02 03 04 12 13 14 23 24 34, of which 03 and 12 and 13 have left."""
    left = pairs.RemainingPairs(5, np.array([2, 4, 5]))
    assert left.size == 7
    found = left.range_of(1, 6)
    assert (found.first, found.size, found.removed.tolist()) == (1, 5, [2, 4, 5])
    span = enumeration.span_of(found, 5, 4)
    assert (span.row, span.column, span.removed[:3].tolist()) == (0, 1, [1, 2, 2])
    i, j = enumerated(found, 5, 4)
    assert list(zip(i.tolist(), j.tolist(), strict=True)) == [
        (0, 2),
        (0, 4),
        (1, 4),
        (2, 3),
        (2, 4),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_ranges_are_what_is_left_of_the_list_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 30))
    removed = np.sort(rng.choice(pairs.count(n), rng.integers(0, pairs.count(n)), replace=False))
    expected = [pair for rank, pair in enumerate(plain.all_pairs(n)) if rank not in removed]
    left, found, start = pairs.RemainingPairs(n, removed), [], 0
    assert left.size == len(expected)
    while start < left.size:
        stop = min(start + int(rng.integers(1, 40)), left.size)
        ranks = left.range_of(start, stop)
        assert len(ranks.removed) <= left.most_removed(stop - start)
        i, j = enumerated(ranks, n, 512)
        found += zip(i.tolist(), j.tolist(), strict=True)
        start = stop
    assert found == expected


@pytest.mark.parametrize("n", [2, 3, 1448, 80_000])
def test_large_pools_at_their_edges(n):
    """3.2e9 pairs of 80,000 images: starts at both ends and around rows, where the root is near a
    whole number.
    """
    total, length = pairs.count(n), min(pairs.count(n), 2**20)
    rng = np.random.default_rng(0)
    rows = rng.integers(0, n - 1, 3)
    edges = pairs.rank_of(rows, rows + 1, n)
    starts = [0, total - length, *edges, *(edges - 1), *rng.integers(0, total, 3)]
    for start in np.clip(starts, 0, total - length).tolist():
        found = enumerated(pairs.RankRange(start, length, NOTHING), n)
        expected = pairs.pair_of(np.arange(start, start + length), n)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_most_removed_by_hand():
    """Before the chosen 2, 4, 5, 9 are 2, 3, 3, 6 pairs that are left."""
    left = pairs.RemainingPairs(5, np.array([2, 4, 5, 9]))
    assert [left.most_removed(length) for length in (1, 2, 4, 5)] == [2, 3, 3, 4]
    assert pairs.RemainingPairs(5, NOTHING).most_removed(3) == 0
