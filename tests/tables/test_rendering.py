"""Tables from what is kept of runs: figures by hand, and the tables of this repository."""

import dataclasses
import json

import pytest

from amkd.core.errors import UserError
from amkd.tables import charts, rendering, short_records
from amkd.tables import table as tables
from amkd.tables.cells import cells
from amkd.tables.curves import curve_points
from amkd.tables.markdown import markdown
from amkd.tables.records import cell_records, rounded
from amkd.tables.table import Table, TableRow
from tests.support import page_checks

TABLE = Table(
    name="tiny",
    title="Tiny",
    seeds=(0, 1, 2),
    rows={"r": TableRow("configs/default.py", paper=50.0, best=60.0, source="them")},
    ways={"active": (), "random": (), "missing": ()},
    against=("random",),
)


def one(way, seed, *accuracies, **more):
    """What is kept of a run, with an accuracy after each round."""
    rounds = [
        {
            "round": number,
            "queries": 100 * (number + 1),
            "student_accuracy": accuracy,
            "agreement": None,
            "search": {},
        }
        for number, accuracy in enumerate(accuracies)
    ]
    return {
        "row": "r", "way": way, "seed": seed, "method": "m", "dataset": "d",
        "n_real": 100, "queries": 200,
        "teacher": "t", "student": "s", "teacher_accuracy": 0.8, "student_accuracy": accuracies[-1],
        "success_rate": None if accuracies[-1] is None else accuracies[-1] / 0.8, "agreement": 0.5,
        "seconds": {"train": 60.0, "query": 30.0},
        "rounds": rounds, "config": {"seed": seed}, **more,
    }  # fmt: skip


RUNS = [
    *(one("active", seed, 0.3, last) for seed, last in enumerate((0.42, 0.44, 0.46))),
    *(one("random", seed, 0.3 + seed / 100, last) for seed, last in enumerate((0.41, 0.42, 0.43))),
]


EMPTY = {
    "name": "t",
    "title": "T",
    "seeds": (0,),
    "rows": {},
    "ways": {"active": (), "random": ()},
}


def markdown_of(table, found):
    return markdown(table, cell_records(table, found))


def records_of(table, found):
    """As the JSON file holds them."""
    return [rounded(record) for record in cell_records(table, found)]


def points_of(table, found):
    """As the CSV file holds them."""
    return [rounded(point) for point in curve_points(table, found)]


def test_rows_by_hand():
    """Means 44 and 42, sample deviations 2 and 1; differences 1, 2 and 3 against random: p =
    .0742.
    """
    active, random, _ = records_of(TABLE, cells(TABLE, RUNS))
    assert (active["accuracy_mean"], active["accuracy_std"], active["seeds"]) == (44, 2, [0, 1, 2])
    assert (random["accuracy_mean"], random["accuracy_std"]) == (42, 1)
    assert (active["difference_random"], active["p_random"], active["holm_random"]) == (
        2,
        0.07418,
        0.07418,
    )
    assert random["difference_random"] is random["p_random"] is random["holm_random"] is None
    assert (active["success_rate"], active["teacher_accuracy"], active["agreement"]) == (55, 80, 50)
    assert (active["seconds"], active["paper"], active["best_published"]) == (90, 50, 60)
    assert active["evaluations"] == 0
    wanted = "dataset teacher student method n_real queries seeds teacher_accuracy accuracy_mean"
    assert active.keys() >= {*wanted.split(), "accuracy_std", "success_rate"}


def test_what_was_not_run_stands_in_the_table():
    """A way without a run has a line, and too few seeds are told beside the planned ones."""
    found = cells(TABLE, [run for run in RUNS if run["seed"] < 2])
    active, _, missing = records_of(TABLE, found)
    assert missing["seeds"] == [] and missing["accuracy_mean"] is None
    assert missing.keys() == active.keys()
    lines = [line.split(" | ") for line in markdown_of(TABLE, found).splitlines()]
    head = lines[2].index("seeds")
    assert [line[head] for line in lines[4:7]] == ["2 of 3", "2 of 3", "not run"]
    assert (missing["paper"], missing["best_published"]) == (50, 60)


