"""Tables of README and docs say what the kept runs say, rounded once."""

import json
import re

import pytest

from amkd.reporting import interval, summary_text
from amkd.tables import statistics
from tests.docs.kept_figures import (
    FEW,
    LEARNED,
    LONG_4,
    PHOTOGRAPHS,
    RECIPES,
    REGIMES,
    difference,
    measured,
    runs_of,
)
from tests.docs.pages import ROOT, blocks, text_of

DEMO_IMAGES = 497  # test images of the embedded digits
CHANGES = {  # first cells of a row of README: table, ours, theirs
    ("temperature 4", "temperature 1, the paper's"): (LEARNED, "temperature4", "as_paper"),
    ("scores of the three most likely classes only, temperature 4", "all classes, temperature 1"): (
        LEARNED,
        "top3_temperature4",
        "as_paper",
    ),
    ("only the hard label", "probabilities, temperature 1"): (LEARNED, "label", "as_paper"),
    ("the teacher's features (`pad_l2`)", "temperature 1"): (LEARNED, "features", "as_paper"),
    ("the paper's choice of pairs, 4,000 queries, temperature 4", "random pairs"): (
        *(FEW, "grid", "random"),
    ),
}
ASSISTED = (
    "an assistant answers 20,000 more mixes, only the hard label, temperature 4",
    "no assistant, equal training length and temperature",
)
CHOSEN = (
    "mixes chosen by `badge`, only the hard label",
    "random mixes with the same lambdas",
)
CHOSEN_REAL = ("real images chosen by `badge`, only the hard label", "real images at random")
MORE_REAL = {  # the same, of block E: the end of its rows' names
    (f"3,500 more real images at random, {answers}", "3,500 mixes of random pairs"): end
    for answers, end in (("probabilities", "probabilities"), ("only the hard label", "labels"))
}
PRINTED = {"mnist": "98.74", "fashion": "80.90"}  # by the paper


PLACES = {
    LEARNED: "learning-from-the-answers",
    FEW: "choosing-with-4000-queries",
    (REGIMES, "real_random"): "real-images-or-mixes",
    (REGIMES, "assistant"): "an-assistant",
    (REGIMES, "pooled_badge"): "choosing-with-hard-labels",
    (REGIMES, "real_badge"): "choosing-real-images-with-hard-labels",
}


def rows(page, heading):
    """The rows of the table whose first heading is so, as lists of cells."""
    text = (ROOT / page).read_text()
    table = text[text.index(f"| {heading} |") :].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def with_interval(one):
    """A difference with its 95% interval over the seeds; a single seed has none."""
    span = "" if one.interval is None else " ({:+.2f} to {:+.2f})".format(*one.interval)
    return f"{one.difference:+.2f}{span}"


def test_changes_of_readme():
    found = {tuple(row[:2]): row[2:] for row in rows("README.md", "Change")}
    wanted = {names: (*one, ("mnist", "fashion")) for names, one in CHANGES.items()}
    for names, end in MORE_REAL.items():
        both = (f"mnist_{end}", f"fashion_{end}")
        wanted[names] = (REGIMES, "real_random", "random_pairs", both)
    with_labels = ("mnist_labels", "fashion_labels")
    wanted[CHOSEN] = (REGIMES, "pooled_badge", "pooled_random", with_labels)
    wanted[CHOSEN_REAL] = (REGIMES, "real_badge", "real_random", with_labels)
    wanted[ASSISTED] = (REGIMES, "assistant", LONG_4, with_labels)
    assert found.keys() == wanted.keys()
    for names, (table, ours, theirs, pair) in wanted.items():
        both = [difference(table, row, ours, theirs) for row in pair]
        assert both[0].seeds == both[1].seeds
        page = PLACES.get(table) or PLACES[table, ours]
        place = f"[{both[0].seeds}](results/README.md#{page})"
        assert found[names] == [*map(with_interval, both), place], names


def spread(row, way, measure="student_accuracy"):
    values = list(measured("best_cpu", row, way, measure).values())
    if not values:
        return "-"
    assert len(values) == 5
    found = statistics.spread(values)
    return f"{found.mean:.2f} ± {found.std:.2f}"


