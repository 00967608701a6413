"""Training images held out to evaluate on: which they are, and a run that sees no test image."""

import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data import holdout
from amkd.data.dataset import DataSet, draw_real
from amkd.run import experiment
from tests.support import command
from tests.support.small import configured


def some(pool, tests, places=None):
    """Every image is its own number; test images count from 200."""
    own, others = (
        np.uint8(np.arange(start, start + n)).reshape(-1, 1, 1, 1)
        for start, n in ((0, pool), (200, tests))
    )
    labels = np.zeros(tests, np.int32)
    return DataSet("some", 3, own[:0], labels[:0], own, others, labels, pool_indices=places)


def test_held_out_images_are_as_many_as_the_test_images_and_are_not_drawn():
    found = holdout.from_training(some(50, 20), 3)
    held_out = found.test_images.ravel()
    assert len(held_out) == len(set(held_out)) == 20 and max(held_out) < 50
    assert found.test_labels is None and found.drawable_count == 30
    drawn = draw_real(found, 30, 3).ravel()
    assert sorted([*drawn, *held_out]) == list(range(50))
    assert not np.array_equal(held_out, holdout.from_training(some(50, 20), 4).test_images.ravel())


def test_held_out_images_are_of_those_that_may_be_drawn():
    found = holdout.from_training(some(50, 5, np.arange(40, 50)), 0)
    assert set(found.test_images.ravel()) | set(found.pool_indices) == set(range(40, 50))
    with pytest.raises(
        UserError, match=r"config\.data\.evaluate_on='train': 9 of the 10 training images of some"
    ):
        holdout.from_training(some(50, 9, np.arange(40, 50)), 0)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"data.evaluate_on": "validation"},
            r"config\.data\.evaluate_on='validation': must be one of test, train",
        ),
        (
            {"data.evaluate_on": "train", "teacher.evaluate": "no"},
            r"data\.evaluate_on='train': this evaluation needs the teacher's answers",
        ),
        (
            {"data.evaluate_on": "train", "method": "supervised_real"},
            r"needs the teacher's answers",
        ),
    ],
)
def test_what_cannot_evaluate(fields, told):
    with pytest.raises(UserError, match=told):
        configured(**fields)


def test_a_run_evaluated_on_training_images(tmp_path, monkeypatch):
    """It has an agreement and a divergence, and no accuracy: no test label was seen."""
    fields = {
        **command.TINY,
        "data.evaluate_on": "train",
        "teacher.evaluate": "auto",
        "rounds": 1,
        "train.epochs": 2,
    }
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    summary = experiment.run(configured(**fields), tmp_path / "run", StopSignal())
    assert summary["student_accuracy"] is summary["teacher_accuracy"] is None
    assert summary["evaluation_queries"] == 60 and 0 < summary["agreement"] <= 1
    assert 0 < summary["rounds"][-1]["divergence"] < 10
