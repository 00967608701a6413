"""What a run will write to is tried before anything is asked, and the field is named."""

import os

import pytest

from amkd.core import folders
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.planning import report
from amkd.run import experiment, output_folders
from tests.support.small import configured

NOWHERE = "/proc/1/x"  # not even root writes there

PLACES = {
    "cache, of images": (
        {
            "dataset": "folder",
            "data.folder": "{tmp}",
            "data.classes": "2",
            "data.size": 8,
            "data.held_out": 1,
            "cache_dir": NOWHERE,
        },
        "config.cache_dir=",
    ),
    "cache, of a data set": ({"dataset": "mnist", "cache_dir": NOWHERE}, "config.cache_dir="),
    "cache, of teachers": (
        {"teacher.kind": "flax", "teacher.function": "", "cache_dir": NOWHERE},
        "config.cache_dir=",
    ),
    "cache, below a file": (
        {"dataset": "mnist", "cache_dir": "{tmp}/file/x"},
        "config.cache_dir=",
    ),
    "cache, by a link to nothing": (
        {"dataset": "mnist", "cache_dir": "{tmp}/link"},
        "config.cache_dir=",
    ),
    "cache, below HOME": ({"dataset": "mnist", "cache_dir": "~/.cache/amkd"}, "config.cache_dir="),
    "ledger": ({"ledger.path": f"{NOWHERE}/a.sqlite"}, "config.ledger.path="),
}


@pytest.fixture(autouse=True)
def around(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", NOWHERE)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")


def settings_of(tmp_path, **fields):
    return configured(
        **{
            "dataset": "digits",
            "teacher.kind": "python",
            "teacher.function": "tests.support.counting_teacher:answer",
            **{
                name: value.format(tmp=tmp_path) if isinstance(value, str) else value
                for name, value in fields.items()
            },
        }
    )


@pytest.mark.parametrize(("fields", "named"), PLACES.values(), ids=PLACES)
def test_a_place_that_cannot_be_written_is_named(tmp_path, fields, named):
    (problem,) = output_folders.problems(settings_of(tmp_path, **fields), tmp_path / "run")
    assert problem.startswith(named)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("place", [NOWHERE, "{tmp}/file", "{tmp}/file/x", "{tmp}/link"])
def test_a_workdir_that_cannot_be_written_is_named(tmp_path, place):
    folder = tmp_path.joinpath(place.format(tmp=tmp_path))
    (problem,) = output_folders.problems(settings_of(tmp_path), folder)
    assert problem.startswith(f"--workdir={folder}: ")


def test_a_cache_that_is_not_needed_is_not_asked_for(tmp_path):
    assert list(output_folders.problems(settings_of(tmp_path, cache_dir=NOWHERE), None)) == []


def test_plan_and_run_refuse_all_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    fields = {"dataset": "mnist", "cache_dir": NOWHERE, "ledger.path": f"{NOWHERE}/a.sqlite"}
    config = settings_of(tmp_path, **{**fields, "data.dir": tmp_path})
    for act in (
        lambda: report.make_plan(config, tmp_path / "run", StopSignal()),
        lambda: experiment.run(config, tmp_path / "run", StopSignal()),
    ):
        with pytest.raises(UserError) as refused:
            act()
        assert "config.cache_dir=" in str(refused.value)
        assert "config.ledger.path=" in str(refused.value)
    assert not (tmp_path / "asked.txt").exists()


def test_nothing_is_left_where_it_was_tried(tmp_path):
    assert folders.obstacle(tmp_path / "a" / "b") == ""
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]
