"""Runs on lanes: the same rounds, ledger, checkpoints and page as a classifier's."""

import pytest

from amkd.core import keys
from amkd.core.stopping import Stopped, StopSignal
from amkd.data import roads
from amkd.models.saved_network import load_network
from amkd.run import experiment
from amkd.teachers import ground_truth
from tests.support import command
from tests.support.small import configured

SMALL = {
    "n_real": 16,
    "budget": 24,
    "rounds": 1,
    "train.min_steps": 4,
    "teacher.train.min_steps": 4,
    "train.batch_size": 16,
    "teacher.train.batch_size": 16,
    "teacher.model": "row_anchor_half",
    "report.progress": False,
    "report.tensorboard": False,
    "report.plots": False,
    "checkpoint.seconds": 0.0,
}


class StopAfter(StopSignal):
    """Is asked to stop after so many looks."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    def check(self):
        self.looks -= 1
        self.requested = self.looks < 0
        super().check()


@pytest.fixture(scope="module")
def data():
    """Forty roads to choose from, and eight for evaluation."""
    return roads.data_set(*roads.make(48, keys.rng(0, 0, keys.Purpose.ROADS)), 40)


def test_a_run_is_resumed_with_the_same_bits(data, tmp_path):
    settings = configured("roads", **SMALL)
    teacher = ground_truth.load(data)
    whole = experiment.run(settings, tmp_path / "whole", StopSignal(), data, teacher)
    last = whole["rounds"][-1]
    assert last["queries"] == whole["queries"] == 24 and last["search"]["evaluations"] == 24
    assert last["f1"] == whole["f1"] is not None and whole["accuracy_images"] == 0
    assert whole["cascade"] is None
    page = (tmp_path / "whole" / "report.html").read_text()
    assert "F1" in page and "missed lanes" in page
    assert "Teacher and student disagree most" in page and "student (blue): " in page
    assert "The teacher is least confident" not in page
    saved = load_network(tmp_path / "whole" / "student")
    assert saved.groups == 48 and saved.predict(data.test_images).shape == (8, 1008)
    stopped = 0
    for looks in (3, 6, 200):
        try:
            again = experiment.run(settings, tmp_path / "cut", StopAfter(looks), data, teacher)
        except Stopped:
            stopped += 1
    assert stopped and again["student_sha256"] == whole["student_sha256"]


@pytest.mark.heavy
def test_the_command_line(tmp_path):
    fields = {name: SMALL[name] for name in ("report.progress", "report.plots")}
    line = command.arguments(tmp_path / "run", "configs/roads.py:smoke", **fields)
    done = command.run(line, command.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "F1" in done.stdout and "missed lanes" in done.stdout
    done = command.run([*line, "--mode=evaluate"], command.environment(tmp_path))
    assert "F1" in done.stdout
    done = command.run([*line, "--mode=export"], command.environment(tmp_path))
    assert done.returncode != 0 and "--mode=export: needs classes" in done.stderr
