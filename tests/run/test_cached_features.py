"""Whole runs of a frozen backbone whose features are cached."""

import contextlib
import sqlite3

import jax
import numpy as np
import pytest

from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import Records, mixes
from amkd.models import frozen_backbone, prediction
from amkd.models.saved_network import load_network
from amkd.run import experiment, training_loop
from amkd.teachers import Teacher
from amkd.training import train
from tests.support import counting_teacher, first_weights
from tests.support.small import configured, digits

FIELDS = {
    "student": "lenet5_half", "student_weights": "tests.support.first_weights:same",
    "train.freeze": "backbone", "train.views": 3, "train.crop": 1, "n_real": 20, "budget": 44,
    "rounds": 2,
    "method": "pooled_mixup", "search.candidates": 2.0, "search.acquisition": "k_center",
    "train.epochs": 3, "train.min_steps": 0, "train.batch_size": 16, "train.learning_rate": 0.02,
    "train.mix_share": 0.5, "teacher.validation": 1, "checkpoint.seconds": 0.0,
    "report.progress": False, "report.tensorboard": False, "report.plots": False,
    "report.html": False,
}  # fmt: skip

HELP = {
    "assistant.model": "lenet5_half", "assistant.mixes": 12, "assistant.train.epochs": 2,
    "assistant.train.batch_size": 16,
}  # fmt: skip


@pytest.fixture(name="go")
def go_(tmp_path, monkeypatch):
    """Runs a configuration in a folder; returns the summary."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    images, numbers = digits(0, 80)
    data = DataSet("digits", 10, images, numbers, images[:40], images[40:], numbers[40:])
    given = data, Teacher("own", counting_teacher.answer)

    def go(folder, stop=None, **fields):
        config = configured(**{**FIELDS, "cache_dir": tmp_path / "cache", **fields})
        return experiment.run(config, tmp_path / folder, stop or StopSignal(), *given)

    return go


class AfterLooks(StopSignal):
    """Asks to stop after it has been looked at so often."""

    def __init__(self, looks):
        self.looks = looks

    @property
    def requested(self):
        self.looks -= 1
        return self.looks < 0


def test_the_backbone_runs_once_for_each_view(go, tmp_path, monkeypatch):
    computed = []
    fresh = prediction.features

    def count(network, variables, images, numbers):
        computed.append(len(images))
        return fresh(network, variables, images, numbers)

    monkeypatch.setattr(frozen_backbone.prediction, "features", count)
    whole = go("whole")
    assert whole["queries"] == whole["queries_paid"] == 44
    # Three views of 44 images, the 40 for evaluation, and in each round's search at most 24
    # candidates, of which 12 are chosen. What was a candidate is not run again, and nothing is run
    # twice.
    assert 3 * 44 + 40 < sum(computed) <= 3 * 44 + 40 + 2 * 12
    (file,) = (tmp_path / "cache" / "features").iterdir()
    with contextlib.closing(sqlite3.connect(file)) as book:
        assert book.execute("SELECT COUNT(*) FROM features").fetchone() == (sum(computed),)
    # Another run of the same images, from another folder, runs none again.
    del computed[:]
    again = go("again")
    assert sum(computed) == 0
    assert again["student_sha256"] == whole["student_sha256"]
    # The saved student is the whole network, with the first backbone.
    saved = load_network(tmp_path / "whole" / "student")
    answers = saved.predict(digits(40, 80)[0])
    accuracy = np.mean(answers.argmax(1) == digits(40, 80)[1])
    assert abs(accuracy - whole["student_accuracy"]) <= 1 / 40
    kept = {name: one for name, one in saved.variables["params"].items() if name != "fc3"}
    first = first_weights.same(saved.variables)["params"]
    expected = {name: one for name, one in first.items() if name != "fc3"}
    jax.tree.map(np.testing.assert_array_equal, kept, expected)


def test_the_student_learns_from_features_of_what_an_assistant_answers(go, monkeypatch):
    trainings = []

    def trained(training, **how):
        trainings.append(training)
        return train.train_network(training, **how)

    monkeypatch.setattr(training_loop, "train_network", trained)
    found = go("run", **HELP)
    assert found["queries"] == 44 and found["assistant"]["mixes"] == 12
    helper, last = trainings[2:]
    assert (helper.count, helper.data.features, helper.data.images.ndim) == (44, None, 4)
    assert (last.count, last.assisted, last.assisted_share) == (44, 12, 0.5)
    assert last.data.features.shape[:2] == (44 + 12, 3)
    fresh = Records(*(column[44:] for column in (last.data.i, last.data.j, last.data.w)))
    (images,) = mixes(helper.data.images, fresh)
    wanted = prediction.predict_with_features(*last.whole, images)[1].astype(np.float16)
    np.testing.assert_allclose(last.data.features[44:, 0], wanted, atol=2e-3)
    assert not np.array_equal(last.data.features[44:, 1], wanted)


@pytest.mark.parametrize("help", [{}, HELP], ids=["alone", "assisted"])
def test_a_run_stopped_anywhere_ends_with_the_same_bits(go, tmp_path, help):
    whole = go("whole", **help)
    stops = 0
    for looks in range(3, 150, 7):
        try:
            found = go("stopped", AfterLooks(looks), cache_dir=tmp_path / "another", **help)
            break
        except Stopped:
            stops += 1
    assert stops > 1
    assert found["student_sha256"] == whole["student_sha256"]
    assert found["queries"] == 44


def test_it_is_the_training_of_a_frozen_network(go, tmp_path):
    """On the images as they are, up to the 16 bits of the features."""
    fields = {"train.crop": 0, "train.mix_share": 0.0, "method": "random_mixup", "warm_start": True}
    go("cached", **fields, **{"train.views": 1})
    go("frozen", **fields, **{"train.views": 0})
    one, other = (load_network(tmp_path / name / "student") for name in ("cached", "frozen"))
    # A head of its own network has first values of its own; the trained ones are close.
    difference = np.abs(one.predict(digits(40, 80)[0]) - other.predict(digits(40, 80)[0]))
    assert difference.mean() < 0.1


def test_a_function_of_the_users_own_also_gives_the_last_layer(go, tmp_path):
    """With and without cached features: where no step changes it, it is the function's."""
    for views in (0, 1):
        name = f"{views} views"
        go(
            name,
            method="random_mixup",
            student_weights="tests.support.first_weights:all",
            **{"train.views": views, "train.crop": 0, "train.mix_share": 0.0},
            **{"train.learning_rate": 1e-12, "train.epochs": 1},
        )
        saved = load_network(tmp_path / name / "student").variables
        jax.tree.map(np.testing.assert_array_equal, saved, first_weights.all(saved))


@pytest.mark.parametrize(
    "fields",
    [{"search.acquisition": "ensemble", "search.committee": 2}, {"warm_start": True}],
    ids=["a committee", "a warm start"],
)
def test_committees_and_warm_starts_train_heads(fields, go):
    assert go("run", **fields)["queries"] == 44


def test_what_cannot_be_cached_is_refused():
    def told(**fields):
        with pytest.raises(UserError) as error:
            configured(**{**FIELDS, **fields})
        return str(error.value)

    assert "config.train.views=3: features can only be cached if" in told(**{"train.freeze": ""})
    assert "set --config.student_weights" in told(student_weights="")
    assert "all views of an image are identical" in told(**{"train.crop": 0})
    assert "the only view is the image itself" in told(**{"train.views": 1})
    assert "config.teacher.train.views=2" in told(**{"teacher.train.views": 2})
