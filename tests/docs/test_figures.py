"""Figures quoted in README and docs are those of the kept runs, rounded once.

A figure that no test here compares with the runs fails :func:`test_no_other_figures`.
"""

import functools
import json
import re
from pathlib import Path

import pytest

from amkd.reporting import interval, summary_text
from amkd.tables import kept, statistics
from amkd.tables.cells import cells
from tests.docs.pages import PAGES, ROOT, blocks, name_of, prose
from tests.tables.test_shipped_tables import shipped

RUNS = Path(ROOT / "results" / "runs")
DEMO_IMAGES = 497  # test images of the embedded digits
FEW, LEARNED, REGIMES = "acquisitions_few", "losses_few", "regimes"
LONG, ACCURACY = "random_pairs_long", "student_accuracy"


@functools.cache
def runs_of(table):
    return kept.read(RUNS / table)


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


def rows(page, heading):
    """The rows of the table whose first heading is so, as lists of cells."""
    text = (ROOT / page).read_text()
    table = text[text.index(f"| {heading} |") :].split("\n\n")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


CHANGES = {  # first cells of a row of README: table, ours, theirs
    ("temperature 4", "temperature 1, the paper's"): (LEARNED, "temperature4", "as_paper"),
    ("scores of the three most likely classes only, temperature 4", "all classes, temperature 1"): (
        LEARNED,
        "top3_temperature4",
        "as_paper",
    ),
    ("only the label", "probabilities, temperature 1"): (LEARNED, "label", "as_paper"),
    ("the teacher's features (`pad_l2`)", "temperature 1"): (LEARNED, "features", "as_paper"),
    ("the paper's choice of pairs, 4,000 queries", "random pairs"): (FEW, "grid", "random"),
}
ASSISTED = (
    "an assistant answers 20,000 further mixes, only the label",
    "the same without one, trained as long",
)
PICTURES = {  # the same, of block E: the end of its rows' names
    (f"3,500 further real pictures at random, {answers}", "3,500 mixes of random pairs"): end
    for answers, end in (("probabilities", "probabilities"), ("only the label", "labels"))
}
RECIPES = {  # first cell of a row of README: row of best_cpu
    "MNIST, LeNet-5 to LeNet-5": "mnist",
    "MNIST, LeNet-5 to LeNet-5-half": "mnist_half",
    "Fashion-MNIST, LeNet-5 to LeNet-5": "fashion",
    "Fashion-MNIST, LeNet-5 to LeNet-5-half": "fashion_half",
}
PRINTED = {"mnist": "98.74", "fashion": "80.90"}  # by the paper


PLACES = {
    LEARNED: "learning-from-the-answers",
    FEW: "choosing-with-4000-queries",
    (REGIMES, "real_random"): "real-pictures-or-mixes",
    (REGIMES, "assistant"): "an-assistant",
}


def with_interval(one):
    """A difference with its 95% interval over the seeds; a single seed has none."""
    span = "" if one.interval is None else " ({:+.2f} to {:+.2f})".format(*one.interval)
    return f"{one.difference:+.2f}{span}"


def test_changes_of_readme():
    found = {tuple(row[:2]): row[2:] for row in rows("README.md", "What was changed")}
    wanted = {names: (*one, ("mnist", "fashion")) for names, one in CHANGES.items()}
    for names, end in PICTURES.items():
        both = (f"mnist_{end}", f"fashion_{end}")
        wanted[names] = (REGIMES, "real_random", "random_pairs", both)
    with_labels = ("mnist_labels", "fashion_labels")
    wanted[ASSISTED] = (REGIMES, "assistant", "random_pairs_long", with_labels)
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
    """How far the ways that follow the student's doubt are behind random pairs on Fashion-MNIST:
    least and most.
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


def of_pictures(answers):
    """What real pictures are worth more than mixes, on MNIST and on Fashion-MNIST."""
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


def test_mnist_with_few_queries_in_results():
    told = " ".join((ROOT / "results/README.md").read_text().split())
    ours, theirs = (few_queries(way) for way in ("assistant_pictures", "real_only"))
    found = difference("few_queries_cpu", "half", "assistant_pictures", "real_only", ACCURACY)
    assert (
        f"without an assistant, end at {theirs:.2f}: {found.difference:.2f} points lower (five"
        f" seeds, p = {found.p:.3f}".replace("p = 0.", "p = .")
        in told
    )
    assert ours > 98.74 > theirs


def of_assistant(row, rival="random_pairs_long"):
    """What an assistant's answers are worth in agreement."""
    return difference(REGIMES, row, "assistant", rival).difference


def label():
    """What a label alone costs."""
    return gains(LEARNED, "label", "as_paper", -1)


