"""The k lowest of a stream."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.models.inference import MixInput
from amkd.search import confidence, pairs, top_k
from amkd.search.lambda_grid import lambda_grid
from tests.support import plain

N = 2000  # images, for the order of ranks
add = functools.partial(jax.jit, static_argnums=3, donate_argnums=0)(top_k.add)
k_lowest_of = functools.partial(jax.jit, static_argnums=1)(top_k.k_lowest)


def scored(score, rank=None):
    """Pairs that remember their rank in place of their lambda."""
    score = np.asarray(score, np.float32)
    rank = np.arange(len(score)) if rank is None else np.asarray(rank)
    return top_k.Scored(score, *pairs.pair_of(rank, N), rank.astype(np.int32))


def cut(whole, size):
    places = np.split(np.arange(len(whole)), range(size, len(whole), size))
    return [whole.take(part) for part in places]


def kept(chunks, k, batch):
    """What a stream leaves, by way of batches of one length."""
    lowest = top_k.empty(k, batch)
    for chunk in chunks:
        count = len(chunk)
        # The padding would be chosen first.
        padding = scored(np.full(batch - count, -1), np.arange(batch - count))
        padded = top_k.concatenate([chunk, padding])
        lowest = add(lowest, padded, np.int32(count), k)
    return lowest


def k_lowest(chunks, k, batch):
    lowest = kept(chunks, k, batch)
    assert not lowest.bad
    found = k_lowest_of(lowest, k)
    assert len(found) == k
    return top_k.without_padding(jax.device_get(found))


def ranks_of(found):
    return pairs.rank_of(found.i, found.j, N)


def as_list(found):
    """Triples for the plain reference; each w must still belong to its pair."""
    ranks = ranks_of(found)
    np.testing.assert_array_equal(found.w, ranks)
    return [(float(s), int(r), 0) for s, r in zip(found.score, ranks, strict=True)]


def test_worked_selection_takes_pairs_and_not_images():
    """The three most uncertain mixes are all of pair (1, 2); of every pair only one mix may be
    taken.
    """
    points = jnp.array([(1, 0, 0), (0, 0.8, 0.1), (0.5, 0, 0.6)], jnp.float32)
    weights = lambda_grid(0.3, 0.7, 5)
    i, j = pairs.pair_of(np.arange(3), 3)
    c1 = [
        [plain.c1(3 * plain.mix(points[a], points[b], lam)) for lam in (0.3, 0.4, 0.5, 0.6, 0.7)]
        for a, b in plain.all_pairs(3)
    ]
    worked = [
        (0.592301, 0.483026, 0.499985, 0.618015, 0.721726),
        (0.608328, 0.674285, 0.732794, 0.783029, 0.825035),
        (0.439868, 0.395656, 0.400266, 0.496411, 0.592822),
    ]
    np.testing.assert_allclose(c1, worked, atol=1e-6)
    minimise = confidence.Grid(tuple(weights.tolist())).on(lambda x: 3 * x)
    score, w = confidence.score_pairs(minimise, MixInput(points), jnp.asarray(i), jnp.asarray(j), 1)
    np.testing.assert_allclose(score, (0.483026, 0.608328, 0.395656), atol=1e-5)
    lowest = top_k.empty(3, 3)
    lowest = top_k.add(lowest, top_k.Scored(score, i, j, w), jnp.int32(3), 3)
    found = jax.device_get(top_k.k_lowest(lowest, 3))
    top = list(
        zip(
            found.i.tolist(),
            found.j.tolist(),
            np.round(found.w / 65536, 1).tolist(),
            strict=True,
        )
    )
    assert top == [(1, 2, 0.4), (0, 1, 0.4), (0, 2, 0.3)]


def test_ties_go_to_the_lower_rank():
    found = k_lowest([scored([0.5, 0.2, 0.5, 0.2], [40, 30, 20, 10])], 3, 4)
    assert ranks_of(found).tolist() == [10, 30, 20]
    np.testing.assert_array_equal(found.score, np.float32([0.2, 0.2, 0.5]))


ties = st.lists(st.sampled_from([0.125, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


@given(
    ties,
    st.sampled_from([1, 7, 100]),
    st.sampled_from([1, 3, 16]),
    st.randoms(use_true_random=False),
)
def test_the_same_for_any_chunks_in_any_order(scores, k, size, random):
    ranks = random.sample(range(pairs.count(N)), len(scores))
    whole = scored(scores, np.array(ranks))
    expected = plain.k_lowest([(s, r, 0) for s, r in zip(scores, ranks, strict=True)], k)
    chunks = cut(whole, size)
    random.shuffle(chunks)
    found = k_lowest(chunks, k, 16)
    assert as_list(found) == expected
    assert len(found.score) == min(k, len(scores))


@pytest.mark.parametrize("order", ["random", "falling", "rising"])
@pytest.mark.parametrize("k", [1, 100, 7000])
def test_the_same_when_the_stream_outgrows_the_buffer(k, order):
    """Enough pairs for what is kept to be cut down again and again, with about 20 ties for each
    score.
    """
    rng = np.random.default_rng(0)
    count = 30_000
    score = rng.integers(1, 1500, count) / 2048
    score = {"random": score, "falling": -np.sort(-score), "rising": np.sort(score)}[order]
    rank = rng.permutation(count)
    expected = np.lexsort((rank, score))[:k]
    chunks = cut(scored(score, rank), 997)
    for stream in (chunks, chunks[::-1]):
        found = k_lowest(stream, k, 1000)
        np.testing.assert_array_equal(ranks_of(found), rank[expected])
        np.testing.assert_array_equal(found.score, np.float32(score[expected]))
        as_list(found)


def test_a_late_tie_of_lower_rank_pushes_out_an_early_one():
    """After the kept were cut down, an equal score with a lower rank must still come in."""
    early = scored(np.full(2000, 0.5), np.arange(2000) + 1000)
    late = scored(np.full(10, 0.5), np.arange(10))
    found = k_lowest([*cut(early, 100), late], 10, 100)
    assert ranks_of(found).tolist() == list(range(10))


def test_what_cannot_be_chosen_never_enters_the_buffer():
    """Two of four at a time, in eight rows: by hand."""
    steps = [
        ([0.9, 0.8, 0.7, 0.6], 4, np.inf),
        ([0.5, 0.4, 0.95, 0.85], 8, np.inf),  # full
        ([0.99, 0.45, 0.5, 0.6], 2 + 2, 0.5),  # cut down to .4 and .5; .5 may be of lower rank
        ([0.49, 0.51, 0.3, 0.2], 7, 0.5),
        ([0.1, 0.31, 0.4, 0.3], 2 + 2, 0.3),  # cut down to .2 and .3
        ([0.7, 0.7, 0.7, 0.7], 4, 0.3),
        ([0.7, 0.7, 0.7, 0.7], 4, 0.3),
    ]
    lowest = top_k.empty(2, 4)
    assert lowest.rows.score.shape == (8,)
    for number, (score, filled, bar) in enumerate(steps):
        lowest = add(lowest, scored(score, 100 - 4 * number - np.arange(4)), np.int32(4), 2)
        assert (int(lowest.filled), lowest.threshold) == (filled, np.float32(bar))
    assert ranks_of(jax.device_get(k_lowest_of(lowest, 2))).tolist() == [100 - 16, 100 - 12 - 3]


def test_more_wanted_than_there_are():
    found = k_lowest([scored([0.3, 0.1]), scored([0.2], [7])], 10, 2)
    assert ranks_of(found).tolist() == [1, 7, 0]


def test_nothing_added():
    assert as_list(k_lowest([], 3, 2)) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_noticed_where_they_are_meant_and_never_forgotten(bad):
    lowest = top_k.empty(1, 3)
    seen = []
    for number, count in enumerate((0, 1, 2, 3, 1)):
        lowest = add(lowest, scored([0.5, 0.5, bad], 3 * number + np.arange(3)), np.int32(count), 1)
        seen.append(bool(lowest.bad))
    assert seen == [False, False, False, True, True]


def test_parts_are_merged_as_if_they_had_been_one():
    rng = np.random.default_rng(0)
    score, rank = rng.integers(0, 20, 200) / 32, rng.permutation(200)
    for k in (1, 30, 500):
        parts = [
            jax.device_get(k_lowest_of(kept([part], k, 70), k))
            for part in cut(scored(score, rank), 70)
        ]
        merged = top_k.merge(jax.tree.map(lambda *columns: np.stack(columns), *parts), k)
        assert merged.score.shape == (k,)
        expected = plain.k_lowest(
            list(zip(np.float32(score).tolist(), rank.tolist(), [0] * 200, strict=True)), k
        )
        assert as_list(top_k.without_padding(merged)) == expected


def test_wrong_types_and_sizes_are_refused():
    lowest, batch = top_k.empty(2, 3), scored([1, 2, 3])
    with pytest.raises(AssertionError):
        top_k.add(lowest, batch.replace(score=batch.score.astype(np.float64)), jnp.int32(3), 2)
    with pytest.raises(AssertionError):
        top_k.add(lowest, batch, jnp.int32(3), 3)
