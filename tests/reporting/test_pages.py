"""The page of a run and of a table: self-contained, escaped, legible, and right."""

import html.parser
import re
import shutil
import subprocess

import numpy as np
import pytest

from amkd.reporting import palette, run_page, table_page
from amkd.reporting.contact_sheet import Cell
from amkd.reporting.queries_part import Chosen
from amkd.reporting.run_page import RunPage
from amkd.reporting.terms import TERMS
from tests.support import page_checks
from tests.support.summaries import epoch, row, summary

PICTURE = np.zeros((4, 6, 3), np.uint8)
STUDENT = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4]], np.float32)
TEACHER = np.array([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.8, 0.2]], np.float32)
LABELS = np.array([0, 1, 1, 0, 0])


class Reader(html.parser.HTMLParser):
    """Everything a browser would fetch, the rows of every table, and whether tags are closed in
    order.
    """

    def __init__(self):
        super().__init__()
        self.fetched, self.rows, self.open, self.cell = [], [], [], None

    def handle_starttag(self, tag, attrs):
        self.fetched += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def read(text):
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def chosen(round_=1, *, count=8, mixed=True, score="C2"):
    cells = (Cell((PICTURE,) * (3 if mixed else 1), ("a <picture>",)),) * count
    lams = np.full(count if mixed else 0, 0.5, np.float32)
    return Chosen(round_, score, np.linspace(0.2, 0.4, count, dtype=np.float32), lams, cells)


def of_run(classes=("cat", "dog<b>"), *, told=None, **more):
    screened = {"evaluations": 12345, "recall": {"low": 0.96, "estimate": 0.98, "high": 1.0}}
    rows = [row(0, 200), row(1, 987, search=screened)]
    fields = {"seed": 7, "teacher.function": "my module:answer", "train.drops": (0.5,)}
    parts = {
        "config": fields,
        "given_fields": fields,
        "class_names": classes,
        "student": STUDENT,
        "teacher": TEACHER,
        "labels": LABELS,
        "epochs": [epoch(number, step) for number in (0, 1) for step in (1, 2)],
        "chosen": (chosen(1), chosen(2)),
        **more,
    }
    return run_page.render(RunPage(summary=summary(**{"rounds": rows, **(told or {})}), **parts))


def without_labels(**more):
    """A run that is evaluated only by its teacher's answers."""
    rows = [row(number, 100 * (number + 1), student_accuracy=None) for number in (0, 1)]
    told = dict.fromkeys(("student_accuracy", "teacher_accuracy", "success_rate"))
    return of_run(labels=None, told={**told, "rounds": rows} | more.pop("told", {}), **more)


def section(text, heading):
    """The page from a heading to the next."""
    return text[text.index(f"<h2>{heading}") :].split("<h2>")[1]


def visible(text):
    """What a person reads of a page."""
    return re.sub(r"<style>.*?</style>|<[^>]*>", " ", text, flags=re.S)


def test_a_page_shows_intervals():
    counted = {"accuracy_images": 497, "agreement_images": 100}
    rows = [row(0, 200, **{**counted, "student_accuracy": 428 / 497})]
    told = {"student_accuracy": 428 / 497, "agreement": 0.9, "rounds": rows, **counted}
    told |= {"teacher_accuracy": 0.8, "success_rate": 0.9, "teacher_images": 120}
    answers = np.tile(np.float32([0.9, 0.1]), (10, 1))
    text = of_run(told=told, student=answers, labels=np.zeros(10, int), teacher=None)
    assert "<b>86.12%</b><span>student accuracy, 95% interval 82.8 to 88.9</span>" in text
    assert "<b>90.00%</b><span>agreement, 95% interval 82.6 to 94.5</span>" in text
    # It names a class for 100 of the 120 images that it answered.
    assert "<span>teacher accuracy, 95% interval 72.0 to 86.2</span>" in text
    # The student is right on 72% of these 120: 63.4 to 79.3, over .8.
    assert "<span>success rate, 95% interval 79.2 to 99.1</span>" in text
    rows = read(text).rows
    assert ["0", "200", "86.12% (82.8 to 88.9)", "40.00% (30.9 to 49.8)"] in rows
    assert ["cat", "10", "100.00%", "72.2 to 100.0"] in rows
    # The curve and the class have lines of that length, not points alone.
    assert "student accuracy: 86.1%, 95% interval 82.8 to 88.9, at 200" in text
    assert "cat, student: 100.00%, 95% interval 72.25 to 100.00, on 10 images" in text


