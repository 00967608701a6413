"""The facts of a run: N, k of every round, evaluations, images trained on."""

import hypothesis
import pytest
from hypothesis import strategies as st

from amkd.methods.selectors import schedule
from amkd.run.facts import facts_of_run
from tests.support.small import configured


def facts_of(drawable=400, labelled=True, **fields):
    return facts_of_run(configured(**fields), drawable=drawable, labelled=labelled)


def test_evaluation_is_free_only_with_a_local_teacher() -> None:
    python = {"teacher.kind": "python", "teacher.function": "a:b"}
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
        ),  # without labels there is nothing else to evaluate the student by
        (python, "no", False, False),
    ):
        settings = configured(**{**fields, "teacher.evaluate": evaluate})
        facts = facts_of_run(settings, drawable=400, labelled=labelled)
        assert facts.queries_evaluation_images is expected


# Schedules.


def test_equal_rounds() -> None:
    assert schedule("equal", 4, 22000) == (5500,) * 4
    assert schedule("equal", 3, 10) == (3, 3, 4)
    assert schedule("equal", 1, 7) == (7,)


def test_doubling_rounds() -> None:
    assert schedule("doubling", 4, 800) == (100, 100, 200, 400)
    assert schedule("doubling", 1, 7) == (7,)
    assert schedule("doubling", 3, 1001) == (250, 250, 501)


def test_explicit_rounds() -> None:
    assert schedule("1000,2000,4000", 3, 7000) == (1000, 2000, 4000)
    assert schedule("5, 6", 2, 11) == (5, 6)
    facts = facts_of(**{"search.schedule": "100,200,500"})
    assert facts.ks == (100, 200, 500)


@pytest.mark.parametrize("kind", ["", "equally", "1,x", "1,,2", "2.5", "doubling,1"])
def test_malformed_schedules(kind: str) -> None:
    with pytest.raises(ValueError):
        schedule(kind, 2, 100)


@hypothesis.given(rounds=st.integers(1, 12), total=st.integers(1, 10**6))
def test_rounds_add_up_to_the_total(rounds: int, total: int) -> None:
    equal, doubling = (schedule(kind, rounds, total) for kind in ("equal", "doubling"))
    assert len(equal) == len(doubling) == rounds
    assert sum(equal) == sum(doubling) == total
    assert max(equal) - min(equal) <= 1
    for t in range(
        1, rounds
    ):  # the number selected so far doubles with every round, up to rounding
        assert sum(doubling[: t + 1]) - 2 * sum(doubling[:t]) in (0, 1)
