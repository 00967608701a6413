"""The notebook of examples/ runs from its first cell to its last."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import command, small

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "photos.ipynb"
IN_SMALL = {
    "teacher.function": "tests.support.small:shrink_and_answer",
    "data.size": 16, "data.held_out": 10, "n_real": 15, "budget": 25, "student_size": 0,
    "student": "lenet5_half", "student_weights": "tests.support.first_weights:same",
    "train.epochs": 2, "train.min_steps": 0, "train.batch_size": 8,
}  # fmt: skip


def cells(kind):
    content = json.loads(NOTEBOOK.read_text())
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


@pytest.mark.heavy  # the commands and functions that it uses have tests of their own
def test_the_notebook_runs(tmp_path):
    pytest.importorskip("onnxruntime", reason="it is in the extra 'onnx'")
    small.write_digits(tmp_path / "pictures", 0, 60)
    (tmp_path / "classes.txt").write_text("".join(f"{n}\n" for n in range(10)))
    (tmp_path / "notebook.py").write_text("\n\n".join(cells("code")))
    own = {
        "PHOTOS_FIELDS": json.dumps({**IN_SMALL, "cache_dir": str(tmp_path / "cache")}),
        "COUNTING_TEACHER_LOG": str(tmp_path / "asked.txt"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]),
    }
    ran = subprocess.run(
        [sys.executable, "notebook.py"],
        cwd=tmp_path,
        env={**command.environment(tmp_path), **own},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said = ran.stdout
    assert "25 answers: " in said and "25 answers bought" in said
    assert "cost                 0.0525 USD (0.0015 an image)" in said
    assert (tmp_path / "runs" / "photos" / "report.html").is_file()


def test_it_is_kept_without_outputs():
    content = json.loads(NOTEBOOK.read_text())
    for cell in content["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert cells("markdown")[0].startswith("# Photographs")
