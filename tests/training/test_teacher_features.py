"""What a teacher with a known network shows: features by hand, the same bits in any round; a black
box, nothing.
"""

import functools

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.data.dataset import DataSet
from amkd.data.records import Records, mixes
from amkd.methods import METHODS
from amkd.models import prediction
from amkd.run import experiment
from amkd.teachers import Teacher
from amkd.training import relations, teacher_features, training_set
from amkd.training.teacher_features import TeacherFeatures
from tests.support import command, plain
from tests.support.small import configured, digits

SHAPE = (8, 8, 1)
IMAGES = digits(0, 12)[0]


@functools.cache
def network(name="lenet5"):
    found = models.build(name, 10, SHAPE)
    shapes = jax.eval_shape(lambda: found.init(jax.random.key(0), np.zeros((1, *SHAPE), np.uint8)))
    return found, plain.random_variables(shapes, 1)


def some_records(count):
    rng = np.random.default_rng(0)
    i, j, w = (rng.integers(0, high, count).astype(np.int32) for high in (12, 12, 65537))
    return Records(i, j, w)


def part(records, count):
    return records.take(slice(count))


def test_features_are_those_of_the_very_bytes():
    records, look = some_records(3), functools.partial(mixes, IMAGES)
    found = TeacherFeatures(*network()).column(records, look)
    params = {**network()[1]["params"], "fc3": {"kernel": np.eye(84), "bias": np.zeros(84)}}
    for q, row in enumerate(found):
        mixed = plain.mix_bytes(IMAGES[records.i[q]], IMAGES[records.j[q]], records.w[q])
        np.testing.assert_allclose(row, plain.lenet5(params, mixed), rtol=1e-4, atol=1e-4)
    released = TeacherFeatures(*network()).column(
        records, functools.partial(mixes, IMAGES, as_released=True)
    )
    assert found.dtype == np.float32 and np.abs(released - found).max() > 1e-3


def test_the_same_bits_in_whichever_round_they_are_looked_at():
    """Only whole blocks are kept; a call for as many as there are looks at nothing."""
    records, looked = some_records(2100), []

    def look(asked):
        looked.append(len(asked))
        return mixes(IMAGES, asked)

    grown = TeacherFeatures(*network())
    for count in (5, 300, 1500, 1500, 2100, 700):
        rows = grown.column(part(records, count), look)
    assert looked == [5, 300, 1500, 2100 - 1024]
    whole = TeacherFeatures(*network()).column(records, look)
    np.testing.assert_array_equal(rows, whole[:700])
    np.testing.assert_array_equal(grown.column(records, look), whole)


def test_a_black_box_shows_nothing():
    plan = configured(**{"train.loss": "pad_l2"}).train
    with pytest.raises(
        UserError, match=r"config\.train\.loss='pad_l2' needs the teacher's features"
    ):
        teacher_features.of_teacher(plan, None, 0)
    assert teacher_features.of_teacher(configured().train, network(), 0) is None
    assert teacher_features.of_teacher(plan, network(), 0) is not None


def test_how_much_is_shown_is_known_without_a_teacher():
    images, numbers = digits(0, 4)
    data = DataSet("digits", 10, images, numbers, images, images, numbers)
    assert teacher_features.width(configured(), data) == 0
    assert teacher_features.width(configured(**{"train.loss": "pad_l2"}), data) == 84


class InRound(StopSignal):
    """Asks to stop after the first epoch of a round."""

    def __init__(self, round_, folder):
        self.round, self.folder = round_, folder

    @property
    def requested(self):
        return {"round": self.round, "epoch": 1}.items() <= (
            command.rows(self.folder, "epoch") or [{}]
        )[-1].items()


MIXES = {
    "train.loss": "pad_l2",
    "method": "random_mixup",
    "budget": 16,
    "rounds": 1,
    "train.pad_warmup": 0.25,
}
VIEWS = {"train.loss": "sskd", "method": "sskd", "budget": 32}


@pytest.mark.parametrize(("own", "last"), [(MIXES, 1), (VIEWS, 0)])
def test_a_stopped_run_ends_with_the_same_bits(own, last, tmp_path, monkeypatch):
    """The features of round 0 are looked at again; none costs a query of its own."""
    monkeypatch.setattr(relations, "_LEAST_STEPS", 60)
    fields = {
        "n_real": 8, "train.epochs": 2, "train.batch_size": 8, "student": "lenet5_half",
        "teacher.validation": 1, "report.progress": False, "report.tensorboard": False,
        "report.plots": False, "report.html": False, **own,
    }  # fmt: skip
    config, (images, numbers) = configured(**fields), digits(0, 60)
    data = DataSet("digits", 10, images, numbers, images[:40], images[40:], numbers[40:])
    inside, variables = network()
    given = (
        data,
        Teacher(
            "random", functools.partial(prediction.predict, inside, variables), network=network()
        ),
    )
    whole = experiment.run(config, tmp_path / "whole", StopSignal(), *given)
    stopped = tmp_path / "stopped"
    with pytest.raises(Stopped):
        experiment.run(config, stopped, InRound(last, stopped), *given)
    found = experiment.run(config, stopped, StopSignal(), *given)
    assert found["student_sha256"] == whole["student_sha256"]
    assert [row["loss"] for row in found["rounds"]] == [row["loss"] for row in whole["rounds"]]
    assert whole["queries"] == whole["queries_paid"] == own["budget"]


def test_views_of_an_image_are_side_by_side(monkeypatch):
    """What is shown, what is learned about it and what makes a batch agree on where the turns of an
    image are.
    """
    shown = METHODS["sskd"].first.show(IMAGES)[:48]
    batches = training_set.epoch(48, 8, np.random.default_rng(0), views=4)
    for image, *turned in shown[batches.index.reshape(-1, 4)]:
        assert [
            np.array_equal(np.rot90(image, turn + 1), one) for turn, one in enumerate(turned)
        ] == [True] * 3
    seen = []
    monkeypatch.setattr(
        teacher_features,
        "_fit_and_project",
        lambda first, features, key: seen.append(features) or features,
    )
    teacher_features.project_relations(shown.reshape(48, -1).astype(np.float32), 4, 0)
    for turn, views in enumerate(seen[0]):
        np.testing.assert_array_equal(
            views.reshape(IMAGES.shape), np.rot90(IMAGES, turn, axes=(1, 2))
        )
