"""What a sample tells of the share of the k lowest that was found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.search import audit


def truth(lowest, discarded):
    """The share of the k lowest of all that are in ``lowest``; ties count against it."""
    k = len(lowest)
    tagged = sorted([(score, 1) for score in lowest] + [(score, 0) for score in discarded])
    return sum(found for _, found in tagged[:k]) / k


def test_nothing_discarded_is_nothing_missed():
    assert audit.recall(np.float32([0.1, 0.2]), np.float32([]), 0, 0.05) == (1, 1, 1)


def test_a_whole_census_tells_all():
    """Of 0 to 9 the shortlist found 0, 2, 3, 5: with 1, 4 and 6 to 9 it holds 3 of the 4 lowest."""
    found = audit.recall(np.float32([0, 2, 3, 5]), np.float32([1, 4, 6, 7, 8, 9]), 6, 0.05)
    assert found == (0.75, 0.75, 0.75)


@pytest.mark.parametrize(("error", "low"), [(0.21, 1.0), (0.19, 0.0)])
def test_one_pair_in_ten_is_left_unseen(error, low):
    """k = 1; ten discarded, nine seen, none lower: a lower one goes unseen in 1 of 10 cases, and
    error / 2 decides.
    """
    sampled = np.linspace(0.5, 0.9, 9, dtype=np.float32)
    assert audit.recall(np.float32([0.1]), sampled, 10, error) == (low, 1.0, 1.0)


def test_two_pairs_by_hand():
    """k = 2, four discarded, two seen, one of which is below both: at most one of the shortlist's
    was right.

    "None was found" needs two discarded below the first: a sample of two of four then has one of
    them or none with 5/6. "Both were found" needs none below the second, and one was seen.
    """
    found = audit.recall(np.float32([0.4, 0.5]), np.float32([0.1, 0.9]), 4, 0.05)
    assert found == (0, 0, 0.5)  # the estimate: two of the four are below


def test_a_tie_counts_against_the_shortlist():
    sampled = np.float32([0.5, 0.9, 0.9])
    assert audit.recall(np.float32([0.5]), sampled, 3, 0.05) == (0, 0, 0)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 60))
def test_the_census_is_exact_and_a_part_of_it_is_in_order(seed, k, discarded):
    rng = np.random.default_rng(seed)
    lowest = np.sort(rng.random(k)).astype(np.float32)
    others = (rng.random(discarded) * 2).astype(np.float32)
    whole = audit.recall(lowest, others, discarded, 0.05)
    assert whole == (truth(lowest, others),) * 3
    some = audit.recall(lowest, others[: rng.integers(0, discarded + 1)], discarded, 0.05)
    assert 0 <= some.low <= some.estimate <= some.high <= 1


@pytest.mark.parametrize(
    ("missing", "share"), [(0, 0.2), (0.02, 0.02), (0.02, 0.2), (0.1, 0.02), (0.5, 0.2)]
)
def test_the_truth_is_inside_as_often_as_promised(missing, share):
    """In 50 samples of the same discarded pairs, at least 45 times; the estimate is right on the
    average.
    """
    rng = np.random.default_rng(3)
    scores, k = np.sort(rng.random(20_000)).astype(np.float32), 400
    gone = np.concatenate([rng.random(k) < missing, np.ones(20_000 - k, bool)])
    gone[k : k + np.count_nonzero(gone[:k])] = False  # others are in the shortlist in their place
    lowest, others = scores[~gone], scores[gone]
    true, inside, estimates = truth(lowest, others), 0, []
    assert abs(true - (1 - missing)) < 0.05
    for _ in range(50):
        sampled = rng.choice(others, int(share * len(others)), replace=False)
        found = audit.recall(lowest, sampled, len(others), 0.05)
        inside += found.low <= true <= found.high
        estimates.append(found.estimate)
    assert inside >= 45
    assert abs(np.mean(estimates) - true) < 0.06


def test_a_larger_sample_says_more():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.random(5000)).astype(np.float32)
    lowest, others = scores[:100], rng.permutation(scores[100:])
    widths = [audit.recall(lowest, others[:size], len(others), 0.05) for size in (50, 500, 4000)]
    assert [found.high for found in widths] == [1, 1, 1]
    assert widths[0].low < widths[1].low < widths[2].low


def test_sample_size_by_hand():
    """A twentieth of 1,000 may be missed, 50 pairs: 12 of these are expected in a sample of 12/50
    of all.
    """
    assert audit.sample_size(100_000, 1000, 0.95) == 24_000
    assert audit.sample_size(1000, 10, 0.95) == 1000  # no more than there are


def test_a_sample_of_that_size_certifies_what_it_should():
    """With a third of the misses that are allowed, in 8 of 10 cases or more; with twice of them,
    hardly ever.
    """
    rng = np.random.default_rng(1)
    total, k, target = 100_000, 1000, 0.95
    drawn = audit.sample_size(total, k, target)
    scores = np.sort(rng.random(total)).astype(np.float32)
    passed = {}
    for misses in (16, 100):
        gone = np.concatenate([np.arange(misses) * 10, np.arange(k + misses, total)])
        lowest, others = np.delete(scores, gone)[:k], scores[gone]
        found = [
            audit.recall(lowest, rng.choice(others, drawn, False), len(others), 0.025).low
            for _ in range(8)
        ]
        passed[misses] = np.mean(np.array(found) >= target)
    assert passed[16] >= 0.6 and passed[100] <= 0.05
