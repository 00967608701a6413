"""Means, spreads and paired comparisons on known numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.tables import statistics


def test_spread_by_hand():
    assert statistics.spread([1.0, 2.0, 3.0]) == (
        2.0,
        1.0,
        3,
    )  # the sample's, not the population's .816
    assert statistics.spread([4.0]) == (4.0, None, 1)


def test_paired_by_hand():
    """Differences 1, 2 and 3: mean 2, standard error 1/sqrt(3), t = 3.4641 with 2 degrees: p =
    .0742.
    """
    found = statistics.paired(
        {0: 11.0, 1: 12.0, 2: 13.0, 9: 99.0}, {0: 10.0, 1: 10.0, 2: 10.0, 8: 1.0}
    )
    assert found.difference == 2 and found.seeds == 3
    assert found.p == pytest.approx(0.07418, abs=1e-5)


def test_a_comparison_needs_seeds_in_common_and_a_test_needs_differences():
    assert statistics.paired({0: 1.0}, {1: 1.0}) is None
    assert statistics.paired({0: 3.0}, {0: 1.0}) == (2.0, None, 1, None)
    assert statistics.paired({0: 3.0, 1: 3.0}, {0: 1.0, 1: 1.0}) == (
        2.0,
        None,
        2,
        None,
    )  # always the same


def test_equal_on_every_seed():
    """The interval is known, and is nothing; there is no p."""
    assert statistics.paired({0: 3.0, 1: 2.0}, {0: 3.0, 1: 2.0}) == (0.0, None, 2, (0.0, 0.0))


def test_noise_of_a_subtraction_is_no_spread():
    """The differences are .01 on every seed, and not to the last bit."""
    theirs = {seed: 100 * (0.85 + 0.0013 * seed) for seed in range(10)}
    ours = {seed: 100 * (0.85 + 0.0013 * seed + 0.0001) for seed in range(10)}
    found = statistics.paired(ours, theirs)
    assert found.difference == pytest.approx(0.01)
    assert (found.p, found.interval) == (None, None)


def test_the_interval_of_a_difference_by_hand():
    """Differences 1, 2 and 3: mean 2, deviation 1, and 4.302653 of Student's distribution: 2 -+
    4.302653 / sqrt 3.
    """
    found = statistics.paired({0: 1.0, 1: 2.0, 2: 3.0}, {0: 0.0, 1: 0.0, 2: 0.0})
    assert found.interval == pytest.approx((-0.48414, 4.48414), abs=1e-4)


def test_order_of_the_seeds_makes_no_difference():
    ours, theirs = {0: 5.0, 1: 7.5, 2: 6.0}, {2: 5.5, 1: 7.0, 0: 5.25}
    assert statistics.paired(ours, theirs) == statistics.paired(
        dict(reversed(ours.items())), theirs
    )


def test_holm_by_hand():
    """Of .01, .04 and .03: 3 * .01, 2 * .03 and, never below that, .04."""
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert statistics.holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert statistics.holm([None]) == [None] and statistics.holm([]) == []


@given(st.lists(st.floats(1e-9, 1)))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(values):
    found = statistics.holm(values)
    assert all(
        p <= adjusted <= min(1, len(values) * p) for p, adjusted in zip(values, found, strict=True)
    )
    order = sorted(range(len(values)), key=values.__getitem__)
    assert [found[place] for place in order] == sorted(found)
