"""A workdir drives itself: it holds the configuration of its run."""

import json
from pathlib import Path

import pytest
from absl import flags

from amkd.cli import arguments, flag_definitions, same_configuration
from amkd.config import run_record
from amkd.config.parsing import parse
from amkd.core.errors import UserError
from amkd.run import workdir
from tests.support import command
from tests.support.small import configured


@pytest.fixture
def begun(tmp_path):
    """A workdir of a run that has begun."""
    folder = tmp_path / "run: of 1"
    folder.mkdir()
    workdir.claim(configured(**command.TINY), folder, "run", "teacher", "")
    return folder


def parsed(monkeypatch, *args):
    """The configuration that a command line means."""
    values = flags.FlagValues()
    line = ["amkd", *args]
    monkeypatch.setattr("sys.argv", list(line))
    flag_definitions.define_flags(values)
    problems: list[str] = []
    arguments.parse(values, line, "", problems)
    assert not problems
    return parse(values["config"].value.to_dict())


WAYS = {
    "one argument": lambda folder: [f"--workdir={folder}"],
    "two arguments": lambda folder: ["--workdir", str(folder)],
    "with another mode": lambda folder: ["--mode=evaluate", f"--workdir={folder}"],
}


@pytest.mark.parametrize("way", WAYS)
def test_the_workdir_alone(way, begun, monkeypatch):
    assert parsed(monkeypatch, *WAYS[way](begun)) == configured(**command.TINY)


def test_fields_beside_it_and_a_configuration_of_its_own(begun, monkeypatch):
    changed = parsed(monkeypatch, f"--workdir={begun}", "--config.report.html=False")
    assert changed == configured(**{**command.TINY, "report.html": False})
    assert parsed(monkeypatch, f"--workdir={begun}", "--config=default").n_real == 200


@pytest.mark.parametrize("more", [[], ["--config.seed=1"]], ids=["alone", "with a field"])
@pytest.mark.parametrize(
    ("name", "told"), [("", "contains no run. Check --workdir"), ("none", "does not exist. Check")]
)
def test_a_folder_without_a_run_needs_a_configuration(tmp_path, monkeypatch, name, told, more):
    folder = tmp_path / name
    with pytest.raises(UserError) as refused:
        parsed(monkeypatch, f"--workdir={folder}", *more)
    assert f"--config is missing, and --workdir={folder} {told}" in str(refused.value)
    assert "to begin a run there" in str(refused.value)


def test_a_folder_with_a_ledger_alone_is_told_how_to_keep_the_answers(tmp_path, monkeypatch):
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(UserError, match="contains no run") as refused:
        parsed(monkeypatch, f"--workdir={tmp_path}")
    assert f"add --config.ledger.path={tmp_path / 'ledger.sqlite'}" in str(refused.value)


def test_a_configuration_that_is_given_must_agree(begun, tmp_path):
    same = configured(**{**command.TINY, "report.html": False, "cache_dir": "/elsewhere"})
    same_configuration.check(same, begun)
    same_configuration.check(same, tmp_path)  # holds no run
    with pytest.raises(UserError, match=r"omit --config.*\n  config\.seed: 0 -> 3"):
        same_configuration.check(configured(**{**command.TINY, "seed": 3}), begun)


def test_a_finished_run_is_printed_and_evaluated(tiny_run: Path):
    env = command.environment(tiny_run)
    line = [command.sys.executable, "launch.py", f"--workdir={tiny_run / 'run'}"]
    again, evaluated = (command.run([*line, *more], env) for more in ([], ["--mode=evaluate"]))
    assert again.returncode == 0 and "is finished; this is its result" in again.stdout
    accuracy = json.loads((tiny_run / "run/summary.json").read_text())["student_accuracy"]
    assert evaluated.returncode == 0 and f"{100 * accuracy:.2f}%" in evaluated.stdout
    assert run_record.is_in(tiny_run / "run")
