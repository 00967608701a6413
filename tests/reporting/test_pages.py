"""The page of a run and of a table: self-contained, escaped, and right."""

import html.parser
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from amkd.reporting import run_page, table_page
from tests.support.summaries import row, summary

PICTURE = np.zeros((4, 6, 3), np.uint8)


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


def of_run(tmp_path, classes=("cat", "dog<b>"), **more):
    path = tmp_path / "picture.png"
    Image.fromarray(PICTURE).save(path)
    found = {
        "student": np.array([0, 0, 1, 1, 0]),
        "teacher": np.array([0, 1, 1, 1, 0]),
        "labels": np.array([0, 1, 1, 0, 0]),
        **more,
    }
    screened = {"evaluations": 12345, "recall": {"low": 0.96, "estimate": 0.98, "high": 1.0}}
    rows = [row(0, 200), row(1, 987, search=screened)]
    config = {"seed": 7, "teacher.function": "my module:answer", "train.drops": (0.5,)}
    return run_page.render(
        summary(rounds=rows),
        config,
        class_names=classes,
        predicted=found,
        pictures={"A <picture>": path},
    )


def test_a_page_shows_intervals():
    counted = {"accuracy_images": 497, "agreement_images": 100}
    found = summary(
        student_accuracy=428 / 497,
        agreement=0.9,
        rounds=[row(0, 200, **{**counted, "student_accuracy": 428 / 497})],
        **counted,
    )
    judged = {"student": np.zeros(10, int), "teacher": None, "labels": np.zeros(10, int)}
    text = run_page.render(found, {}, class_names=("a",), predicted=judged, pictures={})
    assert "<b>86.12%</b><span>student accuracy, 95% interval 82.8 to 88.9</span>" in text
    assert "<b>90.00%</b><span>agreement, 95% interval 82.6 to 94.5</span>" in text
    rows = read(text).rows
    assert ["0", "200", "86.12% (82.8 to 88.9)", "40.00% (30.9 to 49.8)", "-", "-", "-"] in rows
    assert ["a", "10", "100.00%", "72.2 to 100.0"] in rows


def test_a_page_needs_nothing_else_and_is_escaped(tmp_path):
    text = of_run(tmp_path)
    reader = read(text)
    assert len(reader.fetched) == 1 and reader.fetched[0].startswith("data:image/png;base64,")
    assert "http" not in text.replace("http-equiv", "") and "<script" not in text
    assert "dog&lt;b&gt;" in text and "dog<b>" not in text and "A &lt;picture&gt;" in text
    assert '<meta name="viewport"' in text and "prefers-color-scheme: dark" in text


def test_rounds_classes_and_confusion_by_hand(tmp_path):
    rows = read(of_run(tmp_path)).rows
    assert ["1", "987", "60.00%", "88.63%", "0.250 to 0.750", "96.00% or more", "12,345"] in [
        [*found[:3], "88.63%", *found[4:]] for found in rows
    ]
    assert ["cat", "3", "66.67%", "20.8 to 93.9"] in rows
    assert ["dog<b>", "2", "50.00%", "9.5 to 90.5"] in rows
    # Where the teacher says cat: twice cat. Where it says dog: once cat, twice dog.
    assert ["cat", "2", ""] in rows and ["dog<b>", "1", "2"] in rows


def test_a_run_without_labels_or_teacher_has_no_such_parts(tmp_path):
    text = of_run(tmp_path, labels=None, teacher=None)
    assert "Accuracy by class" not in text and "Confusion" not in text
    assert "Confusion" in of_run(tmp_path, labels=None)
    assert "Accuracy by class" not in of_run(tmp_path, student=np.empty(0, int))


def test_the_command_is_one_that_a_shell_takes(tmp_path):
    text = of_run(tmp_path)
    command = (
        re.search(r"<pre>(.*?)</pre>", text, re.S)[1].replace("&#x27;", "'").replace("&lt;", "<")
    )
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True
    ).stdout.split("\n")
    assert words[:2] == ["python", "launch.py"]
    assert words[4:7] == [
        "--config.seed=7",
        "--config.teacher.function=my module:answer",
        "--config.train.drops=(0.5,)",
    ]


def test_the_page_of_a_table(tmp_path):
    found = {
        "row": "mnist", "way": "active", "n_real": 2000, "queries": 24000, "seeds": [0, 1],
        "teacher_accuracy": 99.1,
        "accuracy_mean": 98.7321, "accuracy_std": None, "success_rate": 99.6, "agreement": 98.9,
        "divergence": 0.03312,
        "difference_random_lam": 0.4, "p_random_lam": 0.03, "holm_random_lam": 0.06,
        "evaluations": 11, "paper": 98.74, "best_published": None,
    }  # fmt: skip
    rows = read(table_page.render("Table <1>", "test accuracy", [found], picture=None)).rows
    assert rows[1][:8] == ["mnist", "active", "2,000", "24,000", "2", "99.10", "98.73", "-"]
    assert rows[1][8:] == ["99.60", "98.90", "0.0331", "0.40", "0.030", "0.060", "11", "98.74", "-"]
    assert rows[0][10:14] == ["divergence", "against random_lam", "p random_lam", "holm random_lam"]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_opens_it_without_a_word(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(of_run(tmp_path))
    line = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--v=0",
    ]
    done = subprocess.run(
        [*line, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert "Confusion with the teacher" in done.stdout
    assert "CONSOLE" not in done.stderr
