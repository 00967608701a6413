"""What a whole run leaves for people and programs: its page, its charts, documented metrics."""

import json
import re

import pytest

from amkd.config import run_record
from amkd.config.origin import NOWHERE, Origin, of_file
from amkd.config.shipped import folder as shipped_folder
from tests.docs.pages import ROOT
from tests.reporting.test_pages import read, section, visible
from tests.support import page_checks

TYPES = {
    "text": str,
    "integer": int,
    "number": (int, float),
    "number or null": (int, float, type(None)),
    "object": dict,
}


def documented():
    """The table of ``docs/report.md``: lines and type of each field, and if old lines lack it."""
    text = (ROOT / "docs" / "report.md").read_text()
    found = {}
    for name, star, lines, kind in re.findall(
        r"^\| `(\w+)`( \*)? \| (all|epoch|round) \| ([a-z ]+) \|", text, re.M
    ):
        found[name] = (lines, TYPES[kind], bool(star))
    return found


def test_metrics_are_as_documented(tiny_run):
    fields = documented()
    lines = (tiny_run / "run" / "metrics.jsonl").read_text().splitlines()
    kinds = set()
    for entry in map(json.loads, lines):
        wanted = {name for name, (of, _, _) in fields.items() if of in ("all", entry["kind"])}
        assert entry.keys() == wanted
        for name, value in entry.items():
            assert isinstance(value, fields[name][1]) and type(value) is not bool, name
        kinds.add(entry["kind"])
    assert kinds == {"epoch", "round"}


def test_fields_without_an_asterisk_are_those_of_version_01():
    old = {name for name, (_, _, new) in documented().items() if not new}
    assert old == {
        *("kind", "round", "epoch", "loss", "queries", "student_accuracy", "accuracy_images"),
        *("agreement", "agreement_images", "divergence", "c2_lowest", "c2_highest", "search"),
        *("student_sha256", "seconds"),
    }


def test_rounds_tell_what_was_spent(tiny_run):
    lines = map(json.loads, (tiny_run / "run" / "metrics.jsonl").read_text().splitlines())
    rounds = [entry for entry in lines if entry["kind"] == "round"]
    assert [entry["selected"] for entry in rounds] == [30, 30, 30]
    assert [entry["queries_paid"] for entry in rounds] == [30, 60, 90]
    # 60 evaluation images come first; an image costs .25.
    assert [entry["cost"] for entry in rounds] == [22.5, 30.0, 37.5]
    assert [entry["c1_lowest"] for entry in rounds] == [None] * 3


def test_the_page_of_a_run(tiny_run):
    page = (tiny_run / "run" / "report.html").read_text()
    page_checks.check(page)
    reader = read(page)
    assert all(address.startswith("data:image/png;base64,") for address in reader.fetched)
    assert ["2", "90", "90", "37.5"] in reader.rows
    assert "teacher: " in section(page, "Queries:") and "C2" in visible(page)
    command = page[page.index("<pre>") : page.index("</pre>")]
    assert "amkd --config=default --workdir=FOLDER" in command
    assert "--config.budget=90" in command and "--config.train.epochs=2" in command
    assert "cache_dir" not in command and "--config.teacher.price=0.25" in command


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (f"{shipped_folder()}/mnist.py:smoke", "mnist:smoke"),
        (f"{shipped_folder()}/tables/demo.py", "tables/demo"),
        ("/home/me/secret/mine.py:fast", "mine.py:fast"),
    ],
)
def test_the_origin_of_a_configuration(given, name):
    assert of_file(given, ("seed",)) == Origin(name, ("seed",))


def test_a_workdir_keeps_the_origin(tiny_run, tmp_path):
    origin = run_record.origin(tiny_run / "run")
    assert origin.config == "default" and "train.epochs" in origin.fields
    run_record.write(tmp_path, {"run": "a", "config": {}})  # of version 0.1
    assert run_record.origin(tmp_path) == NOWHERE


def test_an_origin_of_an_earlier_version_has_the_names_of_today(tmp_path):
    told = {"config": "mnist", "fields": ["data.judge", "seed"]}
    run_record.write(tmp_path, {"run": "a", "config": {}, "origin": told})
    assert run_record.origin(tmp_path) == Origin("mnist", ("data.evaluate_on", "seed"))
