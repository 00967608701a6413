"""Tables: how they expand into runs, and what a stopped, a failed and a finished one does."""

import contextlib
import dataclasses
import json
import shutil

import pytest

from amkd.configs.tables import table1
from amkd.core.errors import TeacherFailed, UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.tables import modes, short_records, sweep
from amkd.tables import table as tables
from tests.support import command, counting_teacher
from tests.tables import test_rendering

CONFIG = '''
"""A table of six runs of seconds, for tests."""
from ml_collections import ConfigDict

def get_config():
    return ConfigDict({table!r})
'''
TINY = tuple(f"{name}={value!r}" for name, value in command.TINY.items())


def table(**more):
    return {
        "name": "tiny",
        "title": "Six runs",
        "seeds": (0, 1),
        "set": (*TINY, "train.epochs=2"),
        "against": "random",
        "ways": {"active": ("method=active_mixup",), "random": ("method=random_mixup",)},
        "rows": {
            "first": {
                "config": "configs/default.py",
                "paper": 50.0,
                "best": 60.0,
                "source": "them",
            },
            "second": {
                "config": "configs/default.py",
                "set": ("train.crop=0",),
                "ways": ("random",),
            },
        },
        **more,
    }


def expand(**more):
    return sweep.expand(tables.from_config(table(**more)))


def test_every_row_by_every_way_for_every_seed():
    runs = expand()
    assert [(run.row, run.way, run.seed) for run in runs] == [
        ("first", "active", 0), ("first", "random", 0), ("second", "random", 0),
        ("first", "active", 1), ("first", "random", 1), ("second", "random", 1),
    ]  # fmt: skip
    assert [run.settings.seed for run in runs] == [0] * 3 + [1] * 3
    assert [run.settings.method for run in runs[:3]] == [
        "active_mixup",
        "random_mixup",
        "random_mixup",
    ]
    assert [run.settings.train.crop for run in runs[:3]] == [1, 1, 0]


def test_some_rows_only():
    assert {run.row for run in expand(only=("second",))} == {"second"}


def test_ways_come_last():
    """What a way sets, a row cannot undo, nor a row what is set for all."""
    (run,) = expand(
        seeds=(0,), set=(*TINY, "rounds=1"), ways={"w": ("train.crop=3",)}, against=(),
        rows={"r": {"config": "configs/default.py", "set": ("train.crop=2", "rounds=2")}},
    )  # fmt: skip
    assert (run.settings.train.crop, run.settings.rounds) == (3, 2)


@pytest.mark.parametrize(
    ("shard", "runs"),
    [("", "012345"), ("1/1", "012345"), ("1/2", "024"), ("2/2", "135"), ("3/4", "2")],
)
def test_shards_share_the_runs(shard, runs):
    assert sweep.take_shard(list("012345"), shard) == list(runs)


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/2/3", "-1/2"])
def test_parts_that_are_none_are_refused(shard):
    with pytest.raises(UserError, match="--shard="):
        sweep.take_shard(list("012345"), shard)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"wrong": 1}, "config.wrong: there is no such field; the fields are name, title"),
        ({"seeds": ()}, r"config.seeds=\(\): must be one or more different whole numbers"),
        ({"seeds": ("a",)}, r"config.seeds=\('a',\): must be one or more different whole"),
        ({"seeds": (0.5,)}, r"config.seeds=\(0.5,\): must be"),
        ({"name": "../x"}, "config.name: '../x' is part of file names"),
        ({"name": ""}, "config.name: '' is part of file names"),
        ({"ways": {**table()["ways"], "a/b": ()}}, "config.ways: 'a/b' is part of file names"),
        (
            {"only": ("first", "third")},
            "config.only=.*'third' is not one of the rows first, second",
        ),
        ({"seeds": (1, 1)}, r"config.seeds=\(1, 1\)"),
        (
            {"against": "rondom"},
            "config.against='rondom': 'rondom' is not one of the ways active, random",
        ),
        ({"rows": {"r": {"config": "configs/default.py", "papper": 1}}}, "config.rows.r.papper"),
        (
            {"rows": {"r": {"config": "configs/default.py", "ways": ("no",)}}},
            "config.rows.r.ways='no'",
        ),
        (
            {"rows": {"r": {"config": "configs/nothing.py"}}},
            "r, active: there is no configuration 'configs/nothing.py'",
        ),
        ({"rows": {"r": {"config": "configs/default.py:no"}}}, "preset 'no' does not exist"),
        (
            {"set": ("roundz=1",)},
            "config.roundz: there is no such field; did you mean config.rounds",
        ),
        ({"set": ("rounds",)}, "'rounds': must be name=value"),
        (
            {
                "ways": {**table()["ways"], "b-random": ()},
                "rows": {"a": {"config": "mnist.py"}, "a-b": {"config": "mnist.py"}},
            },
            "way 'random' of row 'a-b' and way 'b-random' of row 'a' would be kept in one file",
        ),
        ({"set": ("budget=10",)}, "first, active: .*\n.*config.budget=10"),
    ],
)
def test_mistakes_are_told_before_anything_runs(changes, told):
    with pytest.raises(UserError, match=told):
        expand(**changes)