def test_recipes_of_readme():
    found = {row[0]: row[1:] for row in rows("README.md", "Row")}
    assert found.keys() == RECIPES.keys()
    for name, row in RECIPES.items():
        (queries,) = {run["queries"] for run in runs_of("best_cpu") if run["row"] == row}
        teacher = statistics.spread(
            list(measured("best_cpu", row, "best", "teacher_accuracy").values())
        )
        wanted = [f"{queries:,}", f"{teacher.mean:.2f}", spread(row, "best"), spread(row, "random")]
        assert found[name] == [*wanted, PRINTED.get(row, "-")], name


def of_demo(way):
    """Accuracy and agreement of the demo, with their intervals, by queries."""
    (run,) = [one for one in runs_of("demo_cpu") if one["way"] == way]
    return {
        entry["queries"]: [
            summary_text.percent(entry[name], DEMO_IMAGES)
            for name in ("student_accuracy", "agreement")
        ]
        for entry in run["rounds"]
    }


def test_demo_of_readme():
    ours, theirs = of_demo("active"), of_demo("random")
    assert f"Wilson, {DEMO_IMAGES} test images" in text_of("README.md")
    found = [(int(row[0].split(",")[0]), *row[1:]) for row in rows("README.md", "Queries")]
    ends = min(ours), max(ours)
    assert found == [(queries, ours[queries][0], theirs[queries][0]) for queries in ends]


@pytest.mark.parametrize(("way", "place"), [("active", 0), ("random", 1)])
def test_demo_of_running(way, place):
    text = blocks(ROOT / "docs" / "running.md", "text")[place].text
    lines = re.findall(r"^ +\d+ +(\d+) +(\S+ \(.*?\)) +(\S+ \(.*?\))$", text, re.MULTILINE)
    assert {int(queries): both for queries, *both in lines} == of_demo(way)


def test_demo_rises_beyond_its_intervals():
    """As the page says: with the chosen mixes; and the two ways of choosing are not told apart."""
    ends = []
    for way in ("active", "random"):
        (run,) = [one for one in runs_of("demo_cpu") if one["way"] == way]
        first, last = (
            interval.wilson(run["rounds"][at]["student_accuracy"], DEMO_IMAGES) for at in (0, -1)
        )
        assert (first[1] < last[0]) == (way == "active")
        ends.append(last)
    assert max(low for low, _ in ends) < min(high for _, high in ends)


NEXT = {  # first cells of a row of docs/photos.md: the way
    "photographs at random": "real",
    "photographs of smallest margin": "real_margin",
    "photographs of highest predicted loss": "real_learning_loss",
    "photographs far from each other": "real_k_center",
    "pastes": "pastes",
    "crops": "crops",
    "mixes of lowest C1": "mixes_c2",
    "mixes at random": "mixes",
    "nothing": "none",
}


def test_what_to_ask_about_next():
    found = rows("docs/photos.md", "Images of the further queries")
    assert {row[0] for row in found} == NEXT.keys() and len(found) == len(NEXT)
    for title, *columns in found:
        for place, (table, row) in enumerate(PHOTOGRAPHS):
            agreement, against = columns[2 * place : 2 * place + 2]
            values = list(measured(table, row, NEXT[title], "agreement").values())
            assert len(values) == 3
            found_here = statistics.spread(values)
            assert agreement == f"{found_here.mean:.2f} ± {found_here.std:.2f}"
            if NEXT[title] != "real":
                change = difference(table, row, NEXT[title], "real")
                assert against == f"{change.difference:+.2f}"


# Figures that come from no kept run, as they stand on the pages.
def test_cascade_of_photographs():
    """Each row is the point at that share; the student alone is its last one."""
    found = json.loads((ROOT / "results/figures/cascade_photos.json").read_text())
    points = {round(100 * one["local"]): one for one in found["cascade"]["points"]}
    told = rows("docs/deploying.md", "images that the student answers")
    assert [row[0] for row in told] == ["50%", "70%", "80%", "90%", "100%"]
    for share, agreement, ends, paid in told:
        local = int(share.rstrip("%"))
        point = points[local]
        assert agreement == f"{100 * point['agreement']:.1f}"
        assert ends == f"{100 * point['low']:.1f} to {100 * point['high']:.1f}"
        assert paid == (f"{100 - local}%" if local < 100 else "none")
    alone = f"{100 * points[100]['agreement']:.1f}% of {found['cascade']['images']}\nimages"
    assert alone in (ROOT / "docs/deploying.md").read_text()
    assert points[100]["agreement"] == found["agreement"]