def test_a_page_needs_nothing_else_and_is_escaped():
    text = of_run()
    page_checks.check(text)
    reader = read(text)
    assert all(address.startswith("data:image/png;base64,") for address in reader.fetched)
    assert "dog&lt;b&gt;" in text and "dog<b>" not in text and "a &lt;picture&gt;" in text
    assert '<meta name="viewport"' in text and "prefers-color-scheme: dark" in text


def test_the_strongest_tint_and_all_curves_stand_out_from_the_paper():
    for colours in palette.SCHEMES.values():
        paper, ink, accent = (page_checks.rgb(colours[name]) for name in ("paper", "ink", "accent"))
        for percent in range(int(100 * palette.STRONGEST) + 1):
            ground = page_checks.over(accent, paper, percent / 100)
            assert page_checks.contrast(ink, ground) >= 4.5
        for number in range(palette.CURVES):
            curve = page_checks.rgb(colours[f"curve-{number}"])
            assert page_checks.contrast(curve, paper) >= 4.5


def test_rounds_classes_and_confusion_by_hand():
    rows = read(of_run()).rows
    found = next(cells for cells in rows if cells[:2] == ["1", "987"])
    assert found[-3:] == ["0.250 to 0.750", "96.00% or more", "12,345"]
    # Of three cats the student says two, and the teacher two; of two dogs one, and both.
    assert ["cat", "3", "66.67%", "20.8 to 93.9", "3", "66.67%", "20.8 to 93.9"] in rows
    assert ["dog<b>", "2", "50.00%", "9.5 to 90.5", "2", "100.00%", "34.2 to 100.0"] in rows
    # Where the teacher says cat: twice cat. Where it says dog: once cat, twice dog.
    assert ["cat", "2", ""] in rows and ["dog<b>", "1", "2"] in rows


def test_without_labels_all_speak_of_agreement():
    text = without_labels()
    page_checks.check(text)
    assert "accuracy" not in text.lower() and "success rate" not in text
    assert "<span>agreement" in text and "<h2>Agreement by class" in text
    assert "Agreement against queries" in text
    assert "An answer is right if its class is the teacher" in section(text, "Calibration")
    assert ["cat", "2", "100.00%", "34.2 to 100.0"] in read(text).rows
    assert ["round", "queries", "agreement", "C2"] in read(text).rows
    nothing = without_labels(
        teacher=None,
        told={"agreement": None, "rounds": [row(0, 9, student_accuracy=None, agreement=None)]},
    )
    assert "The student was not evaluated" in nothing
    assert "Calibration" not in nothing and "Confusion" not in nothing


def test_images_that_the_teacher_was_not_asked_about_are_left_out():
    some = TEACHER.copy()
    some[1:3] = np.nan
    rows = read(of_run(teacher=some)).rows
    assert ["cat", "2", ""] in rows and ["dog<b>", "", "1"] in rows
    assert [cells[-1] for cells in rows if cells[0] in ("student", "teacher")][-2:] == ["5", "3"]


def test_every_term_is_explained_where_it_stands():
    text = of_run(told={"cost": 1.5, "sentinel_queries": 3})
    for heading, terms in {
        "Learning": (
            "student accuracy",
            "agreement",
            "95% interval",
            "C2",
            "query",
            "round",
            "loss",
        ),
        "Confusion": ("confusion",),
        "Calibration": ("ECE", "Brier score", "confidence"),
        "Queries:": ("C2", "λ"),
        "Money": ("sent by this run", "evaluation queries", "sentinel queries", "cost"),
    }.items():
        for term in terms:
            meaning = run_page.escape(TERMS[term])
            assert f"<dt>{run_page.escape(term)}</dt><dd>{meaning}</dd>" in section(text, heading)
    for term in ("student accuracy", "teacher accuracy", "success rate", "agreement", "cost"):
        assert f"<small>{run_page.escape(TERMS[term])}</small>" in text


