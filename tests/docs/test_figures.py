"""Figures quoted in README and docs/methods.md are those of the kept runs, rounded once."""

import re
from pathlib import Path

import pytest

from amkd.tables import kept, statistics
from tests.docs.pages import ROOT

RUNS = Path(ROOT / "results" / "runs")


def measured(table, row, way, measure):
    """In percent, by seed."""
    runs = kept.read(RUNS / table)
    return {
        run["seed"]: 100 * run[measure] for run in runs if (run["row"], run["way"]) == (row, way)
    }


def difference(table, row, ours, theirs, measure="agreement"):
    """Mean difference by seed."""
    found = statistics.paired(
        measured(table, row, ours, measure), measured(table, row, theirs, measure)
    )
    assert found is not None
    return found


def rows(page, heading):
    """The rows of the table whose first heading is so, as lists of cells."""
    text = (ROOT / page).read_text()
    table = text[text.index(f"| {heading} |") :].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


CHANGES = {  # first cells of a row of README: table, ours, theirs
    ("temperature 4", "temperature 1, the paper's"): ("losses_few", "temperature4", "as_paper"),
    ("temperature 20", "temperature 1"): ("losses_few", "temperature20", "as_paper"),
    ("scores of the three most likely classes only, temperature 4", "all classes, temperature 1"): (
        "losses_few",
        "top3_temperature4",
        "as_paper",
    ),
    ("only the label", "probabilities, temperature 1"): ("losses_few", "label", "as_paper"),
    ("the teacher's features (`pad_l2`)", "temperature 1"): ("losses_few", "features", "as_paper"),
    ("the teacher's features (`pad_l2`)", "temperature 4"): (
        "losses_few",
        "features",
        "temperature4",
    ),
    ("features and temperature 4", "temperature 4"): ("losses_few", "features4", "temperature4"),
    ("hardest quarter of each batch left out", "all kept"): (
        "losses_few",
        "without_hard",
        "as_paper",
    ),
    ("the paper's choice of pairs, 4,000 queries", "random pairs"): (
        "acquisitions_few",
        "grid",
        "random",
    ),
    ("predicted divergence (`learning_loss`), 4,000 queries", "random pairs"): (
        "acquisitions_few",
        "pooled_learning_loss",
        "random",
    ),
}
RECIPES = {  # first cell of a row of README: row of best_cpu
    "MNIST, LeNet-5 to LeNet-5": "mnist",
    "MNIST, LeNet-5 to LeNet-5-half": "mnist_half",
    "Fashion-MNIST, LeNet-5 to LeNet-5": "fashion",
    "Fashion-MNIST, LeNet-5 to LeNet-5-half": "fashion_half",
}
PRINTED = {"mnist": "98.74", "fashion": "80.90"}  # by the paper


def test_changes_of_readme():
    found = {tuple(row[:2]): row[2:] for row in rows("README.md", "What was changed")}
    assert found.keys() == CHANGES.keys()
    for cells, (table, ours, theirs) in CHANGES.items():
        both = [difference(table, row, ours, theirs) for row in ("mnist", "fashion")]
        assert both[0].seeds == both[1].seeds
        wanted = [*(f"{one.difference:+.2f}" for one in both), str(both[0].seeds)]
        assert found[cells] == wanted, cells


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
        (queries,) = {run["queries"] for run in kept.read(RUNS / "best_cpu") if run["row"] == row}
        teacher = statistics.spread(
            list(measured("best_cpu", row, "best", "teacher_accuracy").values())
        )
        wanted = [f"{queries:,}", f"{teacher.mean:.2f}", spread(row, "best"), spread(row, "random")]
        assert found[name] == [*wanted, PRINTED.get(row, "-")], name


# Sentences of docs/methods.md: the figures of MNIST and of Fashion-MNIST, where both are given.
SENTENCES = {
    r"`train.temperature=4` gains (\S+) points of agreement on MNIST and (\S+) on": (
        ("losses_few", "temperature4", "as_paper", "agreement"),
        1,
    ),
    r"temperature 4 gains (\S+) and (\S+);": (
        ("losses_few", "top3_temperature4", "as_paper", "agreement"),
        1,
    ),
    r"A label alone costs (\S+) and (\S+) points": (
        ("losses_few", "label", "as_paper", "agreement"),
        -1,
    ),
    r"hardest quarter of each batch costs (\S+) and (\S+) \(one": (
        ("losses_few", "without_hard", "as_paper", "agreement"),
        -1,
    ),
    r"`train.loss=pad_l2` gains (\S+) and (\S+) against temperature 1": (
        ("losses_few", "features", "as_paper", "agreement"),
        1,
    ),
    r"it gains less: (\S+) on MNIST and (\S+) on Fashion": (
        ("losses_few", "features", "temperature4", "agreement"),
        1,
    ),
    r"together with temperature 4 (\S+) and (\S+)\.": (
        ("losses_few", "features4", "temperature4", "agreement"),
        1,
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentences_of_methods(sentence):
    text = " ".join((ROOT / "docs" / "methods.md").read_text().split())
    found = re.search(sentence, text)
    assert found, sentence
    (table, ours, theirs, measure), sign = SENTENCES[sentence]
    for row, quoted in zip(("mnist", "fashion"), found.groups(), strict=True):
        wanted = sign * difference(table, row, ours, theirs, measure).difference
        assert float(quoted) == float(f"{wanted:.2f}"), (row, quoted, wanted)


def test_other_figures_of_methods():
    text = " ".join((ROOT / "docs" / "methods.md").read_text().split())
    cpu = difference("acquisitions_cpu", "mnist", "k_center", "random").difference
    best = difference("best_cpu", "mnist_half", "best", "random", "student_accuracy").difference
    assert f"is ahead by {cpu:.2f}".replace("0.", ".") in text
    assert f"it is not ({best:+.2f} in accuracy)".replace("0.", ".") in text.replace("+0.", "+.")
    gains = [
        difference("labelling_cpu", row, way, "random", "student_accuracy").difference
        for row in ("mnist", "fashion")
        for way in ("margin", "badge")
    ]
    assert f"gain {min(gains):.1f} to {max(gains):.1f} points of accuracy" in text
    mean = {
        way: statistics.spread(
            [
                run["rounds"][-1]["divergence"]
                for run in kept.read(RUNS / "losses_few")
                if (run["row"], run["way"]) == ("fashion", way)
            ]
        ).mean
        for way in ("label", "as_paper")
    }
    assert f"divergence {mean['label']:.2f} in place of {mean['as_paper']:.2f}".replace(
        " 0.", " ."
    ) in text.replace(" 0.", " .")
    assert round(mean["label"] / mean["as_paper"]) == 7
