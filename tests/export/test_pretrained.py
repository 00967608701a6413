"""Every network with published weights becomes an ONNX file of the same answers."""

import pytest

from amkd import export, models
from tests.support.students import sample_of, student_of


@pytest.mark.heavy
@pytest.mark.parametrize("name", [name for name, entry in models.MODELS.items() if entry.timm])
def test_the_file_answers_as_the_student(name, tmp_path):
    side = 56 if "patch14" in name else 64
    student = student_of(name, (side, side, 3))
    written = export.write(student, tmp_path / "out", sample_of((side, side, 3)), formats=("onnx",))
    assert written["onnx"]["max_difference"] < 1e-4
