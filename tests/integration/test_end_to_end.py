"""Whole runs: what they leave behind, every mode, every configuration's smoke."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from amkd.cli import modes
from amkd.core.errors import TeacherFailed
from amkd.core.stopping import StopSignal
from tests.support import command, counting_teacher, whole_run
from tests.support.small import configured

KEYS = {
    "method", "dataset", "seed", "n_real", "budget", "queries", "evaluation_queries",
    "teacher_accuracy",
    "student_accuracy", "success_rate", "agreement", "student_sha256", "seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run through the command line with a local teacher, plots and events."""
    folder = tmp_path_factory.mktemp("whole")
    fields = {
        "report.progress": False,
        "cache_dir": folder / "cache",
        "train.epochs": 10,
        "train.min_steps": 60,
        "train.batch_size": 48,
        "teacher.train.min_steps": 100,
        "teacher.train.epochs": 5,
        "teacher.train.batch_size": 32,
        "data.size": 16,
        "search.lam_count": 3,
    }
    line = command.arguments(folder / "run", "configs/digits.py:smoke", **fields)
    done = command.run(line, command.environment(folder, devices=2))
    assert done.returncode == 0, done.stderr
    return folder, done.stdout, configured("digits", "smoke", **fields)


def order(config, workdir=None, network=None):
    """What ``--mode=evaluate`` and ``--mode=train_teacher`` are told."""
    return modes.Command(
        config=config,
        workdir=workdir,
        network=network,
        images=None,
        output=None,
        stop=StopSignal(),
    )


def teacher_of(folder: Path) -> Path:
    """Where the run in a folder has kept its teacher."""
    (found,) = (path for path in (folder / "cache" / "teachers").iterdir() if path.is_dir())
    return found


def test_summary_names_everything(whole):
    folder, _, _ = whole
    summary = command.summary(folder / "run")
    assert summary.keys() >= KEYS
    assert summary["queries"] == summary["budget"] == 150 and summary["evaluation_queries"] == 497
    assert summary["success_rate"] == summary["student_accuracy"] / summary["teacher_accuracy"]
    assert summary["seconds"].keys() == {"search", "query", "train", "evaluate"}
    assert len(summary["student_sha256"]) == 64
    assert [row["queries"] for row in summary["rounds"]] == [50, 100, 150]
    assert summary["teacher_accuracy"] > 0.7 and 0.2 < summary["student_accuracy"] < 1


def test_outputs_are_there_and_can_be_read(whole):
    folder, shown, _ = whole
    workdir = folder / "run"
    for name, images in {"curves": 0, "chosen": 0, "round_01": 54, "round_02": 54}.items():
        drawn = ET.parse(workdir / "plots" / f"{name}.svg").getroot()
        assert len(list(drawn.iter("{http://www.w3.org/2000/svg}image"))) == images
        assert len(list(drawn.iter("{http://www.w3.org/2000/svg}text"))) > 5
    assert any(path.stat().st_size > 500 for path in (workdir / "tensorboard").iterdir())
    assert [row["round"] for row in command.rows(workdir, "round")] == [0, 1, 2]
    assert [row["epoch"] for row in command.rows(workdir, "epoch") if row["round"] == 2] == list(
        range(1, 16)
    )
    assert all(math.isfinite(row["loss"]) for row in command.rows(workdir))
    for text in (
        "round 0:",
        "round 2:",
        "teacher accuracy",
        "success rate",
        str(workdir / "student"),
    ):
        assert text in shown


def test_evaluate_finds_the_reported_accuracy(whole, capsys):
    folder, _, config = whole
    summary = command.summary(folder / "run")
    modes.evaluate(order(config, folder / "run"))
    assert f"{100 * summary['student_accuracy']:.2f}%" in capsys.readouterr().out
    modes.evaluate(order(config, folder / "run", teacher_of(folder)))
    assert f"{100 * summary['teacher_accuracy']:.2f}%" in capsys.readouterr().out


def test_train_teacher_finds_the_one_that_the_run_trained(whole, capsys):
    folder, _, config = whole
    teacher = teacher_of(folder)
    before = teacher.stat().st_mtime_ns
    modes.train_teacher(order(config))
    told = capsys.readouterr().out
    assert str(teacher) in told and "validation accuracy" in told
    assert teacher.stat().st_mtime_ns == before


def test_counting_teacher_drives_a_run_that_shares_its_ledger(tmp_path):
    """A second run with the same seed finds every answer in the ledger and learns the same."""
    fields = {**command.TINY, "ledger.path": tmp_path / "shared.sqlite"}
    first, second = (whole_run.run(tmp_path / name, **fields) for name in ("first", "second"))
    asked = counting_teacher.asked(tmp_path / "first" / "asked.txt")
    assert len(asked) == len(set(asked)) == 60 + 90
    assert counting_teacher.asked(tmp_path / "second" / "asked.txt") == []
    assert first["student_sha256"] == second["student_sha256"]
    assert (first["queries"], first["queries_paid"]) == (90, 90)
    assert (second["queries"], second["queries_paid"]) == (90, 0)


def test_paid_teacher_is_not_asked_about_test_images_unless_told(tmp_path):
    fields = {**command.TINY, "teacher.evaluate": "auto", "rounds": 1, "train.epochs": 1}
    summary = whole_run.run(tmp_path, **fields)
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) == summary["queries"] == 90
    assert summary["evaluation_queries"] == 0
    assert summary["teacher_accuracy"] is summary["agreement"] is summary["success_rate"] is None


def test_a_screened_run_tells_in_every_row_what_its_search_found(tmp_path, capsys):
    """Ended once its choice is saved, it still knows; 3,160 pairs, of which 800 or more are
    refined.
    """
    fields = {
        **command.TINY,
        "n_real": 80,
        "budget": 240,
        "rounds": 1,
        "train.epochs": 1,
        "search.chunk": 1024,
    }
    fields |= {"search.minimiser": "screened", "search.evaluations": 4, "search.recall": 0.5}
    fields["teacher.attempts"] = 1
    with pytest.raises(TeacherFailed, match="the service is down"):
        whole_run.run(tmp_path, fails=60 + 80 + 20, **fields)
    assert len(counting_teacher.asked(tmp_path / "asked.txt")) > 60 + 80
    assert whole_run.run(tmp_path, **fields)["queries"] == 240
    none, told = (row["search"] for row in command.rows(tmp_path / "run", "round"))
    assert none == {}
    assert 0.5 <= told["recall"]["low"] <= told["recall"]["estimate"] <= told["recall"]["high"] <= 1
    assert told["shortlist"] >= 800 and told["evaluations"] == 2 * 3160 + 4 * (
        told["shortlist"] + told["sampled"]
    )
    assert "or more of the k lowest" in capsys.readouterr().out


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["default", "digits", "mnist", "fashion_mnist", "cifar10"])
def test_smoke_preset_of_every_configuration(name, tmp_path, request):
    env = command.environment(tmp_path)
    if name not in ("default", "digits"):
        env["TFDS_DATA_DIR"] = str(request.getfixturevalue("tfds_dir"))
    line = command.arguments(
        tmp_path / "run", f"configs/{name}.py:smoke", cache_dir=tmp_path / "cache"
    )
    done = command.run(line, env)
    assert done.returncode == 0, done.stderr
    summary = command.summary(tmp_path / "run")
    assert summary["queries"] == summary["budget"] and summary["student_accuracy"] > 0.12
