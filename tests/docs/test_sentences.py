"""Figures in the sentences of README and docs are those of the kept runs, rounded once.

A figure that no test compares with the runs fails :func:`test_no_other_figures`.
"""

import itertools
import json
import re

import pytest

from amkd.tables import statistics
from amkd.tables.cells import cells
from tests.docs.kept_figures import (
    ACCURACY,
    FEW,
    LEARNED,
    LONG,
    LONG_4,
    PHOTOGRAPHS,
    REGIMES,
    behind,
    difference,
    divergence,
    few_queries,
    gains,
    holm_of_photographs,
    label,
    labelling,
    measured,
    minutes,
    of_assistant,
    of_choice,
    of_images,
    of_photographs,
    of_real_choice,
    runs_of,
)
from tests.docs.pages import PAGES, ROOT, name_of, prose, text_of
from tests.docs.test_tables import PRINTED
from tests.tables.test_shipped_tables import shipped

FEW_WAYS = ("assistant_mixes", "assistant_real_images", "real_only")
_INTERVAL = ("difference", "low", "high")

# Sentences of a page with figures in them, and what these must be. All white space counts as one.
SENTENCES = {
    "README.md": {
        r"agreement was (\S+) and (\S+) points higher with more photographs": lambda: [
            difference(table, row, "real", "mixes").difference for table, row in PHOTOGRAPHS
        ],
        r"agreement by (\S+) points with probabilities and by (\S+) with hard labels": lambda: [
            of_assistant("fashion_probabilities"),
            of_assistant("fashion_labels", LONG_4),
        ],
        r"smallest `margin` gave (\S+) points \((\S+) to (\S+)\) more": lambda: of_photographs(
            "real_margin"
        ),
    },
    "docs/methods.md": {
        r"`epig` and `learning_loss` are ahead .* by (\S+), (\S+) and (\S+)\. On": lambda: [
            of_choice("mnist", way) for way in ("badge", "epig", "learning_loss")
        ],
        r"the same on MNIST, and (\S+) lower on Fashion-MNIST": lambda: [
            -of_choice("fashion", "learning_loss", "probabilities")
        ],
        r"`badge` is (\S+) above random pairs, .* alone is (\S+) above": lambda: [
            of_choice("fashion", way) for way in ("badge", "random")
        ],
        r"increases agreement by (\S+) points on MNIST and (\S+) on Fashion-MNIST\. The": lambda: (
            gains(LEARNED, "temperature4", "as_paper")
        ),
        r"similar on MNIST \((\S+)\), but there is no gain on Fashion-MNIST \((\S+)\)": lambda: (
            gains(LEARNED, "temperature20", "as_paper")
        ),
        r"temperature 4 increases agreement by (\S+) and (\S+) compared": lambda: gains(
            LEARNED, "top3_temperature4", "as_paper"
        ),
        r"with five seeds the (\S+) is inconclusive": lambda: gains(
            LEARNED, "top3_temperature4", "as_paper"
        )[1:],
        r"gives only hard labels, agreement is lower by (\S+) and (\S+) points": label,
        r"\(divergence (\S+) instead of (\S+)\)": lambda: [
            divergence("label"),
            divergence("as_paper"),
        ],
        r"agreement was (\S+) points higher on MNIST and (\S+) higher on Fashion-MNIST": lambda: (
            of_images("probabilities")
        ),
        r"hard labels it was (\S+) and (\S+) points higher \(\[ten seeds": lambda: of_images(
            "labels"
        ),
        r"20,000 mixes increased agreement by (\S+) points on MNIST and (\S+) on Fashion": lambda: [
            of_assistant("mnist_labels", LONG_4),
            of_assistant("fashion_labels", LONG_4),
        ],
        r"and with probabilities by (\S+) on Fashion-MNIST, compared": lambda: [
            of_assistant("fashion_probabilities")
        ],
        r"reached a test accuracy of (\S+)%": lambda: [few_queries("assistant_mixes")],
        r"24,000 queries \((\S+)%\)": lambda: [float(PRINTED["mnist"])],
        r"20,000 more images it was (\S+)%": lambda: [few_queries("assistant_real_images")],
        r"real images only, the accuracy was (\S+)%\.": lambda: [few_queries("real_only")],
        r"uncertainty, the paper's included, are behind by (\S+) to (\S+), because": behind,
        r"is ahead by (\S+) if the training is short": lambda: [
            difference("acquisitions_cpu", "mnist", "k_center", "random").difference
        ],
        r"it is not \((\S+) in accuracy\)": lambda: [
            difference("best_cpu", "mnist_half", "best", "random", "student_accuracy").difference
        ],
        r"hardest quarter of each batch costs (\S+) and (\S+) points \(one": lambda: gains(
            LEARNED, "without_hard", "as_paper", -1
        ),
        r"1, `train.loss=pad_l2` increases agreement by (\S+) and (\S+), and its": lambda: gains(
            LEARNED, "features", "as_paper"
        ),
        r"alone, `pad_l2` changes agreement by (\S+) on MNIST and (\S+) on Fashion": lambda: gains(
            LEARNED, "features", "temperature4"
        ),
        r"together with temperature 4 changes it by (\S+) and (\S+)\.": lambda: gains(
            LEARNED, "features4", "temperature4"
        ),
        r"`badge` increases agreement by (\S+) points on MNIST and (\S+) on Fashion": lambda: [
            of_real_choice(data, "badge") for data in ("mnist", "fashion")
        ],
        r"and `margin` by (\S+) and (\S+) \(\[ten seeds\]": lambda: [
            of_real_choice(data, "margin") for data in ("mnist", "fashion")
        ],
        r"`k_center` by (\S+) and `learning_loss` by (\S+)\. This": lambda: [
            -of_real_choice("fashion", way) for way in ("k_center", "learning_loss")
        ],
        r"agreed with its teacher on (\S+)% of the digits": lambda: [
            statistics.spread(
                [*measured(REGIMES, "mnist_from_fashion", "random_pairs", "agreement").values()]
            ).mean
        ],
        r"BADGE increase accuracy by (\S+) to (\S+) points": labelling,
    },
    "docs/photos.md": {
        r"this gave (\S+) points more agreement \(\[": lambda: of_photographs("real_margin")[:1],
        r"these gave (\S+) points more agreement .* interval (\S+) to (\S+), Holm's p (\S+)\)\.": (
            lambda: [*of_photographs("real_margin"), holm_of_photographs("real_margin")]
        ),
        r"pairs were (\S+) points below photographs at random \(Holm's p (\S+)\)\.": lambda: [
            -of_photographs("random_pairs")[0],
            holm_of_photographs("random_pairs"),
        ],
    },
    "docs/own_teacher.md": {r"a hard label costs (\S+) points .*? MNIST and (\S+) on": label},
    "docs/faq.md": {r"costs agreement: (\S+) points on MNIST, (\S+) on Fashion": label},
    "docs/running.md": {r"(\d+) to (\d+) minutes on one core with": minutes},
}


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


