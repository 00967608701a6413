"""What kept runs say: the figures that README and docs quote, in percent."""

import functools
import json

from amkd.tables import short_records, statistics
from tests.docs.pages import ROOT

RUNS = ROOT / "results" / "runs"
FEW, LEARNED, REGIMES = "acquisitions_few", "losses_few", "regimes"
LONG, ACCURACY = "random_pairs_long", "student_accuracy"
LONG_4 = f"{LONG}_temperature_4"
RECIPES = {  # first cell of a row of README: row of best_cpu
    "MNIST, LeNet-5 to LeNet-5": "mnist",
    "MNIST, LeNet-5 to LeNet-5-half": "mnist_half",
    "Fashion-MNIST, LeNet-5 to LeNet-5": "fashion",
    "Fashion-MNIST, LeNet-5 to LeNet-5-half": "fashion_half",
}
PHOTOGRAPHS = (("photos", "caltech"), ("photos_trashnet", "trashnet"))  # table and row


@functools.cache
def runs_of(table):
    return short_records.read(RUNS / table)


def measured(table, row, way, measure):
    """In percent, by seed."""
    return {
        run["seed"]: 100 * run[measure]
        for run in runs_of(table)
        if (run["row"], run["way"]) == (row, way)
    }


def difference(table, row, ours, theirs, measure="agreement"):
    """Mean difference by seed."""
    found = statistics.paired(
        measured(table, row, ours, measure), measured(table, row, theirs, measure)
    )
    assert found is not None
    return found


def gains(table, ours, theirs, sign=1):
    """Of agreement, on MNIST and on Fashion-MNIST."""
    return [sign * difference(table, row, ours, theirs).difference for row in ("mnist", "fashion")]


def divergence(way):
    """Mean of the last round, on Fashion-MNIST."""
    last = [
        run["rounds"][-1]["divergence"]
        for run in runs_of(LEARNED)
        if (run["row"], run["way"]) == ("fashion", way)
    ]
    return statistics.spread(last).mean


def behind():
    """How far the ways that follow the student's uncertainty are behind random pairs on
    Fashion-MNIST: least and most.
    """
    ways = {run["way"] for run in runs_of(FEW) if not run["way"].startswith(("random", "pooled_"))}
    found = [-difference(FEW, "fashion", way, "random").difference for way in ways]
    return [min(found), max(found)]


def labelling():
    """What margin and BADGE gain, in accuracy: least and most."""
    found = [
        difference("labelling_cpu", row, way, "random", "student_accuracy").difference
        for row in ("mnist", "fashion")
        for way in ("margin", "badge")
    ]
    return [min(found), max(found)]


def minutes():
    """Of a run of the best recipes at the paper's budgets: means of its rows, least and most."""
    found = [
        statistics.spread([sum(run["seconds"].values()) / 60 for run in runs]).mean
        for row in RECIPES.values()
        if (runs := [r for r in runs_of("best_cpu") if (r["row"], r["way"]) == (row, "best")])
    ]
    return [min(found), max(found)]


def of_images(answers):
    """What real images are worth more than mixes, on MNIST and on Fashion-MNIST."""
    found = [
        difference(REGIMES, f"{name}_{answers}", "real_random", "random_pairs")
        for name in ("mnist", "fashion")
    ]
    assert all(one.seeds == 10 for one in found)
    return [one.difference for one in found]


def few_queries(way):
    """Test accuracy on MNIST with 2,000 queries, of five seeds."""
    found = measured("few_queries_cpu", "half", way, "student_accuracy")
    assert len(found) == 5
    return statistics.spread([*found.values()]).mean


def of_assistant(row, baseline="random_pairs_long"):
    """What an assistant's answers are worth in agreement."""
    return difference(REGIMES, row, "assistant", baseline).difference


def of_choice(data, way, answers="labels"):
    """By how much choosing among mixes increases agreement."""
    row = f"{data}_{answers}"
    return difference(REGIMES, row, f"pooled_{way}", "random_pairs").difference


def of_real_choice(data, way):
    """By how much choosing real images increases agreement, with hard labels."""
    return difference(REGIMES, f"{data}_labels", f"real_{way}", "real_random").difference


def of_photographs(way):
    """What choosing photographs, or mixing them, changes: difference and interval of ten seeds."""
    found = difference("regimes_photos", "trashnet", way, "real_random")
    assert found.seeds == 10 and found.interval is not None
    return [found.difference, *found.interval]


def holm_of_photographs(way):
    """Holm's p of the same, as the table's file has it."""
    kept = json.loads((ROOT / "results" / "regimes_photos-comparisons.json").read_text())
    return next(one["holm"] for one in kept if one["way"] == way)


def label():
    """What a label alone costs."""
    return gains(LEARNED, "label", "as_paper", -1)
