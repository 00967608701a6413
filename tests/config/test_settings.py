"""Whole settings: what is still possible, when the teacher is asked to evaluate, and the rounds."""

import hypothesis
import pytest
from hypothesis import strategies as st

from amkd.run import allotment
from amkd.validation import from_config
from tests.support.configuring import changed


def test_the_edges_of_the_possible_are_possible() -> None:
    loaded = from_config(
        changed(
            n_real=2,
            budget=3,
            rounds=1,
            seed=0,
            search__lam_low=0.5,
            search__lam_high=0.5,
            search__lam_count=1,
            train__epochs=1,
            train__momentum=0.0,
            train__drops=(),
            train__drop_factor=1.0,
            teacher__min_accuracy=1.0,
            checkpoint__seconds=0.0,
        )
    )
    assert loaded.queries_per_round() == [1]


def test_evaluation_is_free_only_with_a_local_teacher() -> None:
    python = {"teacher__kind": "python", "teacher__function": "a:b"}
    for fields, evaluate, labelled, expected in (
        ({}, "auto", True, True),
        ({}, "no", True, False),
        (python, "auto", True, False),
        (python, "yes", True, True),
        (
            python,
            "auto",
            False,
            True,
        ),  # without labels there is nothing else to judge the student by
        (python, "no", False, False),
    ):
        loaded = from_config(changed(**fields, teacher__evaluate=evaluate))
        assert loaded.asks_for_evaluation(labelled) is expected


# Schedules.


def test_equal_rounds() -> None:
    assert allotment.schedule("equal", 4, 22000) == [5500] * 4
    assert allotment.schedule("equal", 3, 10) == [3, 3, 4]
    assert allotment.schedule("equal", 1, 7) == [7]


def test_doubling_rounds() -> None:
    assert allotment.schedule("doubling", 4, 800) == [100, 100, 200, 400]
    assert allotment.schedule("doubling", 1, 7) == [7]
    assert allotment.schedule("doubling", 3, 1001) == [250, 250, 501]


def test_explicit_rounds() -> None:
    assert allotment.schedule("1000,2000,4000", 3, 7000) == [1000, 2000, 4000]
    assert allotment.schedule("5, 6", 2, 11) == [5, 6]
    loaded = from_config(changed(search__schedule="100,200,500"))
    assert loaded.queries_per_round() == [100, 200, 500]


@pytest.mark.parametrize("kind", ["", "equally", "1,x", "1,,2", "2.5", "doubling,1"])
def test_malformed_schedules(kind: str) -> None:
    with pytest.raises(ValueError):
        allotment.schedule(kind, 2, 100)


@hypothesis.given(rounds=st.integers(1, 12), total=st.integers(1, 10**6))
def test_rounds_add_up_to_the_total(rounds: int, total: int) -> None:
    equal, doubling = (allotment.schedule(kind, rounds, total) for kind in ("equal", "doubling"))
    assert len(equal) == len(doubling) == rounds
    assert sum(equal) == sum(doubling) == total
    assert max(equal) - min(equal) <= 1
    for t in range(
        1, rounds
    ):  # the number selected so far doubles with every round, up to rounding
        assert sum(doubling[: t + 1]) - 2 * sum(doubling[:t]) in (0, 1)