def test_mnist_with_few_queries_in_results():
    told = " ".join((ROOT / "results/README.md").read_text().split())
    mixes, images, alone = map(few_queries, FEW_WAYS)
    both = [
        difference("few_queries_cpu", "half", way, "real_only", ACCURACY) for way in FEW_WAYS[:2]
    ]
    holm = statistics.holm([one.p for one in both])
    for way, one, adjusted in zip((mixes, images), both, holm, strict=True):
        p, adjusted = (f"{value:.3f}".removeprefix("0") for value in (one.p, adjusted))
        gain = rf"reaches {way:.2f}, .{{0,30}}{one.difference:.2f} points more than without an"
        gain += rf" assistant \((five seeds, )?p = {p}, Holm's p {adjusted}\)"
        assert re.search(gain, told), gain
    assert f"without an assistant, ends at {alone:.2f}, below the paper's figure" in told
    further = difference("few_queries_cpu", "half", *FEW_WAYS[1::-1], ACCURACY).difference
    assert f"The further {further:.2f} points were not a planned comparison" in told
    assert images > mixes > float(PRINTED["mnist"]) > alone


def test_blocks_in_results():
    """results/README.md has the tables of blocks A to E and G; no other block is done."""
    text = (ROOT / "results/regimes.md").read_text()
    told = " ".join((ROOT / "results/README.md").read_text().split())
    for block in text.split("\n**")[1:]:
        title, _, table = block.partition("**\n\n")
        done, planned = map(int, re.findall(r"\d+", title.rpartition("(")[2]))
        is_told = " ".join(table.split("\n\n")[0].split()) in told
        assert (
            is_told == title.startswith(("A:", "B:", "C:", "D:", "E:", "G:")) == (done == planned)
        ), title

    def mean(row, way):
        return f"{statistics.spread([*measured(REGIMES, row, way, 'agreement').values()]).mean:.2f}"

    assert f"reach {mean('fashion_labels', 'real_random')} on Fashion-MNIST" in told
    mixes = mean("fashion_probabilities", "random_pairs")
    assert f"mixes with probabilities reach {mixes}." in told
    longer = [mean(f"fashion_{one}", "random_pairs_long") for one in ("labels", "probabilities")]
    assert (
        f"on {mean('fashion_labels', 'assistant')}% of the images instead of {longer[0]}%; with"
        f" probabilities, and without an assistant, it is {longer[1]}%." in told
    )
    gains = [of_assistant("fashion_labels", baseline) for baseline in (LONG_4, LONG)]
    baselines = (LONG, LONG_4)
    sets = ("fashion_labels", "mnist_labels")
    found = [
        difference(REGIMES, row, "assistant", baseline) for row in sets for baseline in baselines
    ]
    assert min(one.interval[0] for one in found) > 0.5 and "the four intervals lie above" in told
    assert "{:.2f} of the {:.2f} points are left".format(*gains) in told
    gain = of_assistant("fashion_probabilities")
    assert f"increases agreement by {gain:.2f} points on Fashion" in told