def test_a_table_by_agreement():
    """No test label was seen: means 51 and 50, and the divergence of the last round."""
    table = dataclasses.replace(TABLE, measure="agreement")
    runs = [
        one(way, seed, None, agreement=agreement, teacher_accuracy=None)
        for way, agreements in (("active", (0.5, 0.52)), ("random", (0.49, 0.51)))
        for seed, agreement in enumerate(agreements)
    ]
    for run, divergence in zip(runs, (0.25, 0.75, 0.5, 0.5), strict=True):
        run["rounds"][-1] |= {"agreement": run["agreement"], "divergence": divergence}
    found = cells(table, runs)
    active, random, _ = records_of(table, found)
    assert (active["accuracy_mean"], random["accuracy_mean"], active["difference_random"]) == (
        51,
        50,
        1,
    )
    assert (active["divergence"], active["teacher_accuracy"]) == (0.5, None)
    head = markdown_of(table, found).splitlines()[2]
    assert "| agreement, mean ± std | divergence |" in head
    assert "teacher |" not in head  # nobody knows its accuracy
    assert [point["accuracy_mean"] for point in points_of(table, found)] == [51, 50]
    assert cells(TABLE, runs) == []  # which have no accuracy
    with pytest.raises(
        UserError, match=r"config\.measure='loss': must be one of student_accuracy, agreement"
    ):
        tables.from_config({**EMPTY, "measure": "loss"})


def test_markdown_of_a_row():
    text = markdown_of(TABLE, cells(TABLE, RUNS))
    lines = text.splitlines()
    assert lines[0] == "**Tiny**"
    assert lines[4] == (
        "| r | active | 100 | 200 | 3 | 80.00 | 44.00 ± 2.00 | 55.00 | 50.00 | +2.00 (0.074)"
        " | 1.5 | 50.00 | 60.00 them |"
    )
    assert (
        lines[6] == "| r | missing | - | - | not run | - | - | - | - | - | - | 50.00 | 60.00 them |"
    )
    assert len(lines) == 7


def test_figures_are_rounded_once(tmp_path):
    """Accuracies that are .10611 apart deviate by .10611 / sqrt(2) = .0750311: .08, and .0750 in
    the files. A difference of .00495 is .00, and .0050 in the files; rounded twice it
    were .01.
    """
    ours = [one("active", seed, last) for seed, last in enumerate((0.5, 0.5010611))]
    theirs = [one("random", seed, last) for seed, last in enumerate((0.49995, 0.5010121))]
    for run in (*ours, *theirs):
        short_records.write(run, tmp_path / "runs" / "tiny")
    text = rendering.render(TABLE, tmp_path)
    assert "| 50.05 ± 0.08 |" in text and "| +0.00 (" in text
    active = json.loads((tmp_path / "tiny.json").read_text())[0]
    assert (active["accuracy_std"], active["difference_random"]) == (0.075, 0.005)
    assert "active,100,50.0531,0.075,2,0.005," in (tmp_path / "tiny-curves.csv").read_text()
    page = (tmp_path / "tiny.html").read_text()
    assert "<td>50.05</td><td>0.08</td>" in page and "<td>0.00</td>" in page


def test_several_baselines_and_several_comparisons():
    """Differences of 1, 2, 3 against random, p = .0742, and of 1, 1, 4, p = .1835: by Holm .148 and
    .184.
    """
    other = [one("other", seed, 0.3, last) for seed, last in enumerate((0.42, 0.43, 0.47))]
    table = dataclasses.replace(
        TABLE, ways={"active": (), "random": (), "other": ()}, against=("random", "active")
    )
    found = cells(table, [*RUNS, *other])
    active, random, third = records_of(table, found)
    assert [row["p_random"] for row in (active, random, third)] == [0.07418, None, 0.183503]
    assert [row["holm_random"] for row in (active, random, third)] == [0.14836, None, 0.183503]
    assert [row["difference_active"] for row in (active, random, third)] == [None, -2, 0]
    text = markdown_of(table, found).splitlines()
    assert "| against random (p; Holm) | against active (p; Holm) |" in text[2]
    assert "| +2.00 (0.074; 0.148) | - |" in text[4] and "| - | -2.00 (0.074; 0.148) |" in text[5]
    assert "| +2.00 (0.184) |" in text[6]  # the largest is not changed
    last = points_of(table, found)[-1]
    assert (last["way"], last["queries"], last["difference_random"], last["difference_active"]) == (
        "other",
        200,
        2,
        0,
    )


def test_baselines_are_ways_of_the_table():
    assert tables.from_config({**EMPTY, "against": "random"}).against == ("random",)
    assert tables.from_config({**EMPTY, "against": ("random", "active")}).against == (
        "random",
        "active",
    )
    with pytest.raises(
        UserError, match=r"config\.against='rondom': 'rondom' is not one of the ways active, random"
    ):
        tables.from_config({**EMPTY, "against": "rondom"})


def test_what_the_paper_prints_stands_beside_its_own_way():
    table = dataclasses.replace(
        TABLE, rows={"r": TableRow("configs/default.py", paper={"active": 51.0})}
    )
    rows = records_of(table, cells(table, RUNS))
    assert [row["paper"] for row in rows] == [51.0, None, None]