def test_a_foreign_package_named_configs_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    for name in ("__init__", "default", "mnist"):
        (tmp_path / "configs" / f"{name}.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert sweep.expand(tables.from_config(table1.get_config("smoke").to_dict()))
    (tmp_path / "mine.py").write_text("from amkd.configs.default import get_config")
    assert expand(rows={"r": {"config": "mine.py:smoke", "set": ("budget=250",)}})


# Through the command line.


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A table that was killed within its third run, and then run by two jobs to its end."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "tiny.py").write_text(CONFIG.format(table=table()))
    line = command.arguments(folder / "runs", str(folder / "tiny.py"))
    env = command.environment(folder)
    asked = folder / "asked.txt"
    first = command.start(line, {**env, "COUNTING_TEACHER_SLEEP": "0.1"})
    command.wait_until(lambda: len(list((folder / "runs").glob("*/*/*/summary.json"))) >= 2, first)
    first.kill()
    first.communicate()
    done = [command.run([*line, f"--shard={part}/2"], env) for part in (1, 2)]
    return folder, line, env, done, asked


def test_a_killed_sweep_goes_on_and_asks_nothing_twice(swept):
    folder, _, _, done, asked = swept
    assert [one.returncode for one in done] == [0, 0], done[0].stderr + done[1].stderr
    assert "first, active, seed 0: already finished" in done[0].stdout
    assert len(list((folder / "runs").glob("*/*/*/summary.json"))) == 6
    questions = counting_teacher.asked(asked)
    # A batch that was under way at the kill is asked again; 8 images at most.
    assert len(questions) - len(set(questions)) <= 8
    assert (folder / "runs" / "ledger.sqlite").exists()


def test_the_table_is_rendered_from_what_is_kept_alone(swept, tmp_path):
    folder, line, env, _, _ = swept
    results = folder / "runs" / "results"
    rows = json.loads((results / "tiny.json").read_text())
    assert [(row["row"], row["way"], row["seeds"]) for row in rows] == [
        ("first", "active", [0, 1]), ("first", "random", [0, 1]), ("second", "random", [0, 1]),
    ]  # fmt: skip
    assert all(row["queries"] == 90 and 0 < row["accuracy_mean"] < 100 for row in rows)
    assert isinstance(rows[0]["difference_random"], float) and rows[1]["difference_random"] is None
    assert rows[0]["paper"] == 50.0
    (tmp_path / "runs").mkdir()
    (results / "runs" / "tiny").rename(tmp_path / "runs" / "tiny")
    without = [part for part in line if not part.startswith("--workdir")]
    again = command.run([*without, "--mode=table", f"--output={tmp_path}"], env)
    assert again.returncode == 0, again.stderr
    for name in ("tiny.md", "tiny.csv", "tiny.json", "tiny-curves.csv"):
        assert (tmp_path / name).read_bytes() == (results / name).read_bytes()
    assert (tmp_path / "tiny.svg").stat().st_size > 1_000
    assert (results / "tiny.md").read_text() in again.stdout


def test_a_plan_lists_the_runs(swept):
    _, line, env, _, _ = swept
    planned = command.run([*line, "--mode=plan", "--config.seeds=(0,7)"], env)
    assert planned.returncode == 0, planned.stderr
    assert "finished  first, active, seed 0: 90 queries at most" in planned.stdout
    assert "missing   second, random, seed 7: 90 queries at most" in planned.stdout
    assert "3 of 6 runs are finished" in planned.stdout


def test_a_run_whose_money_was_spent_early_is_not_in_the_table(swept, tmp_path, capsys):
    """It had fewer queries than the runs that it would be compared with."""
    runs = tmp_path / "runs"
    shutil.copytree(swept[0] / "runs", runs)
    place = runs / "first/random/seed1/summary.json"
    early = {"why": "config.teacher.max_cost=1 is spent", "max_cost": 1.0, "round": 1}
    place.write_text(json.dumps({**json.loads(place.read_text()), "ended_early": early}))
    for limit, told in (
        (1.0, "first, random, seed 1: ended early, and is not in the table: config.teacher.max_co"),
        (2.0, "first, random, seed 1\n"),  # with more money it goes on
    ):
        fields = (*TINY, "train.epochs=2", "teacher.price=0.001", f"teacher.max_cost={limit}")
        found = [
            dataclasses.replace(
                one,
                settings=dataclasses.replace(one.settings, cache_dir=str(swept[0] / "cache")),
            )
            for one in sweep.expand(tables.from_config(table(set=fields)), runs)
        ]
        whole = [one.label for one, _ in sweep.finished(found, runs)]
        assert len(whole) == 5 and "first, random, seed 1" not in whole
        with contextlib.suppress(UserError):
            sweep.run(found[4:5], runs, StopSignal())
        assert f"[1 of 1] {told}" in capsys.readouterr().out


@pytest.mark.heavy
def test_a_run_that_fails_keeps_no_other_from_being_done(swept, tmp_path):
    """The teacher answers the first run only."""
    folder, _, env, _, _ = swept
    line = command.arguments(tmp_path / "runs", str(folder / "tiny.py"))
    fails = {
        **env,
        "COUNTING_TEACHER_LOG": str(tmp_path / "asked.txt"),
        "COUNTING_TEACHER_FAILS": "150",
    }
    done = command.run([*line, "--config.seeds=(0,)"], fails)
    assert done.returncode == 3
    assert (
        "run the same command to try these again" in done.stderr
        and "first/random/seed0" in done.stderr
    )
    assert "Traceback" not in done.stderr
    assert (tmp_path / "runs/first/active/seed0/summary.json").exists()


def test_a_finished_run_of_another_recipe_is_told_and_not_taken(swept):
    folder, line, env, _, _ = swept
    (folder / "other.py").write_text(CONFIG.format(table=table(set=(*TINY, "train.epochs=3"))))
    other = [part.replace("tiny.py", "other.py") for part in line]
    for mode in ("distill", "table"):
        done = command.run([*other, f"--mode={mode}"], env)
        assert done.returncode == 2
        assert "contains a run with a different configuration" in done.stderr
        assert "ledger.path" not in done.stderr  # the runs of a table share one anyway
        assert "config.train.epochs: 2 -> 3" in done.stderr


@pytest.mark.parametrize("end", [Stopped("x"), TeacherFailed("y")])
def test_a_table_that_cannot_be_rendered_does_not_hide_how_the_runs_ended(
    end, tmp_path, monkeypatch, capsys
):
    def ends(*_):
        raise end

    monkeypatch.setattr(sweep, "run", ends)
    folder = tmp_path / "runs" / "results"
    folder.mkdir(parents=True)
    (folder / "tiny.md").write_text("mine")
    short_records.write(
        test_rendering.one("active", 0, 0.5) | {"row": "first"}, folder / "runs" / "tiny"
    )
    made = tables.from_config(table(set=(*TINY, f"cache_dir={str(tmp_path)!r}")))
    command_ = modes.TableCommand(
        table=made, workdir=tmp_path / "runs", output=None, shard="", stop=StopSignal()
    )
    with pytest.raises(type(end)):
        modes.run(command_)
    assert "the table is not rendered: " in capsys.readouterr().err


def test_a_shard_without_runs_is_no_mistake(swept):
    _, line, env, _, _ = swept
    done = command.run([*line, "--shard=9/9"], env)
    assert done.returncode == 0 and "contains no run of this table" in done.stdout


def test_a_ledger_of_the_table_s_own_is_used(tmp_path):
    own = table(set=(*TINY, "ledger.path='/x.sqlite'"))
    run, *_ = sweep.expand(tables.from_config(own), tmp_path)
    assert run.settings.ledger.path == "/x.sqlite"
    assert expand()[0].settings.ledger.path == ""


def test_numbers_may_be_meant_as_text():
    set_ = (*TINY, "dataset=folder", "data.folder=x", "data.size=8", "data.classes=10")
    (run, *_) = expand(set=set_)
    assert run.settings.data.classes == "10"


def test_other_modes_are_refused(swept):
    _, line, env, _, _ = swept
    refused = command.run([*line, "--mode=export"], env)
    assert (
        refused.returncode == 2
        and "this configuration has no such mode; choose one of distill, table, plan"
        in refused.stderr
    )


def test_a_table_without_a_finished_run_is_said_and_nothing_is_written(tmp_path):
    made = tables.from_config(table())
    command_ = modes.TableCommand(
        table=made, workdir=tmp_path / "runs", output=tmp_path / "out", shard="", stop=StopSignal()
    )
    with pytest.raises(UserError, match="no run of the table tiny is finished, so nothing was"):
        modes.render(command_)
    assert list(tmp_path.iterdir()) == []