def test_what_results_say_of_table_1():
    """Every mean and difference in its sentences is that of the kept runs."""
    told = " ".join((ROOT / "results/README.md").read_text().split())

    def mean(row, way):
        found = statistics.spread([*measured("table1_cpu", row, way, ACCURACY).values()])
        return f"{found.mean:.2f} ± {found.std:.2f}"

    def gain(row, way):
        found = difference("table1_cpu", row, way, "random", ACCURACY)
        size = f"{abs(found.difference):.2f}".removeprefix("0")
        return size, f"p = {found.p:.3f}".replace("0.", ".")

    both = [mean("mnist_half", way) for way in ("active", "random")]
    assert "have the same accuracy on MNIST: {} and {}, where".format(*both) in told
    size, p = gain("fashion_half", "active")
    assert (
        f"the paper's method is {size} lower; with five seeds" in told and f"({p}, Holm's" in told
    )
    size, p = gain("fashion_half", "vanilla_al")
    assert f"are {size} below random pairs on Fashion-MNIST ({p}, Holm's p" in told
    alone = [gain(row, "real_only")[0] for row in ("fashion_half", "mnist_half")]
    assert "are {} lower on Fashion-MNIST and {} lower on MNIST.".format(*alone) in told
    assert f"reach here ({mean('fashion_half', 'real_only')})" in told
    turned = [mean(row, "sskd") for row in ("mnist_half", "fashion_half")]
    assert "reach {} on MNIST and {} on Fashion-MNIST.".format(*turned) in told
    rows = ("mnist_half", "fashion_half")
    (made,), (other,) = (measured("table1_cpu", row, "zskd", ACCURACY).values() for row in rows)
    assert f"reaches {made:.2f} on MNIST and {other:.2f} on Fashion-MNIST (one seed)" in told
    (agreed,) = measured("table1_cpu", rows[1], "zskd", "agreement").values()
    assert f"only on {agreed:.2f}% of the test images" in told