# Sentences of a page with figures in them, and what these must be. All white space counts as one.
SENTENCES = {
    "README.md": {
        r"photographs were worth (\S+) and (\S+) points more than": lambda: [
            difference(table, row, "real", "mixes").difference for table, row in SETS
        ],
        r"it was worth (\S+) points with probabilities and (\S+) with labels": lambda: [
            of_assistant("fashion_probabilities"),
            of_assistant("fashion_labels"),
        ],
    },
    "docs/methods.md": {
        r"`train.temperature=4` gains (\S+) points of agreement on MNIST and (\S+) on": lambda: (
            gains(LEARNED, "temperature4", "as_paper")
        ),
        r"as much on MNIST \((\S+)\) and nothing on Fashion-MNIST \((\S+)\)": lambda: gains(
            LEARNED, "temperature20", "as_paper"
        ),
        r"temperature 4 gains (\S+) and (\S+);": lambda: gains(
            LEARNED, "top3_temperature4", "as_paper"
        ),
        r"five seeds do not tell the (\S+) from 0": lambda: gains(
            LEARNED, "top3_temperature4", "as_paper"
        )[1:],
        r"A label alone costs (\S+) and (\S+) points": label,
        r"\(divergence (\S+) in place of (\S+)\)": lambda: [
            divergence("label"),
            divergence("as_paper"),
        ],
        r"were worth (\S+) points more on MNIST and (\S+) more on Fashion-MNIST": lambda: (
            of_pictures("probabilities")
        ),
        r"labels alone (\S+) and (\S+) more \(\[ten seeds": lambda: of_pictures("labels"),
        r"20,000 mixes were worth (\S+) points on MNIST and (\S+) on Fashion-MNIST": lambda: [
            of_assistant("mnist_labels"),
            of_assistant("fashion_labels"),
        ],
        r"with labels, and (\S+) on Fashion-MNIST with probabilities, against": lambda: [
            of_assistant("fashion_probabilities")
        ],
        r"reached (\S+) on the test images": lambda: [few_queries("assistant_pictures")],
        r"real images and nothing else it was (\S+)\.": lambda: [few_queries("real_only")],
        r"doubt are behind by (\S+) to (\S+), the": behind,
        r"is ahead by (\S+), while the training is short": lambda: [
            difference("acquisitions_cpu", "mnist", "k_center", "random").difference
        ],
        r"it is not \((\S+) in accuracy\)": lambda: [
            difference("best_cpu", "mnist_half", "best", "random", "student_accuracy").difference
        ],
        r"hardest quarter of each batch costs (\S+) and (\S+) \(one": lambda: gains(
            LEARNED, "without_hard", "as_paper", -1
        ),
        r"`train.loss=pad_l2` gains (\S+) and (\S+) against temperature 1": lambda: gains(
            LEARNED, "features", "as_paper"
        ),
        r"it gains less: (\S+) on MNIST and (\S+) on Fashion": lambda: gains(
            LEARNED, "features", "temperature4"
        ),
        r"together with temperature 4 (\S+) and (\S+)\.": lambda: gains(
            LEARNED, "features4", "temperature4"
        ),
        r"BADGE gain (\S+) to (\S+) points of accuracy": labelling,
    },
    "docs/own_teacher.md": {r"a label alone costs (\S+) points .*? MNIST and (\S+) on": label},
    "docs/faq.md": {r"costs agreement: (\S+) points on MNIST, (\S+) on Fashion": label},
    "docs/running.md": {r"(\d+) to (\d+) minutes on one core with": minutes},
}


def text_of(page):
    return " ".join(prose(ROOT / page).split())


@pytest.mark.parametrize(
    ("page", "sentence"), [(page, one) for page, some in SENTENCES.items() for one in some]
)
def test_sentences(page, sentence):
    found = re.search(sentence, text_of(page))
    assert found, sentence
    for quoted, wanted in zip(found.groups(), SENTENCES[page][sentence](), strict=True):
        digits = len(quoted.partition(".")[2])
        assert float(quoted) == float(f"{wanted:.{digits}f}"), (quoted, wanted)


def test_a_label_is_seven_times_as_far():
    assert "seven times as far from the teacher's" in text_of("docs/methods.md")
    assert round(divergence("label") / divergence("as_paper")) == 7


def test_blocks_in_results():
    """results/README.md has the tables of blocks E and G; no other block is done."""
    text = (ROOT / "results/regimes.md").read_text()
    told = " ".join((ROOT / "results/README.md").read_text().split())
    for block in text.split("\n**")[1:]:
        title, _, table = block.partition("**\n\n")
        done, planned = map(int, re.findall(r"\d+", title.rpartition("(")[2]))
        is_told = " ".join(table.split("\n\n")[0].split()) in told
        assert is_told == title.startswith(("E:", "G:")) == (done == planned), title

    def mean(row, way):
        return f"{statistics.spread([*measured(REGIMES, row, way, 'agreement').values()]).mean:.2f}"

    assert f"reach {mean('fashion_labels', 'real_random')} on Fashion-MNIST" in told
    mixes = mean("fashion_probabilities", "random_pairs")
    assert f"mixes with probabilities reach {mixes}." in told
    longer = [mean(f"fashion_{one}", "random_pairs_long") for one in ("labels", "probabilities")]
    assert (
        f"on {mean('fashion_labels', 'assistant')}% of the images in place of {longer[0]}%; with"
        f" probabilities, and without an assistant, it is {longer[1]}%." in told
    )
    gains = [of_assistant("fashion_labels", rival) for rival in (f"{LONG}_temperature_4", LONG)]
    rivals = (LONG, f"{LONG}_temperature_4")
    sets = ("fashion_labels", "mnist_labels")
    found = [difference(REGIMES, row, "assistant", rival) for row in sets for rival in rivals]
    assert min(one.interval[0] for one in found) > 0.5 and "the four intervals lie above" in told
    assert "{:.2f} of the {:.2f} points are left".format(*gains) in told
    assert f"worth {of_assistant('fashion_probabilities'):.2f} points on Fashion" in told


