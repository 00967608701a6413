"""Planned comparisons: outcomes by hand, in the words of results/protocol.md."""

import dataclasses

import pytest

from amkd.core.errors import UserError
from amkd.tables import pictures, planned
from amkd.tables import table as tables
from amkd.tables.cells import cells
from amkd.tables.planned import Outcome
from amkd.tables.statistics import Paired
from amkd.tables.table import PlannedComparison
from tests.tables.test_rendering import EMPTY, RUNS, TABLE, one

PLAN = PlannedComparison("r", "active", "random")
BLOCK = dataclasses.replace(TABLE, blocks={"A": (PLAN,)})


@pytest.mark.parametrize(
    ("difference", "interval", "holm", "words"),
    [
        (0.1, (0.05, 0.15), 0.049, "ahead"),
        (-0.4, (-0.7, -0.1), 0.01, "behind"),
        (0.1, (-0.05, 0.25), 0.05, "no difference"),
        (0.1, (-0.1, 0.3), 0.2, "never behind by more than .2"),
        (0.1, (-0.2, 0.4), 0.5, "not told apart"),
        (-0.25, (-0.3, -0.2), 0.06, "not told apart"),
        (0.1, None, None, "not told apart"),  # equal differences, or one seed
    ],
)
def test_words(difference, interval, holm, words):
    paired = Paired(difference, holm, 10, interval)
    assert Outcome("A", PLAN, (20, 20), paired, holm).words == words


def test_a_finished_block_by_hand():
    """Differences 1, 2 and 3: mean 2, t(2, .975) = 4.3027, half 4.3027 / sqrt(3) = 2.4841; p
    .0742, twice as much by Holm with another p of .5 beside it.
    """
    third = [one("third", seed, 0.3, last) for seed, last in enumerate((0.42, 0.42, 0.42))]
    table = dataclasses.replace(
        BLOCK,
        ways={"active": (), "random": (), "third": ()},
        blocks={"A": (PLAN, PlannedComparison("r", "third", "random"))},
    )
    first, second = map(planned.record, planned.outcomes(table, cells(table, [*RUNS, *third])))
    assert first["difference"] == pytest.approx(2)
    assert (first["low"], first["high"]) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert (first["p"], first["holm"]) == pytest.approx((0.07418, 0.14836), abs=1e-5)
    assert (first["seeds"], first["runs"], first["runs_planned"]) == (3, 9, 9)
    assert first["words"] == second["words"] == "not told apart"
    assert second["difference"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("p", "text"), [(None, "-"), (0.04321, "0.0432"), (0.0001, "0.0001"), (2e-9, "< 0.0001")]
)
def test_a_p_value_is_never_shown_as_0(p, text):
    outcome = planned.record(Outcome("A", PLAN, (6, 6), Paired(2.0, p, 3, (1.0, 3.0)), p))
    ((_, _, (line,)),) = planned.groups([outcome])
    assert line[4:6] == (text, text)


def test_an_unfinished_block_tells_no_difference():
    """Nobody stops a block because of what it says so far."""
    (found,) = map(planned.record, planned.outcomes(BLOCK, cells(BLOCK, RUNS[:-1])))
    assert (found["runs"], found["runs_planned"], found["words"]) == (5, 6, "not finished")
    assert found["difference"] is found["p"] is found["low"] is None
    (found,) = map(planned.record, planned.outcomes(BLOCK, []))
    assert found["words"] == "not run"
    assert "".join(planned.markdown([found])).splitlines()[1:] == [
        "**A (0 of 6 runs)**",
        "",
        "| row | way | rival | difference (95% interval) | p | Holm's p | outcome |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| r | active | random | - | - | - | not run |",
    ]


def test_only_a_finished_block_is_drawn():
    both = dataclasses.replace(BLOCK, blocks={"A": (PLAN,), "B": (PLAN,)})
    done = [*planned.outcomes(both, cells(both, RUNS))]
    missing = [*planned.outcomes(BLOCK, cells(BLOCK, RUNS[:-1]))]
    assert [*pictures.comparisons(missing)] == []
    first, second = pictures.comparisons(done)
    assert "r: active - random" in first.body and "3 seeds, not told apart" in first.body
    assert (first.title, second.title) == ("A", "B")


def test_blocks_of_a_configuration():
    config = {
        **EMPTY,
        "rows": {"r": {"config": "configs/default.py"}},
        "blocks": {"A": ("r: active - random",)},
    }
    assert tables.from_config(config).blocks == {"A": (PLAN,)}


@pytest.mark.parametrize("text", ["active - random", "r: active", "r: active - nobody", "q: a - b"])
def test_a_comparison_that_cannot_be(text):
    config = {**EMPTY, "rows": {"r": {"config": "configs/default.py"}}, "blocks": {"A": (text,)}}
    with pytest.raises(UserError, match=r"config\.blocks\.A"):
        tables.from_config(config)