def test_what_results_say_of_tables_2_and_3():
    """The whole grid, and every figure in its sentences."""
    page = (ROOT / "results/README.md").read_text()
    told, table = " ".join(page.split()), (ROOT / "results/table2_cpu.md").read_text()
    assert table[table.index("| way | real images |") :].strip() in page
    sizes = (500, 1000, 2000)
    found = [difference("table2_cpu", f"real_{n}", "active", "random", ACCURACY) for n in sizes]
    gains_ = (f"{one.difference:+.2f}" for one in found)
    assert "are {}, {} and {} with 500,".format(*gains_) in told
    ps = (f"{one.p:.3f}".removeprefix("0") for one in found)
    assert "none is significant (p {}, {} and {}).".format(*ps) in told
    assert all(one.seeds == 5 and one.p > 0.05 for one in found)

    def after(n, way, number):
        own = [
            run for run in runs_of("table2_cpu") if (run["row"], run["way"]) == (f"real_{n}", way)
        ]
        return statistics.spread([100 * run["rounds"][number][ACCURACY] for run in own]).mean

    some = after(1000, "random", 0), after(500, "active", 1), after(500, "random", 1)
    assert f"1,000 real images alone reach {some[0]:.2f}, and 500 real" in told
    assert "about the same ({:.2f} and {:.2f}).".format(*some[1:]) in told
    # Each step to more real images adds more than the choice does.
    ends = [[after(n, way, 4) for n in sizes] for way in ("active", "random")]
    steps = [b - a for one in ends for a, b in itertools.pairwise(one)]
    assert min(steps) > max(abs(one.difference) for one in found)


def test_what_results_say_of_another_domain():
    """Block D: nothing is shown, and every figure in its sentences."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    kept = json.loads((ROOT / "results/regimes-comparisons.json").read_text())
    block = {one["way"]: one for one in kept if one["block"].startswith("D:")}
    assert len(block) == 6 and {one["words"] for one in block.values()} == {"inconclusive"}
    assert "All six comparisons are inconclusive." in told
    wide = block["pooled_random"]
    assert f"is {-wide['difference']:.2f} below random pairs. Among six" in told
    assert f"significant (Holm's p {wide['holm']:.3f})".replace("0.", ".") in told
    spreads = [
        statistics.spread([*measured(REGIMES, "mnist_from_fashion", way, "agreement").values()])
        for way in ("random_pairs", *block)
    ]
    assert f"{spreads[0].mean:.2f}% with random pairs" in told
    low, high = (round(end(one.std for one in spreads)) for end in (min, max))
    assert f"over the seeds is {low} to {high} points" in told


def test_what_results_say_of_chosen_photographs():
    """Block F: the smallest margin is ahead, and every figure in its sentences."""
    kept = json.loads((ROOT / "results/regimes_photos-comparisons.json").read_text())
    block = {one["way"].removeprefix("real_"): one for one in kept}
    assert [way for way, one in block.items() if one["words"] == "ahead"] == ["margin"]
    assert len(block) == 6 and next(iter(block)) == "transductive_variance"
    told = " ".join((ROOT / "results/README.md").read_text().split())
    found = {way: of_photographs(one["way"])[0] for way, one in block.items()}
    gain = {way: f"{abs(one):.2f}".removeprefix("0") for way, one in found.items()}
    holm = {way: f"{one['holm']:.3f}".removeprefix("0") for way, one in block.items()}
    assert f"at random, by {gain['margin']} points (Holm's p {holm['margin']})" in told
    first = block["transductive_variance"]
    assert f"it is {gain['transductive_variance']} above, and the interval goes from" in told
    assert f"{first['low']:.2f} to {first['high']:+.2f}." in told
    doubts = ("uncertainty_herding", "excess_doubt")
    assert "are {} and {} above.".format(*(gain[way] for way in doubts)) in told
    assert all(block[way]["low"] > 0 for way in doubts)
    assert "not significant (Holm's p {} and {})".format(*(holm[way] for way in doubts)) in told
    pairs = gain["random_pairs"], holm["random_pairs"]
    assert "Mixes of random pairs are {} below (Holm's p {}).".format(*pairs) in told
    kept = json.loads((ROOT / "results/regimes_photos.json").read_text())
    assert {f"{one['teacher_accuracy']:.2f}" for one in kept} == {"86.67"}
    assert "(accuracy 86.67, not 85.21)" in told


def test_what_results_say_of_labels():
    """Block A: which ways are ahead or behind, and every figure in its sentences."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    kept = json.loads((ROOT / "results/regimes-comparisons.json").read_text())
    block = [one for one in kept if one["block"].startswith("A:")]
    words = {
        word: {(one["row"], one["way"]) for one in block if one["words"] == word}
        for word in ("ahead", "behind")
    }
    ahead = ("pooled_badge", "pooled_epig", "pooled_learning_loss")
    assert words["ahead"] == {("mnist_labels", way) for way in ahead}
    assert words["behind"] == {("mnist_labels", "pooled_transductive_variance")}
    on_mnist_only = "Mixes chosen by it were significantly better on MNIST only"
    assert on_mnist_only in re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text_of("README.md"))
    gain, holm = (
        {
            (one["row"].partition("_")[0], one["way"].removeprefix("pooled_")): one[name]
            for one in block
        }
        for name in ("difference", "holm")
    )

    def short(value, digits=2):
        return f"{abs(value):.{digits}f}".removeprefix("0")

    on_mnist = [short(gain["mnist", way]) for way in ("badge", "epig", "learning_loss")]
    assert "are ahead of random pairs, by {}, {} and {}.".format(*on_mnist) in told
    of = {way: (short(gain["fashion", way]), short(holm["fashion", way], 3)) for _, way in gain}
    assert f"`pooled_epig` is {of['epig'][0]} above random pairs, and Holm's p for the" in told
    assert f"twenty comparisons is {of['epig'][1]}." in told and len(block) == 20
    assert "`pooled_badge` is {} above, with {}.".format(*of["badge"]) in told
    assert f"`pooled_random` alone is {of['random'][0]} above" in told
    c2, refined = of["c2"], of["c2_refined"]
    assert f"choice is {c2[0]} below random pairs on Fashion-MNIST" in told
    assert f"refined {refined[0]} below (Holm's p {c2[1]} and {refined[1]})" in told


