"""The short record of a finished run."""

import json

from amkd.config.settings import Settings
from amkd.tables import kept
from amkd.tables.sweep import Run


def test_what_the_assistant_reached_is_kept(tmp_path):
    """It explains what its student reached, and stands in the workdir alone otherwise."""
    entry = {"round": 0, "queries": 4, "student_accuracy": 0.5, "agreement": 0.5, "search": {}}
    told = {"model": "lenet5", "agreement": 0.7}
    summary = {"seed": 0, "rounds": [entry, {**entry, "round": 1, "assistant": told}]}
    (tmp_path / "summary.json").write_text(json.dumps({**summary, "assistant": told}))
    found = kept.shorten(Run("r", "assistant", 0, Settings()), tmp_path)
    assert found["assistant"] == found["rounds"][1]["assistant"] == told
    assert "assistant" not in found["rounds"][0]
