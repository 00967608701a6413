"""``amkd compare``: groups by seed, paired tests, money, classes, and the whole page."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from amkd.cli import subcommands
from amkd.core.errors import UserError
from amkd.run.stored_run import StoredRun
from amkd.tables import comparison, comparison_page, statistics
from amkd.tables.class_agreement import PredictedClasses, same_images
from amkd.tables.comparison import NamedRun
from tests.reporting.test_pages import read
from tests.support import page_checks
from tests.support.small import configured
from tests.support.summaries import row


def run(name, seed=0, agreement=0.5, **fields):
    rounds = (
        row(0, 20, agreement=0.2, agreement_images=100, student_accuracy=None),
        row(1, 40, agreement=agreement, agreement_images=100, student_accuracy=None),
    )
    settings = configured(**{"seed": seed, **fields})
    made = StoredRun(
        folder=Path(name),
        settings=settings,
        run=name,
        teacher="service",
        rounds=rounds,
        finished=True,
        method=settings.method,
    )
    return NamedRun(name, made)


OURS = [run("a0", 0, 0.50), run("a1", 1, 0.60), run("a2", 2, 0.70)]
THEIRS = [
    run(f"b{seed}", seed, agreement, method="random_mixup")
    for seed, agreement in ((0, 0.48), (1, 0.56), (2, 0.70), (3, 0.9))
]


def test_groups_and_paired_tests_by_hand():
    first, second = comparison.groups([*OURS, *THEIRS])
    assert (first.name, second.name) == ("a0, a1, a2", "b0, b1, b2, b3")
    (test,) = comparison.group_tests([first, second])
    # Differences 2, 4 and 0 points: mean 2, deviation 2, t = 2 / (2 / sqrt(3)) = 1.732.
    assert test.measure == "agreement" and test.paired.seeds == 3
    assert test.paired.difference == pytest.approx(2.0)
    assert test.paired.p == pytest.approx(0.2254, abs=1e-4) and test.holm == test.paired.p


def changed(one, **fields):
    """A run whose workdir says something else."""
    return dataclasses.replace(one, stored=dataclasses.replace(one.stored, **fields))


def test_runs_that_are_not_whole_are_not_tested():
    """After fewer queries a student is worse for that reason alone."""
    begun = changed(THEIRS[1], finished=False)
    early = changed(OURS[2], ended_early=True)
    runs = [*OURS[:2], early, THEIRS[0], begun, *THEIRS[2:]]
    (test,) = comparison.group_tests(comparison.groups(runs))
    # Of three common seeds, 0 is left: 50 and 48.
    assert (test.paired.seeds, test.paired.p) == (1, None)
    assert test.paired.difference == pytest.approx(2.0)
    (caution,) = comparison.cautions(runs)
    assert "the money was spent: a2, b1. The paired tests leave these runs out" in caution


def test_the_page_draws_paired_differences():
    text = comparison_page.page([*OURS, *THEIRS])
    # 2 -+ 4.302653 * 2 / sqrt(3).
    wanted = "difference: 2.00, 95% interval -2.97 to 6.97, 3 seeds"
    assert wanted in text and "<td>-2.97 to +6.97</td>" in text


def test_the_page_warns_where_figures_are_not_of_the_same_images_or_teacher():
    assert not list(comparison.cautions([*OURS, *THEIRS]))
    other = run("c", dataset="mnist")
    more = changed(OURS[1], data="more images")
    for runs in ([OURS[0], other], [OURS[0], more]):
        (caution,) = comparison.cautions(runs)
        assert caution.startswith("The runs have different data sets or images")
    fewer = run("e", **{"data.test_images": 10})
    (caution,) = comparison.cautions([OURS[0], fewer])
    assert caution.startswith("The runs are evaluated on different images")
    other = changed(other, teacher="another")
    text = comparison_page.page([*OURS, other])
    assert "The runs have different data sets or images" in text
    assert "The runs have different teachers" in text


@pytest.mark.parametrize("name", ["teacher", "data", "weights"])
def test_runs_of_one_configuration_with_other_inputs_are_two_groups(name):
    """One configuration, but the images of a folder or a file of weights have changed."""
    other = changed(OURS[1], **{name: "other"})
    assert [len(one.runs) for one in comparison.groups([OURS[0], other, OURS[2]])] == [2, 1]


def test_two_runs_of_one_seed_are_two_groups():
    assert [len(one.runs) for one in comparison.groups([OURS[0], run("again"), OURS[1]])] == [2, 1]


def test_different_fields():
    one, other = run("a"), run("b", 1, budget=900, **{"report.html": False})
    assert comparison.different_fields([one, other]) == [("seed", [0, 1]), ("budget", [1000, 900])]
    assert comparison.different_fields([one, one]) == []
    paid = run("c", **{"teacher.price": 0.5})
    assert ("teacher.price", [0.0, 0.5]) in comparison.different_fields([one, paid])


def test_curves_in_money():
    priced = run("p", **{"teacher.price": 0.5, "teacher.currency": "EUR"})
    runs = [OURS[0], priced]
    (curve,) = comparison_page.curves(runs, "agreement", "EUR")
    assert (curve.number, [point.x for point in curve.points]) == (1, [10, 20])
    assert curve.points[1].low == pytest.approx(0.4038, abs=1e-4)  # Wilson, 50 of 100
    assert len(comparison_page.curves(runs, "agreement")) == 2
    assert comparison_page.curves(runs, "student_accuracy") == []
    text = comparison_page.page(runs)
    assert (
        text.count("<svg class") == 2 and "Agreement with the teacher against money (EUR)" in text
    )


def test_sign_test_by_hand():
    # 1 of 6: 2 * (1 + 6) / 64.
    assert statistics.sign_test(1, 5) == pytest.approx(14 / 64)
    assert statistics.sign_test(3, 3) == 1.0 and statistics.sign_test(0, 0) is None


def test_agreement_by_class_by_hand():
    predicted = PredictedClasses(
        ("x", "y", "z"), (b"1", b"2", b"3"), np.array([0, 1, 1]), np.array([0, 0, 1])
    )
    images, agreed = predicted.by_class()
    assert images.tolist() == [2, 1, 0] and agreed.tolist() == [1, 1, 0]
    other = dataclasses.replace(predicted, student=np.array([0, 0, 0]))
    head, rows = comparison_page._class_table({"a": predicted, "b": other})
    assert head[-1] == "b minus a"
    assert [one[0] for one in rows] == ["x", "y", "z"]
    assert rows[0][2] == "50.00%" and rows[0][-1] == "+50.00"
    assert rows[1][-1] == "-100.00" and rows[2][-1] == "-"
    assert same_images([predicted, other])
    assert not same_images([predicted, dataclasses.replace(other, images=(b"1", b"2", b"4"))])
    page = "".join(comparison_page._image_tests({"a": predicted, "b": other}))
    assert "<td>1</td><td>1</td><td>1</td><td>1.0000</td>" in page


def test_the_command(tiny_run, tmp_path, capsys):
    done, begun = tiny_run / "run", tmp_path / "begun"
    shutil.copytree(done, begun, ignore=shutil.ignore_patterns("summary.json", "student"))
    lines = (begun / "metrics.jsonl").read_text().splitlines(keepends=True)
    first = [line for line in lines if json.loads(line)["round"] == 0]
    (begun / "metrics.jsonl").write_text("".join(first) + '{"kind": "round", "rou')
    output = tmp_path / "page.html"
    subcommands.run(["compare", str(done), str(begun), f"--output={output}"])
    assert "2 runs compared" in capsys.readouterr().out
    text = output.read_text()
    reader = read(text)
    page_checks.check(text)
    assert reader.fetched == []
    cells = {found[0]: found for found in reader.rows}
    assert cells["run"][3] == "finished" or "finished" in cells["run"]
    assert [found[3] for found in reader.rows if found[0] == "begun"] == ["not finished"]
    assert "No two groups have finished runs with a seed in common" in text
    assert "against money (USD)" in text and "begun is left out: the run is not finished" in text
    agreed = [found for found in reader.rows if found[0] in map(str, range(10))]
    assert sum(int(found[1]) for found in agreed if len(found) == 4) == 60


def test_mistakes(tmp_path):
    with pytest.raises(UserError, match="1 workdirs are given"):
        subcommands.run(["compare", str(tmp_path)])
    with pytest.raises(UserError, match="is given twice"):
        subcommands.run(["compare", str(tmp_path), str(tmp_path)])
    with pytest.raises(UserError, match="contains no run"):
        subcommands.run(["compare", str(tmp_path), str(tmp_path / "other")])
    with pytest.raises(UserError, match=r"ends in \.html"):
        subcommands.run(["compare", "a", "b", f"--output={tmp_path / 'page.pdf'}"])
    with pytest.raises(UserError, match="does not exist"):
        subcommands.run(["compare", "a", "b", f"--output={tmp_path / 'no' / 'page.html'}"])