def test_what_results_say_of_probabilities():
    """Block C: which ways are ahead, equal or behind, and every figure in its sentences."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    kept = json.loads((ROOT / "results/regimes-comparisons.json").read_text())
    block = [one for one in kept if one["block"].startswith("C:")]
    first, others = block[0], block[1:]
    assert (first["way"], first["baseline"]) == ("pooled_excess_doubt", "pooled_entropy")
    gain, low, high = (f"{abs(first[name]):.2f}".removeprefix("0") for name in _INTERVAL)
    assert first["low"] < 0 < first["difference"]
    assert f"It is {gain} above, with an interval from -{low} to {high}." in told

    assert {one["baseline"] for one in others} == {"random_pairs"} and len(others) == 12
    by = {(one["row"].partition("_")[0], one["way"].removeprefix("pooled_")): one for one in others}
    outcomes = {name: one["words"] for name, one in by.items()}
    assert "ahead" not in outcomes.values()
    equal = ("k_center", "learning_loss", "excess_doubt", "uncertainty_herding")
    same = {name for name, word in outcomes.items() if word == "no difference"}
    assert same == {("mnist", way) for way in equal}
    assert all(one["difference"] < 0 for (data, _), one in by.items() if data == "fashion")
    behind = {name for name, word in outcomes.items() if word == "behind"}
    assert behind == {
        ("mnist", "random"),
        ("mnist", "transductive_variance"),
        ("fashion", "k_center"),
        ("fashion", "transductive_variance"),
    }
    assert outcomes["fashion", "random"] == "inconclusive"

    def short(data, way):
        return f"{-of_choice(data, way, 'probabilities'):.2f}".removeprefix("0")

    both = [short(data, "transductive_variance") for data in ("mnist", "fashion")]
    assert "is behind on both sets, by {} and {}".format(*both) in told
    wide = f"is {short('mnist', 'random')} below random pairs on MNIST (behind)"
    assert f"{wide} and {short('fashion', 'random')} below on Fashion-MNIST" in told
    labels = f"{of_choice('fashion', 'random'):.2f}".removeprefix("0")
    assert f"With hard labels it was {labels} above on Fashion-MNIST" in told
    assert "[ten seeds](results/README.md#choosing-with-probabilities)" in text_of("README.md")


def test_what_results_say_of_choosing_real_images():
    """Block B: which ways are ahead, equal or behind, and every figure in its sentences."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    kept = json.loads((ROOT / "results/regimes-comparisons.json").read_text())
    block = [one for one in kept if one["block"].startswith("B:")]
    assert {one["baseline"] for one in block} == {"real_random"} and len(block) == 11
    assert {one["seeds"] for one in block} == {10}
    by = {(one["row"].partition("_")[0], one["way"].removeprefix("real_")): one for one in block}
    assert next(iter(by)) == ("fashion", "margin")  # the primary comparison

    def words(data):
        return {way: one["words"] for (row, way), one in by.items() if row == data}

    ahead, behind = (dict.fromkeys(ways, word) for ways, word in (
        (("margin", "badge", "uncertainty_herding"), "ahead"),
        (("k_center", "learning_loss", "transductive_variance"), "behind"),
    ))  # fmt: skip
    assert words("fashion") == ahead | behind | {"epig": "never behind by more than .2"}
    best = ("margin", "badge", "epig")
    same = {"transductive_variance": "no difference"}
    assert words("mnist") == dict.fromkeys(best, "ahead") | same

    def short(data, way):
        gain = abs(by[data, way]["difference"])
        return f"{gain:.2f}".removeprefix("0")

    assert f"`margin` on Fashion-MNIST, is ahead by {short('fashion', 'margin')}. `badge`" in told
    assert f"its choice, is ahead by {short('fashion', 'badge')} there. On MNIST" in told
    on_mnist = [short("mnist", way) for way in best]
    assert "`margin`, `badge` and `epig` are ahead by {}, {} and {}.".format(*on_mnist) in told
    assert f"`epig` is {short('fashion', 'epig')} above random images (never behind" in told
    assert f"`uncertainty_herding` is ahead by {short('fashion', 'uncertainty_herding')}." in told
    far = [short("fashion", way) for way in ("learning_loss", "k_center", "transductive_variance")]
    assert (
        "`learning_loss` by {}, `k_center` by {} and `transductive_variance` by {}.".format(*far)
        in told
    )
    reached = [
        statistics.spread([*measured(REGIMES, row, "real_badge", "agreement").values()]).mean
        for row in ("fashion_labels", "mnist_labels")
    ]
    assert "`badge` reaches {:.2f} on Fashion-MNIST and {:.2f} on MNIST".format(*reached) in told
    assert "than random images on both sets" in text_of("README.md")


