"""The wheel in an environment of its own, outside the checkout."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("setup.cfg", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")

pytestmark = pytest.mark.heavy  # builds a wheel, for which pip fetches setuptools


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Folder of an environment with the wheel; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("package")
    source, environment = folder / "source", folder / "environment"
    for name in ("amkd", "configs"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip"]
    run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source], folder)
    venv.create(environment, with_pip=False)
    (wheel,) = folder.glob("amkd-*.whl")
    python = environment / "bin" / "python"
    run([*pip, "--python", python, "install", "--quiet", "--no-deps", wheel], folder)
    # As a line of a .pth file, without the .pth files there: an editable amkd stays unseen.
    (site_packages(environment) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def run(command, cwd):
    ran = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def foreign(folder: Path) -> None:
    """A package ``configs`` of the user's own, which must not be imported."""
    (folder / "configs").mkdir()
    for name in ("__init__", "default", "digits", "mnist"):
        (folder / "configs" / f"{name}.py").write_text("raise RuntimeError('imported')")


def test_what_is_in_site_packages(installed):
    place = site_packages(installed)
    assert not (place / "configs").exists() and not (place / "tests").exists()
    assert (place / "amkd" / "py.typed").exists()
    shipped = {file.relative_to(ROOT) for file in (ROOT / "configs").rglob("*.py")}
    assert shipped == {
        file.relative_to(place / "amkd") for file in (place / "amkd" / "configs").rglob("*.py")
    }


def test_help(installed, tmp_path):
    told = run([installed / "bin" / "amkd", "--help"], tmp_path)
    assert "--config.NAME=VALUE" in told and "n_real = 200" in told
    assert told == run([installed / "bin" / "python", "-m", "amkd", "--help"], tmp_path)


def test_a_plan_from_anywhere_beside_a_foreign_package(installed, tmp_path):
    foreign(tmp_path)
    amkd, cache = installed / "bin" / "amkd", f"--config.cache_dir={tmp_path / 'cache'}"
    told = run([amkd, "--config=digits:smoke", "--mode=plan", cache], tmp_path)
    assert "queries" in told
    own = tmp_path / "mine.py"
    own.write_text("from amkd.configs.digits import get_config\n")
    assert run([amkd, f"--config={own}:smoke", "--mode=plan", cache], tmp_path)


def test_a_table_from_anywhere_beside_a_foreign_package(installed, tmp_path):
    foreign(tmp_path)
    table = "--config=tables/table1:smoke"
    told = run([installed / "bin" / "python", "-m", "amkd", table, "--mode=plan"], tmp_path)
    assert "0 of 28 runs are finished" in told


def test_the_api_and_a_run(installed, tmp_path):
    code = (
        "import amkd;"
        "few = {'train.epochs': 1, 'train.min_steps': 0, 'teacher.train.epochs': 1, 'rounds': 1,"
        " 'teacher.train.min_steps': 0, 'teacher.min_accuracy': 0.0, 'report.progress': False,"
        f" 'n_real': 20, 'budget': 30, 'cache_dir': {str(tmp_path / 'cache')!r}}};"
        "student = amkd.run_experiment(amkd.load_settings('digits:smoke', few), 'run');"
        "print(amkd.__file__, student.card['queries'])"
    )
    told = run([installed / "bin" / "python", "-c", code], tmp_path)
    assert told.splitlines()[-1] == f"{site_packages(installed) / 'amkd' / '__init__.py'} 30"