def test_scores_of_single_images_are_c1():
    rows = [
        row(0, 200),
        row(1, 987, c2_lowest=None, c2_highest=None, c1_lowest=0.1, c1_highest=0.2),
    ]
    text = of_run(told={"rounds": rows}, chosen=(chosen(mixed=False, score="C1"),))
    words = visible(text).replace("active_mixup", "")
    assert "C2" not in words and "λ" not in words and "mix" not in words
    assert "Number of chosen images by C1" in text and "0.100 to 0.200" in text
    assert f"<dt>C1</dt><dd>{run_page.escape(TERMS['C1'])}" in section(text, "Queries:")
    # A few images at first, and each of them once.
    shown, more = section(text, "Queries:").split("<details>")[:2]
    assert shown.count("<img") == 6 and more.count("<img") == 8


def test_few_mixes_at_first_and_all_on_demand():
    part = section(of_run(), "Queries: mixes chosen in round 2")
    shown, *folded = part.split("<details>")
    assert shown.count("<img") == 3 * 6
    assert [one.count("<img") for one in folded[:2]] == [3 * 8, 3 * 8]
    assert "<summary>Round 1</summary>" in part


def test_money():
    rows = [row(0, 200, cost=0.0), row(1, 987, cost=9.87, queries_paid=987)]
    told = {"cost": 9.87, "price": 0.01, "rounds": rows}
    page = of_run(told=told)
    part = section(page, "Money")
    assert "against money" in part and "at 9.87" in part
    assert ["1", "987", "987", "9.87"] in read(page).rows
    assert "money" not in section(of_run(), "Money").partition("</h2>")[2].lower()


def test_the_command_names_the_configuration_and_is_one_that_a_shell_takes():
    told = {"versions": {"amkd": "9.8.7", "jax": "1"}}
    text = of_run(told=told, given="mnist:smoke")
    assert "Made by amkd 9.8.7." in text
    found = re.search(r"<pre>(.*?)</pre>", text, re.S)[1]
    command = found.replace("&#x27;", "'").replace("&lt;", "<")
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True
    ).stdout.split("\n")
    assert words[:3] == ["amkd", "--config=mnist:smoke", "--workdir=FOLDER"]
    assert words[3:6] == [
        "--config.seed=7",
        "--config.teacher.function=my module:answer",
        "--config.train.drops=(0.5,)",
    ]
    assert "--config=default " in of_run()
    for own in ("mine.py:fast", "mine.yaml"):
        assert f"{own} is a file of the user." in of_run(given=own)
    assert "is a file of the user" not in of_run(given="mnist:smoke")
    assert "<h2>How to reproduce" not in of_run(told={"dataset": "memory"})


def test_the_page_of_a_table():
    found = {
        "row": "mnist", "way": "active", "n_real": 2000, "queries": 24000, "seeds": [0, 1],
        "seeds_planned": 2,
        "teacher_accuracy": 99.1,
        "accuracy_mean": 98.7321, "accuracy_std": None, "success_rate": 99.6, "agreement": 98.9,
        "divergence": 0.03312, "calibration_error": 0.0123, "brier_score": None,
        "difference_random_lam": 0.4, "p_random_lam": 0.03, "holm_random_lam": 0.06,
        "evaluations": 11, "paper": 98.74, "best_published": None,
    }  # fmt: skip
    text = table_page.render("Table <1>", "test accuracy", [found])
    page_checks.check(text)
    rows = read(text).rows
    # No figure was published and one seed has no deviation: there are no such columns.
    assert rows[1][:7] == ["mnist", "active", "2,000", "24,000", "2", "99.10", "98.73"]
    assert rows[1][7:] == [
        "99.60",
        "98.90",
        "0.0331",
        "0.0123",
        "0.40",
        "0.030",
        "0.060",
        "11",
        "98.74",
    ]
    assert rows[0][9:11] == ["divergence", "ECE"]
    assert rows[0][11:14] == ["against random_lam", "p random_lam", "holm random_lam"]


def test_planned_comparisons_stand_on_the_page_of_a_table():
    block = ("A (2 of 2 runs)", ("row", "outcome"), [("mnist", "ahead")])
    text = table_page.render("T", "agreement", [], planned=[block])
    page_checks.check(text)
    assert "<h3>A (2 of 2 runs)</h3>" in text and ["mnist", "ahead"] in read(text).rows


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [420, 1280])
def test_a_browser_opens_it_without_a_word(tmp_path, width):
    path = tmp_path / "page.html"
    path.write_text(of_run())
    line = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
        *("--v=0", f"--window-size={width},900"),
    ]
    done = subprocess.run(
        [*line, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert "Confusion with the teacher" in done.stdout
    assert "CONSOLE" not in done.stderr