def test_what_results_say_of_more_real_images():
    """The follow-up of block A: with 2,000 real images nothing is gained."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    page = (ROOT / "results/regimes_follow_up.md").read_text()
    rows = page[page.index("| row | way | baseline") :]
    assert " ".join(rows.split()) in told
    kept = json.loads((ROOT / "results/regimes_follow_up-comparisons.json").read_text())
    assert len(kept) == 3 and all(one["difference"] < 0 and one["seeds"] == 10 for one in kept)
    found = measured("regimes_follow_up", "fashion_labels_2000", "random_pairs", "agreement")
    assert f"random pairs reach {statistics.spread([*found.values()]).mean:.2f}." in told
    assert "with 2,000 nothing was gained on Fashion-MNIST" in text_of("docs/methods.md")


def test_advice_without_figures():
    """What README says of ways to choose with 4,000 queries, and of the features' divergence."""
    none = "With 4,000 queries and probabilities, no way to choose the mixes was better"
    assert f"{none} ([five](results/README.md#choosing-with-4000-queries)" in text_of("README.md")
    found = cells(shipped(FEW), runs_of(FEW))
    choosing = [cell.against["random"] for cell in found if not cell.way.startswith("random")]
    assert len(choosing) > 20
    better = [one for one in choosing if one.paired.difference > 0 and (one.holm or 1) < 0.05]
    assert better == []
    assert behind()[0] > 0
    unsure = [one for one in found if one.row == "fashion" and not one.way.startswith("pooled_")]
    holm = {cell.way: cell.against["random"].holm for cell in unsure if "random" in cell.against}
    assert [way for way, p in holm.items() if p is not None and p < 0.05] == ["margin"]
    assert "After Holm's correction only `margin`" in text_of("docs/methods.md")
    photographs = [one for table, _ in PHOTOGRAPHS for one in cells(shipped(table), runs_of(table))]
    against = [one.against["real"].holm for one in photographs if "real" in one.against]
    assert min(p for p in against if p is not None) > 0.05
    assert "neither is significant after Holm's correction" in text_of("README.md")
    assert "no difference in this table is significant" in text_of("docs/photos.md")
    assert "its answers are the closest to the teacher's" in text_of("docs/methods.md")
    ways = {run["way"] for run in runs_of(LEARNED)}
    assert min(ways, key=divergence) == "features"


