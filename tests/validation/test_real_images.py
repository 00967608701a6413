"""``n_real=0``: how many real images there are, by hand, and what cannot be."""

import pytest

from amkd.core.errors import UserError
from amkd.methods import find
from amkd.validation import from_config, with_data


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
        ({"method": "active_labelling"}, 60, 15, "active_labelling"),  # 60 in all
        ({"method": "full_kd", "budget": 5000}, 5000, 0, "full_kd"),  # all, whatever n_real says
    ],
)
def test_how_many_by_hand(fields, drawable, count, method):
    found = with_data.check(settings(**fields), drawable)
    assert (found.n_real, found.method) == (count, method)


def test_rounds_of_one_size_spend_the_budget():
    """16 of 100 in round 0 of six, and 84 in the others."""
    found = with_data.check(settings(method="active_labelling", rounds=5), 5000)
    assert find(found.method).selector.ks(found) == (16, 17, 17, 17, 17)


@pytest.mark.parametrize(
    ("schedule", "drawable", "ks"),
    [
        *(("equal", 99, (1,)), ("equal", 98, (1, 1)), ("equal", 97, (1, 1, 1))),
        *(("doubling", 99, (1,)), ("doubling", 97, (1, 2)), ("doubling", 96, (1, 1, 2))),
        ("10,20,30", 40, (10, 20, 30)),
    ],
)
def test_no_more_rounds_than_the_rest_of_the_budget_can_fill(schedule, drawable, ks):
    found = with_data.check(settings(search={"schedule": schedule}), drawable)
    assert find(found.method).selector.ks(found) == ks


@pytest.mark.parametrize(
    ("method", "drawable", "budget"),
    [
        ("real_only", 40, 40),
        ("real_only", 5000, 100),
        ("sskd", 20, 80),  # four views of each
        ("active_labelling", 60, 60),
        ("active_mixup", 60, 100),  # mixes take the rest
        ("fskd", 60, 100),  # pseudo-examples take the rest
        ("zskd", 60, 100),  # all images are made
        ("zskd", 5000, 100),
    ],
)
def test_the_budget_is_what_the_method_can_use(method, drawable, budget):
    white_box = {"teacher": {"kind": "flax"}} if method in ("fskd", "zskd") else {}
    found = with_data.check(settings(method=method, **white_box), drawable)
    assert (found.budget, found.method) == (budget, method)


def test_more_rounds_than_a_doubling_schedule_can_fill():
    """25 rounds would need millions; 40 mixes are spent in as many as have one or more."""
    found = with_data.check(settings(rounds=25, search={"schedule": "doubling"}), 60)
    ks = find(found.method).selector.ks(found)
    assert sum(ks) == 40 and min(ks) == 1 and found.rounds == len(ks) == 6


def test_a_number_stays():
    given = settings(n_real=20)
    assert with_data.check(given, 60) is given


@pytest.mark.parametrize(
    ("fields", "drawable", "message"),
    [
        (
            {},
            10,
            "n_real=0 takes 10 of 10 images here, and therefore: config.budget=100: 90 pairs are"
            " to be chosen, but the pool has 45",
        ),
        ({"search": {"schedule": "10,20,30"}}, 50, r"makes rounds of|selects 60 images"),
        ({"method": "fskd", "teacher": {"kind": "flax"}}, 5000, "must be more than n_real=100"),
        # Fewer than two real images.
        ({}, 0, "config.n_real=0: budget=100 and 0 images to draw from give 0 real images"),
        ({"method": "real_only"}, 1, "give 1 real images, but at least 2 are needed"),
        (
            {"budget": 5, "method": "active_labelling", "rounds": 2},
            50,
            r"config.n_real=0: the smaller of budget=5 and 50 images to draw from, divided by"
            r" rounds \+ 1 = 3, gives 1 real images, but at least 2 are needed; raise the budget",
        ),
        ({"budget": 0}, 50, "config.n_real=0: budget=0 and 50 images to draw from give 0"),
        ({"budget": -5}, 50, "config.n_real=0: budget=-5 and 50 images to draw from give 0"),
        ({"method": "active_labelling", "budget": 3}, 50, "budget=3 and 50 .* gives 0 real"),
        ({"method": "sskd", "budget": 3}, 50, "budget=3 and 50 .* give 0 real images"),
    ],
)
def test_what_follows_is_checked(fields, drawable, message):
    with pytest.raises(UserError, match=message):
        with_data.check(settings(**fields), drawable)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"search": {"schedule": "banana"}}, "config.search.schedule='banana'"),
        ({"search": {"schedule": "10,20"}}, "config.search.schedule='10,20' makes rounds of"),
        (
            {"method": "random_mixup", "teacher": {"kind": "labels"}},
            "config.method='random_mixup': the labels teacher",
        ),
        (
            {"method": "active_labelling", "search": {"variants": 2}},
            "config.search.variants=2: active_labelling makes no mixes",
        ),
    ],
)
def test_what_does_not_depend_on_the_data_is_refused_without_it(fields, message):
    with pytest.raises(UserError, match=message):
        settings(**fields)


@pytest.mark.parametrize("count", [1, -1])
def test_impossible_numbers(count):
    with pytest.raises(UserError, match=rf"config\.n_real={count}: must be"):
        settings(n_real=count)
