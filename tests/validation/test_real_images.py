"""``n_real=0``: how many real images there are, by hand, and what cannot be."""

import pytest

from amkd.core.errors import UserError
from amkd.methods import find
from amkd.validation import from_config, real_images


def settings(**fields):
    return from_config({"n_real": 0, "budget": 100, "rounds": 3, **fields})


@pytest.mark.parametrize(
    ("fields", "drawable", "count", "method"),
    [
        ({"method": "auto"}, 60, 60, "random_mixup"),  # 40 mixes
        ({"method": "auto"}, 97, 97, "random_mixup"),  # 3 mixes, one in each round
        ({"method": "auto"}, 100, 100, "real_only"),
        ({"method": "auto"}, 5000, 100, "real_only"),
        ({"method": "active_mixup"}, 60, 60, "active_mixup"),
        ({"method": "active_mixup"}, 5000, 100, "real_only"),
        ({"method": "pastes"}, 60, 60, "pastes"),
        ({"method": "real_only"}, 60, 60, "real_only"),
        ({"method": "real_only"}, 5000, 100, "real_only"),
        # As many in each of four rounds.
        ({"method": "active_labelling"}, 5000, 25, "active_labelling"),
        ({"method": "auto", "teacher": {"kind": "labels"}}, 5000, 25, "active_labelling"),
        ({"method": "active_labelling", "rounds": 5}, 5000, 16, "active_labelling"),
        # Four views of each.
        ({"method": "sskd", "budget": 103}, 5000, 25, "sskd"),
        ({"method": "sskd", "budget": 103}, 20, 20, "sskd"),
        ({"method": "full_kd", "budget": 5000}, 5000, 5000, "full_kd"),
    ],
)
def test_how_many_by_hand(fields, drawable, count, method):
    found = real_images.check(settings(**fields), drawable)
    assert (found.n_real, found.method) == (count, method)


def test_rounds_of_one_size_spend_the_budget():
    """16 of 100 in round 0 of six, and 84 in the others."""
    found = real_images.check(settings(method="active_labelling", rounds=5), 5000)
    assert find(found.method).selector.ks(found) == (16, 17, 17, 17, 17)


@pytest.mark.parametrize(("drawable", "ks"), [(99, (1,)), (98, (1, 1)), (97, (1, 1, 1))])
def test_no_more_rounds_than_queries_are_left(drawable, ks):
    found = real_images.check(settings(), drawable)
    assert find(found.method).selector.ks(found) == ks


def test_a_number_stays():
    given = settings(n_real=20)
    assert real_images.check(given, 60) is given


@pytest.mark.parametrize(
    ("fields", "drawable", "message"),
    [
        ({}, 10, "config.budget=100: 90 pairs are to be chosen, and the pool has 45"),
        ({"method": "fskd"}, 5000, "config.budget=100: must be more than n_real=100"),
        ({"method": "full_kd"}, 5000, "config.budget=100: must be at least n_real=5000"),
        ({"method": "real_only"}, 1, "config.n_real=1: must be 2 or more"),
    ],
)
def test_what_follows_is_checked(fields, drawable, message):
    with pytest.raises(UserError, match=message):
        real_images.check(settings(**fields), drawable)


@pytest.mark.parametrize("count", [1, -1])
def test_impossible_numbers(count):
    with pytest.raises(UserError, match=rf"config\.n_real={count}: must be"):
        settings(n_real=count)