def test_cifar10_in_results():
    """The differences from random pairs on three seeds."""
    told = " ".join((ROOT / "results/README.md").read_text().split())
    table = ("cifar10_cpu", "half")

    def by_seed(way, measure):
        if measure != "divergence":
            return measured(*table, way, measure)
        runs = [run for run in runs_of(table[0]) if run["way"] == way]
        return {run["seed"]: run["rounds"][-1]["divergence"] for run in runs}

    def compared(way, measure):
        """The differences of the three seeds, and the test."""
        ours, theirs = by_seed(way, measure), by_seed("random", measure)
        assert {*ours} == {*theirs} == {0, 1, 2}
        return [ours[seed] - theirs[seed] for seed in range(3)], statistics.paired(ours, theirs)

    def said(p):
        return f"{p:.3f}".removeprefix("0")

    (one, two, three), active = compared("active", "student_accuracy")
    assert f"on all three seeds, by {one:.2f}, {two:.2f} and {three:.2f} points" in told
    (first, *others), best = compared("best", "student_accuracy")
    assert min(one, two, three) > 0 and first < 0 < min(others)
    holm, _ = statistics.holm([active.p, best.p])
    interval = "{:+.2f} to {:+.2f}".format(*active.interval)
    assert f"difference is {interval} (p = {said(active.p)}, Holm's p {said(holm)})" in told
    interval = "{:+.2f} to {:+.2f}".format(*best.interval)
    above = f"is {best.difference:.2f} points above random pairs ({interval}, p = {said(best.p)})"
    assert f"{above}, and below them on the first seed." in told
    (one, two, three), found = compared("active", "agreement")
    lower, higher = (
        f"{-one:.2f} points lower on the first seed",
        f"{two:.2f} and {three:.2f} higher",
    )
    assert f"Agreement is {lower}, and {higher} on the others (p = {said(found.p)})." in told
    each, found = compared("best", "divergence")
    assert min(each) > 0
    assert (
        f"on all seeds: the divergence is {found.difference:.3f} higher (p = {said(found.p)})"
        in told
    )


OTHERS = {
    "README.md": (r"lambda from 0\.1 to 0\.9",),
    "docs/deploying.md": (r"class for 87\.6% of 694",),
    "docs/architecture.md": (r"lambda \.38", r"17, 42, \.38"),
    "docs/methods.md": (r"lambda \.5", r"lambdas in \[\.3, \.7\]"),
    "docs/operations.md": (r"YAML 1\.2", r"wandb 0\.31", r"mlflow-skinny 3\.17"),
    "docs/photos.md": (r"\$1\.50 for 1,000 answers",),
    "docs/pretrained.md": (r"\| \.5 and \.5 \|",),
    "docs/own_teacher.md": (
        *(r"within \.001\.", r"\.1 at most\), \.004 if .*? \.008 if all are bfloat16"),
        *(r"one class at \.02", r"99\.5% of the image", r"within \.025, or"),
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
    "README.md": ("Change", "Row", "Queries"),
    "docs/photos.md": ("Images of the further queries",),
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
