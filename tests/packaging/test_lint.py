"""The linter looks at all files of the project, and at none that its users write beside them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNTIDY = "import os, sys\nx = 'a'\n"


def ruff(folder, *arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "--no-cache", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")])
def test_a_walk_through_in_the_checkout_leaves_the_linter_content(tmp_path, arguments):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name in ("my_teacher.py", "make_pictures.py", "runs/mine/a.py", "pictures/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(UNTIDY)
    assert ruff(tmp_path, *arguments).returncode == 0
    (tmp_path / "amkd" / "core").mkdir(parents=True)
    (tmp_path / "amkd" / "core" / "own.py").write_text(UNTIDY)
    assert ruff(tmp_path, *arguments).returncode == 1


def test_no_file_of_the_project_is_left_out():
    seen = {Path(line) for line in ruff(ROOT, "check", "--show-files").stdout.splitlines()}
    tops = ("amkd", "benchmarks", "configs", "docs", "examples", "tests")
    own = {path for top in tops for path in (ROOT / top).rglob("*.py")}
    assert {*own, ROOT / "launch.py"} <= seen