def test_evaluations_are_those_of_all_rounds():
    """Of one seed 3,000 and 2,000, of the other 7,000: 6,000 in the mean."""
    runs = [
        one("active", 0, 0.3, 0.4),
        one("active", 1, 0.4),
        one("random", 0, 0.3),
        one("random", 1, 0.4),
    ]
    for run, spent in zip(runs, ((3000, 2000), (7000,)), strict=False):
        for row, evaluations in zip(run["rounds"], spent, strict=True):
            row["search"] = {"evaluations": evaluations}
    found = cells(TABLE, runs)
    assert [row["evaluations"] for row in records_of(TABLE, found)] == [6000, 0, None]
    lines = markdown_of(TABLE, found).splitlines()
    assert (
        "| evaluations | minutes |" in lines[2]
        and "| 6,000 | 1.5 |" in lines[4]
        and "| - | 1.5 |" in lines[5]
    )


def test_curves_by_hand():
    """At 100 queries differences of 0, -1 and -2 against random, at 200 of 1, 2 and 3: the same p
    of .0742.
    """
    points = points_of(TABLE, cells(TABLE, RUNS))
    assert [(point["way"], *list(point.values())[2:]) for point in points] == [
        ("active", 100, 30, 0, 3, -1, 0.225403), ("active", 200, 44, 2, 3, 2, 0.07418),
        ("random", 100, 31, 1, 3, None, None), ("random", 200, 42, 1, 3, None, None),
    ]  # fmt: skip


def test_a_curve_has_the_rounds_that_all_runs_have():
    found = curve_points(TABLE, cells(TABLE, [one("active", 0, 0.3, 0.4), one("active", 1, 0.5)]))
    assert [(point["queries"], point["seeds"]) for point in found] == [(100, 2)]


def test_curves_are_compared_at_equal_queries_alone():
    one_round = [{**run, "rounds": run["rounds"][-1:]} for run in RUNS if run["way"] == "random"]
    active, last, _ = points_of(TABLE, cells(TABLE, [*RUNS[:3], *one_round]))
    assert active["p_random"] is None and last["difference_random"] == 2


def test_order_of_the_files_makes_no_difference():
    assert cells(TABLE, RUNS[::-1]) == cells(TABLE, RUNS)


def test_a_run_without_figures_of_the_teacher_shows_none():
    runs = [one("active", 0, 0.5, teacher_accuracy=None, success_rate=None, agreement=None)]
    row = records_of(TABLE, cells(TABLE, runs))[0]
    assert (
        row["teacher_accuracy"]
        is row["success_rate"]
        is row["agreement"]
        is row["accuracy_std"]
        is None
    )
    text = markdown_of(TABLE, cells(TABLE, runs))
    assert "teacher" not in text and "success" not in text  # columns in which nothing is known
    both = markdown_of(TABLE, cells(TABLE, [*runs, one("random", 0, 0.4)]))
    assert "| - | 50.00 | - | - |" in both and "| 80.00 | 40.00 | 50.00 | 50.00 |" in both


def test_runs_of_another_recipe_are_not_mixed_in():
    mixed = [*RUNS, one("active", 1, 0.5, config={"train.epochs": 7})]
    with pytest.raises(UserError, match="r, active come from runs with different configurations,"):
        cells(TABLE, mixed)
    for name in ("teacher", "data", "weights"):
        with pytest.raises(UserError, match="images or initial weights"):
            cells(TABLE, [*RUNS[1:], one("active", 0, 0.5, **{name: "another"})])
    seeds = [
        *RUNS,
        one("active", 9, 0.5, config={"train.epochs": 7}),
    ]  # of a seed that the table does not have
    assert cells(TABLE, seeds) == cells(TABLE, RUNS)


def test_a_seed_counts_once():
    with pytest.raises(UserError, match="two files for one seed of r, active; delete the copy"):
        cells(TABLE, [*RUNS, one("active", 0, 0.9)])


def test_a_figure_that_is_no_number_is_none():
    """Such a seed does not count as done."""
    (active, _) = cells(TABLE, [*RUNS[1:], one("active", 0, float("nan"))])
    assert [run["seed"] for run in active.runs] == [1, 2]


def test_kept_runs_of_another_configuration_are_refused(tmp_path):
    """The table names a way as it is now; its kept runs may be from before."""
    for run in RUNS:
        short_records.write(run, tmp_path / "runs" / "tiny")
    table = dataclasses.replace(TABLE, ways={**TABLE.ways, "active": ("train.epochs=7",)})
    with pytest.raises(
        UserError,
        match=r"r, active, seed 0 has another configuration .*: config\.train\.epochs: 'its"
        r" default' -> 7; delete its file from runs/tiny",
    ):
        rendering.render(table, tmp_path)
    # What cannot run here is compared as well.
    missing = ("student_weights=nowhere.safetensors",)
    table = dataclasses.replace(TABLE, ways={**TABLE.ways, "random": missing})
    with pytest.raises(UserError, match=r"config\.student_weights: 'its default' -> 'nowhere"):
        rendering.render(table, tmp_path)


