"""The command line, as a person meets it: real processes, one clear line for every mistake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

import amkd
from amkd.cli import arguments, flag_definitions, main, modes
from amkd.config.names import field_names
from amkd.tables import modes as table_modes
from tests.support import command

ROOT = Path(__file__).resolve().parents[2]


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "launch.py", *arguments]
    return command.run(line, {**os.environ, "JAX_PLATFORMS": "cpu"})


def is_clear(ran: subprocess.CompletedProcess[str]) -> bool:
    """A mistake's report: exit code 2, one message on stderr, and no stack trace."""
    lines = ran.stderr.strip().splitlines()
    return (
        ran.returncode == 2
        and lines[0].startswith("error: ")
        and all(line.startswith("  ") for line in lines[1:])  # the fields at fault, one to a line
        and "Traceback" not in ran.stdout + ran.stderr
        and ran.stdout == ""
    )


CONFIG = "--config=configs/digits.py"
MISTAKES = {
    "misspelt field": (
        [CONFIG, "--config.n_rael=5"],
        ["config.n_rael", "did you mean config.n_real?"],
    ),
    "misspelt field in a group": (
        [CONFIG, "--config.search.lam_lwo=0.4"],
        ["config.search.lam_lwo", "did you mean config.search.lam_low?"],
    ),
    "group instead of a field": (
        [CONFIG, "--config.train=3"],
        ["config.train is a group of fields", "config.train.epochs"],
    ),
    "misspelt flag": ([CONFIG, "--wrokdir=runs/of_mistakes"], ["wrokdir", "workdir"]),
    "unknown flag": ([CONFIG, "--gpus=2"], ["gpus"]),
    "field as a flag": ([CONFIG, "--budget", "600"], ["write --config.budget=600"]),
    "misspelt config": (["--confg.seed=1", CONFIG], ["did you mean --config.seed=1?"]),
    "mode as a command": (["plan", CONFIG], ["write --mode=plan"]),
    "misspelt command": (["statu", "runs/x"], ["did you mean amkd status?"]),
    "string for an int": (
        [CONFIG, "--config.n_real=many"],
        ["config.n_real='many': must be a whole number"],
    ),
    "all of them at once": (
        [CONFIG, "--config.budget=lots", "--config.n_rael=5", "--config.seed=-1"],
        ["config.budget='lots'", "did you mean config.n_real?", "config.seed=-1: must be at"],
    ),
    "string for a bool": (
        [CONFIG, "--config.warm_start=perhaps"],
        ["config.warm_start", "perhaps"],
    ),
    "unknown mode": ([CONFIG, "--mode=train"], ["--mode=train", "train_teacher", "distill"]),
    "missing config": (
        ["--workdir=runs/of_mistakes"],
        ["--config is missing", "--config=digits"],
    ),
    "config file that is not there": (
        ["--config=configs/digit.py", "--workdir=runs/of_mistakes"],
        ["'configs/digit.py'", "did you mean digits?"],
    ),
    "shipped configuration that is not there": (
        ["--config=tables/table9:smoke", "--workdir=runs/of_mistakes"],
        ["'tables/table9'", "did you mean tables/table"],
    ),
    "config as two arguments": (
        ["--config", "mnits", "--workdir=runs/of_mistakes"],
        ["'mnits'", "did you mean mnist?"],
    ),
    "unknown preset": (
        ["--config=mnist:smokey", "--workdir=runs/of_mistakes"],
        ["smokey", "smoke"],
    ),
    "a shard of a run": (
        [CONFIG, "--workdir=runs/of_mistakes", "--shard=2/8"],
        ["--shard=2/8: only a table has shards; leave it out"],
    ),
    "missing workdir": ([CONFIG], ["--workdir is missing"]),
    "missing network": ([CONFIG, "--mode=evaluate"], ["--network is missing"]),
    "impossible values": (
        [
            CONFIG,
            "--workdir=runs/of_mistakes",
            "--config.budget=1",
            "--config.search.lam_count=0",
            "--config.method=mixup",
        ],
        ["config.budget=1", "config.search.lam_count=0", "config.method='mixup'", "active_mixup"],
    ),
    "positional junk": ([CONFIG, "--workdir=runs/of_mistakes", "junk"], ["'junk'", "--config="]),
    "value without an equals sign": ([CONFIG, "n_real=5"], ["'n_real=5'"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_one_clear_message(case: str) -> None:
    given, expected = MISTAKES[case]
    ran = launch(*given)
    assert is_clear(ran), f"exit code {ran.returncode}\n{ran.stderr}"
    for part in expected:
        assert part in ran.stderr
    assert not (ROOT / "runs" / "of_mistakes").exists()


def test_a_config_file_with_a_mistake_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def get_config(preset=''):\n    return 1 +\n")
    ran = launch(f"--config={path}", f"--workdir={tmp_path / 'run'}")
    assert is_clear(ran), f"exit code {ran.returncode}\n{ran.stderr}"
    assert "mine.py" in ran.stderr
    assert not (tmp_path / "run").exists()


def test_help_prints_every_field_with_its_comment() -> None:
    ran = launch("--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    for flag in ("--config", "--workdir", "--mode", "--network"):
        assert f"\n  {flag} " in ran.stdout
    for mode in ("distill", "train_teacher", "evaluate"):
        assert mode in ran.stdout
    lines = ran.stdout.splitlines()
    fields = {
        line.split(" = ")[0].strip(): place for place, line in enumerate(lines) if " = " in line
    }
    wanted = {name for name in field_names() if not name.startswith("teacher.train.")} | {
        "teacher.train"
    }
    assert wanted <= fields.keys(), f"missing: {sorted(wanted - fields.keys())}"
    for name in wanted:
        explanation = lines[fields[name] + 1]
        assert explanation.startswith("      ") and len(explanation.strip()) > 10, name
    # Defaults and comments are those of the file that holds them.
    assert lines[fields["budget"]] == "  budget = 1000"
    assert (
        lines[fields["budget"] + 1].strip()
        == "Maximum number of queries of the run, including the first n_real: a hard limit."
    )
    assert lines[fields["train.epochs"]] == "  train.epochs = 60"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments.parse(flags.FlagValues(), ["amkd", "--version"], "", [])
    assert not ended.value.code
    assert capsys.readouterr().out == f"amkd {amkd.__version__}\n"


def test_the_modes_are_those_that_help_names() -> None:
    named = flag_definitions.MODES
    assert [mode for mode in named if mode in modes.MODES] == list(modes.MODES)
    assert set(named) == {*modes.MODES, *table_modes.MODES}
    assert set(main.STOPPABLE) <= set(named)
    assert all(f"\n  {mode} " in main.STORY for mode in named)


def test_help_from_another_directory(tmp_path: Path) -> None:
    line = [sys.executable, str(ROOT / "launch.py"), "--help"]
    ran = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert "n_real = 200" in ran.stdout
