"""The short record of a finished run."""

import json

from amkd.config.settings import Settings
from amkd.tables import short_records
from amkd.tables.sweep import Run
from tests.tables import test_rendering


def test_what_the_assistant_reached_is_kept(tmp_path):
    """It explains what its student reached, and stands in the workdir alone otherwise."""
    entry = {"round": 0, "queries": 4, "student_accuracy": 0.5, "agreement": 0.5, "search": {}}
    told = {"model": "lenet5", "agreement": 0.7}
    summary = {"seed": 0, "rounds": [entry, {**entry, "round": 1, "assistant": told}]}
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "assistant": told}))
    found = short_records.shorten(Run("r", "assistant", 0, Settings()), tmp_path)
    assert found["assistant"] == found["rounds"][1]["assistant"] == told
    assert "assistant" not in found["rounds"][0]


def test_the_identities_of_images_and_weights_are_kept(tmp_path):
    """A folder's name does not tell whether its images are still the same."""
    (tmp_path / "summary.json").write_text(json.dumps({"seed": 0, "rounds": []}))
    record = {"run": "1", "teacher": "t", "data": "pictures", "config": {}, "weights": "abc"}
    (tmp_path / "config.json").write_text(json.dumps(record))
    found = short_records.shorten(Run("r", "way", 0, Settings()), tmp_path)
    assert (found["data"], found["weights"]) == ("pictures", "abc")
    (tmp_path / "config.json").write_text(json.dumps({**record, "data": "", "weights": ""}))
    assert (
        not {"data", "weights"}
        & short_records.shorten(Run("r", "way", 0, Settings()), tmp_path).keys()
    )


def test_a_record_of_an_earlier_version_has_the_names_of_today(tmp_path):
    record = {**test_rendering.one("w", 0, 0.5), "config": {"data.judge": "train"}}
    short_records.write(record, tmp_path)
    assert short_records.read(tmp_path) == [{**record, "config": {"data.evaluate_on": "train"}}]