def test_runs_without_labels_have_no_accuracy_and_no_line():
    unknown = one("random", 0, None)
    assert [cell.way for cell in cells(TABLE, [RUNS[0], unknown])] == ["active"]


def test_nothing_finished_is_a_table_without_figures(tmp_path):
    lines = rendering.render(TABLE, tmp_path).splitlines()
    assert lines[2] == "| row | way | seeds | paper | best published |"
    assert [line.split(" | ")[2] for line in lines[4:]] == ["not run"] * 3
    records = json.loads((tmp_path / "tiny.json").read_text())
    assert [record["seeds"] for record in records] == [[], [], []]


def test_what_is_kept_comes_back(tmp_path):
    for run in RUNS:
        short_records.write(run, tmp_path)
    assert short_records.read(tmp_path) == sorted(RUNS, key=lambda run: (run["way"], run["seed"]))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"config": None}, "it has no 'config'"),
        ({"config": []}, "it has no 'config'"),
        ({"rounds": []}, "'rounds' is empty"),
        ({"rounds": [1]}, "a round has no 'queries'"),
        ({"rounds": [{"queries": 1}]}, "a round has no 'search'"),
        (
            {"rounds": [{"queries": 1, "search": {}, "agreement": "x"}]},
            "'agreement' of a round is not a number",
        ),
        ({"seconds": None}, "it has no 'seconds'"),
        ({"seconds": {"train": "x"}}, "'seconds' contains something"),
        ({"f1": "x"}, "'f1' is not a number"),
        ({"queries": None}, "it has no 'queries'"),
    ],
)
def test_a_damaged_record_is_named(changes, told, tmp_path):
    short_records.write({**RUNS[0], **changes}, tmp_path)
    with pytest.raises(UserError, match=rf"r-active-0\.json is damaged \({told}.*: delete it"):
        short_records.read(tmp_path)


def test_a_round_without_the_measure_has_no_point():
    """As where there was no money for all evaluation images until the last round."""
    runs = [one("active", seed, None, 0.4) for seed in (0, 1)]
    (point,) = points_of(TABLE, cells(TABLE, runs))
    assert (point["queries"], point["accuracy_mean"]) == (200, 40)


@pytest.mark.parametrize("name", ["tiny.md", "tiny.csv", "tiny.json", "tiny-curves.csv"])
def test_an_output_never_replaces_something_else(name, tmp_path):
    for run in RUNS:
        short_records.write(run, tmp_path / "runs" / "tiny")
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(UserError, match=f"{name} exists, but .*tiny.json is missing or is"):
        rendering.render(TABLE, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [name]
    (tmp_path / name).unlink()
    assert rendering.render(TABLE, tmp_path) == rendering.render(TABLE, tmp_path)


def test_paired_differences_are_drawn_with_their_intervals(tmp_path):
    """1, 2 and 3 points: 2 -+ 4.302653 / sqrt 3. A single seed has a point and no interval."""
    for run in RUNS:
        short_records.write(run, tmp_path / "runs" / "tiny")
    rendering.render(TABLE, tmp_path)
    page = (tmp_path / "tiny.html").read_text()
    page_checks.check(page)
    wanted = "active, minus random: 2.00, 95% interval -0.48 to 4.48, 3 seeds, Holm&#x27;s p 0.0742"
    assert wanted in page and "r: way minus random" in page
    assert "r: test accuracy" in (tmp_path / "tiny.svg").read_text()
    alone = list(charts.differences(TABLE, cells(TABLE, [RUNS[0], RUNS[3]])))
    assert len(alone) == 1 and "span" not in alone[0].body and "active" in alone[0].body


def test_a_chart_has_no_more_ways_than_there_are_colours():
    ways = [f"way{number}" for number in range(16)] + ["random"]
    groups = charts.grouped(ways, ("random", "absent"))
    assert [len(group) for group in groups] == [8, 8, 3]
    assert all(group[0] == "random" for group in groups)
    assert [way for group in groups for way in group[1:]] == ways[:-1]
    assert charts.grouped(ways[:8], ()) == [ways[:8]]
    points = [
        {"row": "r", "way": way, "queries": 10, "accuracy_mean": 50.0, "accuracy_std": 1.0}
        for way in ways
    ]
    drawn = list(charts.curves(TABLE, points, "test accuracy"))
    assert [len(dict.fromkeys(stroke for _, stroke in one.names)) for one in drawn] == [8, 8, 3]
    assert "one standard deviation: 49.0 to 51.0" in drawn[0].body


def test_small_p_values_keep_three_digits():
    found = rounded({"p": 3.21456e-9, "holm": 0.00045678, "p_random": 0.0123456789, "queries": 2})
    assert found == {"p": 3.21e-9, "holm": 0.000457, "p_random": 0.012346, "queries": 2}
