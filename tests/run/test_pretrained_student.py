"""Whole runs of a student with published weights and a frozen backbone."""

import dataclasses

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.models.pretrained import initial_weights
from amkd.models.saved_network import load_network
from amkd.run import experiment, stored_run, workdir
from tests.support import small, timm_weights
from tests.support.small import FOLDER

NAME, SHAPE = "convnext_atto", (32, 32, 3)
STOP = StopSignal()


def write_weights(path, scale=1.0):
    library = pytest.importorskip("safetensors.numpy", reason="it is in the extra 'pretrained'")
    values = timm_weights.arrays(timm_weights.shapes_of(models.build(NAME, 10, SHAPE), SHAPE))
    library.save_file({key: scale * value for key, value in values.items()}, path)
    return path


def shrink_and_answer(images):
    """The teacher of small.FOLDER for 32x32 images."""
    blocks = images.reshape(len(images), 16, 2, 16, 2, 3).mean((2, 4))
    return small.shrink_and_answer(np.rint(blocks).astype(np.uint8))


@pytest.mark.heavy
def test_only_the_last_layer_is_trained_and_the_weights_are_part_of_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    file = write_weights(tmp_path / "own.safetensors")
    small.write_digits(tmp_path / "pictures", 0, 60)
    fields = {
        **FOLDER,
        "dataset": "folder",
        "data.folder": tmp_path / "pictures",
        "data.size": SHAPE[0],
        "method": "random_mixup",
        "student": NAME,
        "student_weights": str(file),
        "teacher.kind": "python",
        "teacher.function": f"{__name__}:shrink_and_answer",
        "train.freeze": "backbone",
        "train.epochs": 1,
        "cache_dir": tmp_path / "cache",
    }
    settings = small.configured(**fields)
    experiment.run(settings, tmp_path / "run", STOP)
    saved = load_network(tmp_path / "run" / "student")
    fresh = jax.tree.map(np.zeros_like, saved.variables)
    wanted = initial_weights.load(str(file), NAME, 10, SHAPE).place(fresh)
    assert np.any(saved.variables["params"]["fc"].pop("kernel"))
    del saved.variables["params"]["fc"], wanted["params"]["fc"]
    jax.tree.map(np.testing.assert_array_equal, saved.variables, wanted)
    told = saved.card["student_weights"]
    assert told["source"] == saved.card["config"]["student_weights"] == "own.safetensors"
    assert stored_run.read(tmp_path / "run").weights == told["sha256"]


def test_other_weights_are_another_run(tmp_path):
    settings = small.configured(student=NAME, student_weights="hf:timm/convnext_atto.d2_in1k")
    folder = tmp_path / "run"
    folder.mkdir()
    workdir.claim(settings, folder, "run", "teacher", "key", "a" * 64)
    workdir.claim(settings, folder, "run", "teacher", "key", "a" * 64)
    with pytest.raises(UserError, match=r"config\.student_weights=.*SHA-256 b.*another --workdir"):
        workdir.claim(settings, folder, "run", "teacher", "key", "b" * 64)
    with pytest.raises(UserError, match="SHA-256 none"):
        workdir.claim(dataclasses.replace(settings), folder, "run", "teacher", "key")