def test_advice_without_figures():
    """What README says of ways to choose with 4,000 queries, and of the features' divergence."""
    assert "measurably better](results/README.md#choosing-with-4000-queries) with 4,000" in text_of(
        "README.md"
    )
    found = cells(shipped(FEW), runs_of(FEW))
    choosing = [cell.against["random"] for cell in found if not cell.way.startswith("random")]
    assert len(choosing) > 20
    better = [one for one in choosing if one.paired.difference > 0 and (one.holm or 1) < 0.05]
    assert better == []
    assert "the student is unsure about was worse, the paper's included" in text_of("README.md")
    assert behind()[0] > 0
    doubt = [one for one in found if one.row == "fashion" and not one.way.startswith("pooled_")]
    holm = {cell.way: cell.against["random"].holm for cell in doubt if "random" in cell.against}
    assert [way for way, p in holm.items() if p is not None and p < 0.05] == ["margin"]
    for page in ("README.md", "docs/methods.md"):
        assert re.search(r"after Holm's correction only `margin`", text_of(page), re.IGNORECASE)
    assert "its answers come nearest to the teacher's" in text_of("docs/methods.md")
    ways = {run["way"] for run in runs_of(LEARNED)}
    assert min(ways, key=divergence) == "features"


NEXT = {  # first cells of a row of docs/photos.md: the way
    "photographs at random": "real",
    "photographs of least margin": "real_margin",
    "photographs of highest predicted loss": "real_learning_loss",
    "photographs far from each other": "real_k_center",
    "pastes": "pastes",
    "crops": "crops",
    "mixes of lowest C1": "mixes_c2",
    "mixes at random": "mixes",
    "nothing": "none",
}
SETS = (("photos", "caltech"), ("photos_trashnet", "trashnet"))


def test_what_to_ask_about_next():
    found = rows("docs/photos.md", "As many answers more, for")
    assert {row[0] for row in found} == NEXT.keys() and len(found) == len(NEXT)
    for title, *columns in found:
        for place, (table, row) in enumerate(SETS):
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


OTHERS = {
    "docs/deploying.md": (r"class for 87\.6% of 694",),
    "docs/architecture.md": (r"lambda \.38", r"17, 42, \.38"),
    "docs/methods.md": (r"lambda \.5", r"lambdas in \[\.3, \.7\]"),
    "docs/operations.md": (r"YAML 1\.2", r"wandb 0\.31", r"mlflow-skinny 3\.17"),
    "docs/photos.md": (r"\$1\.50 for 1,000 answers",),
    "docs/pretrained.md": (r"\| \.5 and \.5 \|",),
    "docs/own_teacher.md": (
        *(r"within \.001\.", r"\.1 at most\), \.004 if .*? \.008 if all are bfloat16"),
        *(r"one class at \.02", r"99\.5% of the picture", r"within \.025, or"),
    ),
}
EVERYWHERE = (r"Python 3\.11 to 3\.14", r"Python 3\.11", r"arXiv 2003\.13960", r"Apache-2\.0")
# Pages that say of their figures that no files were kept of them, or give none of results.
ELSEWHERE = (
    *("docs/accelerators.md", "docs/search.md", "docs/speed.md"),
    *("results/README.md", "results/experiments.md"),
)
HELD = [page for page in map(name_of, PAGES) if page not in ELSEWHERE]
HEADINGS = {  # of tables that other tests compare with the runs
    "README.md": ("What was changed", "Row", "Queries"),
    "docs/photos.md": ("As many answers more, for",),
    "docs/deploying.md": ("images that the student answers",),
}


@pytest.mark.parametrize("page", HELD)
def test_no_other_figures(page):
    """With a decimal point: such a figure comes from a run, or stands in ``OTHERS``."""
    text = prose(ROOT / page)
    for heading in HEADINGS.get(page, ()):
        start = text.index(f"| {heading} |")
        text = text[:start] + text[start:].partition("\n\n")[2]
    text = " ".join(text.split())
    for sentence in (*SENTENCES.get(page, ()), *OTHERS.get(page, ()), *EVERYWHERE):
        text = re.sub(sentence, " ", text)
    text = re.sub(r"`[^`]*`|\]\([^)]*\)", " ", text)
    assert re.findall(r"(?<![\w.])[+-]?\d*\.\d+(?![\w.]*\w)", text) == []
