"""Planned comparisons: outcomes by hand, in the words of results/protocol.md."""

import dataclasses
import json

import pytest

from amkd.core.errors import UserError
from amkd.tables import charts, planned, rendering, short_records
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
        (0.1, (-0.2, 0.4), 0.5, "inconclusive"),
        (-0.25, (-0.3, -0.2), 0.06, "inconclusive"),
        (0.1, None, 1.0, "inconclusive"),  # equal differences
        (0.0, (0.0, 0.0), 1.0, "no difference"),  # equal on every seed
    ],
)
def test_words(difference, interval, holm, words):
    paired = Paired(difference, holm, 10, interval)
    assert Outcome("A", PLAN, (20, 20), paired, holm).words == words


def test_a_finished_block_by_hand():
    """Differences 1, 2 and 3: mean 2, t(2, .975) = 4.3027, half 4.3027 / sqrt(3) = 2.4841; p
    .0742, twice as much by Holm with another p of .5 beside it.
    """
    table = three(PLAN, PlannedComparison("r", "third", "random"))
    runs = [*RUNS, *third(0.42, 0.42, 0.42)]
    first, second = map(planned.record, planned.outcomes(table, cells(table, runs)))
    assert first["difference"] == pytest.approx(2)
    assert (first["low"], first["high"]) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-4)
    assert (first["p"], first["holm"]) == pytest.approx((0.07418, 0.14836), abs=1e-5)
    assert (first["seeds"], first["runs"], first["runs_planned"]) == (3, 9, 9)
    assert first["words"] == second["words"] == "inconclusive"
    assert second["difference"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("p", "text"), [(None, "-"), (0.04321, "0.0432"), (0.0001, "0.0001"), (2e-9, "< 0.0001")]
)
def test_a_p_value_is_never_shown_as_0(p, text):
    outcome = planned.record(Outcome("A", PLAN, (6, 6), Paired(2.0, p, 3, (1.0, 3.0)), p))
    ((_, _, (line,)),) = planned.groups([outcome])
    assert line[4:6] == (text, text)


def test_an_unfinished_block_shows_no_difference():
    """Nobody stops a block because of what it says so far."""
    (found,) = map(planned.record, planned.outcomes(BLOCK, cells(BLOCK, RUNS[:-1])))
    assert (found["runs"], found["runs_planned"], found["words"]) == (5, 6, "not finished")
    assert found["difference"] is found["p"] is found["low"] is None
    (found,) = map(planned.record, planned.outcomes(BLOCK, []))
    assert found["words"] == "not run"
    assert "".join(planned.markdown([found])).splitlines()[1:] == [
        "**A (0 of 6 runs)**",
        "",
        "| row | way | baseline | difference (95% interval) | p | Holm's p | outcome |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| r | active | random | - | - | - | not run |",
    ]


def third(*accuracies, **more):
    """The runs of a third way, as kept."""
    return [one("third", seed, 0.3, last, **more) for seed, last in enumerate(accuracies)]


def three(*plans):
    """A table of three ways with one block."""
    ways = {"active": (), "random": (), "third": ()}
    return dataclasses.replace(BLOCK, ways=ways, blocks={"A": plans})


def test_a_comparison_without_a_p_counts_in_its_family():
    """The third is 5 points above random on every seed: no test, and yet one of two comparisons."""
    table = three(PLAN, PlannedComparison("r", "third", "random"))
    runs = [*RUNS, *third(0.46, 0.47, 0.48)]
    first, second = map(planned.record, planned.outcomes(table, cells(table, runs)))
    assert first["holm"] == pytest.approx(2 * first["p"])
    assert (second["p"], second["low"], second["words"]) == (None, None, "inconclusive")
    assert second["difference"] == pytest.approx(5)


