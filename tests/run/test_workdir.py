"""The folder of a run: who may be in it, and what it tells of its run when files are damaged."""

import contextlib
import dataclasses
import json
import multiprocessing
import os
import time

import pytest

from amkd.config import run_record
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.ledger import Ledger
from amkd.run import experiment, workdir
from tests.support.small import configured
from tests.support.summaries import summary

SETTINGS = configured()


def test_a_second_process_is_refused(tmp_path):
    with workdir.locked(tmp_path), pytest.raises(UserError, match="another process"):
        with workdir.locked(tmp_path):
            pass


def _lives(ready):
    ready.set()
    time.sleep(600)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_child_that_a_teacher_left_behind_does_not_keep_the_workdir(tmp_path):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    with workdir.locked(tmp_path):
        child = fork.Process(target=_lives, args=(ready,), daemon=True)
        child.start()
        assert ready.wait(60)
    try:
        with workdir.locked(tmp_path):
            pass
        assert os.path.exists(f"/proc/{child.pid}")
    finally:
        child.kill()
        child.join()


DAMAGED = (b"", b'{"run": "a", "con', bytes(64), b"\xff\xfe", b"null", b"[]", b"{}", b"[" * 100_000)


@pytest.fixture
def claimed(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    workdir.claim(SETTINGS, folder, "a" * 32, "teacher", "key")
    return folder


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("name", ["config.json", "checkpoints/config.json"])
def test_a_damaged_record_is_written_again_from_its_copy(claimed, capsys, name, content):
    sound = (claimed / name).read_bytes()
    (claimed / name).write_bytes(content)
    assert workdir.owner(SETTINGS, claimed) == "a" * 32
    workdir.claim(SETTINGS, claimed, "a" * 32, "teacher", "key")
    assert (claimed / name).read_bytes() == sound
    assert f"{claimed / name} is damaged" in capsys.readouterr().out


def test_a_missing_record_is_written_again_and_an_earlier_version_had_no_copy(claimed):
    sound = (claimed / "config.json").read_bytes()
    for missing in ("config.json", "checkpoints/config.json"):
        (claimed / missing).unlink()
        assert workdir.owner(SETTINGS, claimed) == "a" * 32
        workdir.claim(SETTINGS, claimed, "a" * 32, "teacher", "key")
        assert (claimed / missing).read_bytes() == sound


def test_a_record_that_was_written_again_still_tells_runs_apart(claimed):
    (claimed / "config.json").write_bytes(b"")
    with pytest.raises(UserError, match="contains a run with a different configuration") as refused:
        workdir.owner(configured(seed=1), claimed)
    assert f"--config.ledger.path={claimed / 'ledger.sqlite'}, it reuses" in str(refused.value)
    with pytest.raises(UserError, match="was started with teacher teacher"):
        workdir.claim(SETTINGS, claimed, "a" * 32, "another", "key")


def test_the_latest_limits_are_kept_with_the_run(claimed):
    """--workdir alone continues with them, and with the ledger in which the run began."""
    Ledger(claimed / "ledger.sqlite").close()
    later = dataclasses.replace(
        SETTINGS, teacher=dataclasses.replace(SETTINGS.teacher, price=0.5, max_cost=50.0)
    )
    workdir.check_ledger(later, claimed, "a" * 32)  # it has not begun
    workdir.begun(later, claimed)
    for name in ("config.json", "checkpoints/config.json"):
        kept = json.loads((claimed / name).read_text())
        assert kept["config"]["teacher.max_cost"] == 50.0 and kept["run"] == "a" * 32
        assert kept["ledger"] == str(claimed / "ledger.sqlite")
    with pytest.raises(UserError, match=r"does not contain the run of .* Nothing was sent"):
        workdir.check_ledger(later, claimed, "a" * 32)
    with contextlib.closing(Ledger(claimed / "ledger.sqlite")) as book:
        book.begin_run("a" * 32, "about", "place")
    workdir.check_ledger(later, claimed, "a" * 32)


def test_a_run_of_an_earlier_version_that_has_saved_its_state_has_begun(claimed):
    """Its record does not say with which ledger."""
    (claimed / "checkpoints" / "1").mkdir()
    with pytest.raises(
        UserError, match=r"ledger.sqlite does not contain the run .*: it is missing"
    ):
        workdir.check_ledger(SETTINGS, claimed, "a" * 32)
    with contextlib.closing(Ledger(claimed / "ledger.sqlite")) as book:
        book.begin_run("a" * 32, "about", "place")
    workdir.check_ledger(SETTINGS, claimed, "a" * 32)


def test_a_shared_ledger_is_found_after_a_move(tmp_path, monkeypatch):
    folder = tmp_path / "old" / "row" / "run"
    folder.mkdir(parents=True)
    Ledger(tmp_path / "old" / "ledger.sqlite").close()
    monkeypatch.chdir(tmp_path)
    shared = configured(**{"ledger.path": "old/ledger.sqlite"})
    workdir.claim(shared, folder, "run", "teacher", "key")
    workdir.begun(shared, folder)
    here = run_record.get_config(str(folder)).to_dict()["ledger"]["path"]
    assert here == str(tmp_path / "old" / "ledger.sqlite")
    (tmp_path / "old").rename(tmp_path / "new")
    moved = run_record.get_config(str(tmp_path / "new" / "row" / "run")).to_dict()
    assert moved["ledger"]["path"] == str(tmp_path / "new" / "ledger.sqlite")


def test_with_both_records_damaged_the_answers_are_pointed_to(claimed):
    for name in ("config.json", "checkpoints/config.json"):
        (claimed / name).write_bytes(b"null")
    with pytest.raises(UserError) as refused:
        workdir.owner(SETTINGS, claimed)
    assert f"--config.ledger.path={claimed / 'ledger.sqlite'}" in str(refused.value)


def test_a_run_without_its_records_is_refused_and_its_answers_are_pointed_to(claimed):
    for name in ("config.json", "checkpoints/config.json"):
        (claimed / name).unlink()
    with pytest.raises(UserError, match=r"contains no run; choose another --workdir$"):
        workdir.owner(SETTINGS, claimed)
    (claimed / "ledger.sqlite").touch()
    with pytest.raises(UserError) as refused:
        workdir.owner(SETTINGS, claimed)
    assert str(refused.value).endswith(
        "contains no run; choose a new --workdir and add"
        f" --config.ledger.path={claimed / 'ledger.sqlite'}, so that nothing is paid twice"
    )


@pytest.mark.parametrize("name", ["config.json", "checkpoints/config.json"])
def test_a_record_of_a_finished_run_is_written_again(claimed, name):
    (claimed / "summary.json").write_text(json.dumps(summary()))
    sound = (claimed / name).read_bytes()
    (claimed / name).unlink()
    assert experiment.run(SETTINGS, claimed, StopSignal()) == summary()
    assert (claimed / name).read_bytes() == sound


@pytest.mark.parametrize("content", [*DAMAGED, b'{"rounds": null}', b'{"method": "a"}'])
def test_a_damaged_summary_counts_as_unfinished(tmp_path, capsys, content):
    (tmp_path / "summary.json").write_bytes(content)
    assert workdir.finished(tmp_path) is None
    told = capsys.readouterr().out
    assert str(tmp_path / "summary.json") in told and "written again" in told
