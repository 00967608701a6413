"""Photographs that a service refuses: their files are named; evaluation goes on without them."""

import pytest

from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed
from amkd.core.stopping import StopSignal
from amkd.data.dataset import draw_real
from amkd.run import experiment, image_paths, inputs
from amkd.teachers import Refused, Teacher
from tests.integration.test_own_images import folder_settings, shrink_and_answer, write_digits


@pytest.fixture(autouse=True)
def pictures(tmp_path, monkeypatch):
    asked.clear()
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    write_digits(tmp_path / "pictures", 0, 60)


asked = []


def run(settings, folder, *refused):
    """Runs with a teacher that refuses these images."""

    def answer(images):
        asked.extend(map(image_digest, images))
        if any(image_digest(image) in refused for image in images):
            raise Refused("status 400: content policy", of_image=True)
        return shrink_and_answer(images)

    return experiment.run(settings, folder, StopSignal(), teacher=Teacher("refusing", answer))


def test_evaluation_images_that_are_refused_are_left_out(tmp_path, capsys):
    settings = folder_settings(
        tmp_path, **{"teacher.batch": 4, "teacher.max_cost": 99.0, "teacher.price": 0.25}
    )
    refused = image_digest(inputs.load_data(settings).test_images[3])
    summary = run(settings, tmp_path / "run", refused)
    assert (summary["queries"], summary["evaluation_queries"]) == (40, 9)
    assert summary["agreement_images"] == 9 and summary["ended_early"] is None
    told = capsys.readouterr().err
    assert "refuses 1 of the 10 evaluation images" in told
    # A resumed run does not send it again, although no other image is missing.
    (tmp_path / "run" / "summary.json").unlink()
    asked.clear()
    again = run(settings, tmp_path / "run", refused)
    assert again["agreement"] == summary["agreement"] and asked == []
    (path,) = image_paths.find(settings, {refused}).values()
    assert f"image={refused.hex()} is {path}" in told


def test_the_files_of_refused_queries_are_named(tmp_path):
    settings = folder_settings(tmp_path)
    data = inputs.load_data(settings)
    real = draw_real(data, settings.n_real, settings.seed)
    first, second = map(image_digest, real[5:7])
    with pytest.raises(TeacherFailed) as caught:
        run(settings, tmp_path / "run", first, second)
    files = image_paths.find(settings, {first, second})
    assert {*map(image_digest, real)} <= {*asked}  # all others, too, and each once
    assert len(files) == 2 and all(path in str(caught.value) for path in files.values())