def test_equal_on_every_seed_is_no_difference():
    table = three(PlannedComparison("r", "third", "random"))
    runs = [*RUNS, *third(0.41, 0.42, 0.43)]
    (found,) = map(planned.record, planned.outcomes(table, cells(table, runs)))
    assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)
    assert found["words"] == "no difference"


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("teacher", {"teacher": "another"}),
        ("data", {"data": "other images"}),
        ("n_real", {"n_real": 99}),
        ("budget", {"budget": 8000}),
        ("data.evaluate_on", {"config": {"data.evaluate_on": "train"}}),
    ],
)
def test_a_comparison_is_of_the_same_conditions(name, more):
    table = three(PlannedComparison("r", "third", "random"))
    runs = [*RUNS, *third(0.46, 0.47, 0.49, **more)]
    with pytest.raises(UserError, match=f"third and random cannot be compared.* {name};"):
        list(planned.outcomes(table, cells(table, runs)))


def test_figures_wait_for_their_block(tmp_path):
    """Neither a file nor a chart says what the third way reached before its block is done."""
    table = three(PLAN)
    blocks = {**table.blocks, "B": (PlannedComparison("r", "third", "random"),)}
    table = dataclasses.replace(table, against=(), blocks=blocks)
    runs = [{**run, "config": {}} for run in (*RUNS, *third(0.1234, 0.1234))]
    for run in runs:
        short_records.write(run, tmp_path / "runs/tiny")
    text = rendering.render(table, tmp_path)
    assert "| r | third | - | - | 2 of 3 | - |" in text and "44.00 ± 2.00" in text
    assert "42.00 ± 1.00" in text  # random is in block B, too, but block A is finished
    assert "**B (5 of 6 runs)**" in text
    assert not any("12.34" in path.read_text() for path in tmp_path.glob("tiny*"))
    short_records.write({**third(0.1, 0.1, 0.1234)[2], "config": {}}, tmp_path / "runs/tiny")
    text = rendering.render(table, tmp_path)
    assert "| r | third | 100 | 200 | 3 |" in text and "12.34 ± 0.00" in text
    assert "**B (6 of 6 runs)**" in text


def test_a_difference_from_a_hidden_baseline_is_hidden_too(tmp_path):
    """random waits for its block. 44.00 and the difference of 2 would tell its 42.00."""
    table = three(PlannedComparison("r", "third", "random"))
    runs = [{**run, "config": {}} for run in (*RUNS, *third(0.4, 0.5))]
    for run in runs:
        short_records.write(run, tmp_path / "runs/tiny")
    text = rendering.render(dataclasses.replace(table, against=("random",)), tmp_path)
    (line,) = (line for line in text.splitlines() if line.startswith("| r | active |"))
    assert "44.00 ± 2.00" in line and "+2.00" not in line
    (record,) = (
        one for one in json.loads((tmp_path / "tiny.json").read_text()) if one["way"] == "active"
    )
    assert record["difference_random"] is record["p_random"] is record["holm_random"] is None
    assert "way minus random" not in (tmp_path / "tiny.html").read_text()


def test_a_chart_of_figures_that_wait_is_removed(tmp_path):
    short_records.write({**RUNS[0], "config": {}}, tmp_path / "runs/tiny")
    (tmp_path / "tiny.json").write_text("[]")  # an earlier output
    (tmp_path / "tiny.svg").write_text("earlier curves")
    rendering.render(dataclasses.replace(BLOCK, against=()), tmp_path)
    assert not (tmp_path / "tiny.svg").exists()


def test_only_a_finished_block_is_drawn():
    both = dataclasses.replace(BLOCK, blocks={"A": (PLAN,), "B": (PLAN,)})
    done = [*planned.outcomes(both, cells(both, RUNS))]
    missing = [*planned.outcomes(BLOCK, cells(BLOCK, RUNS[:-1]))]
    assert [*charts.comparisons(missing)] == []
    first, second = charts.comparisons(done)
    assert "r: active - random" in first.body and "3 seeds, inconclusive" in first.body
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
