"""What a teacher with a known network shows: features by hand, the same bits in any round; a black box, nothing."""

import functools

import jax
import numpy as np
import pytest

from amkd import devices, distill, insight, models, training_set
from amkd.errors import UserError
from amkd.images import DataSet
from amkd.stopping import Stopped, StopSignal
from amkd.teachers import Teacher
from tests import command, plain
from tests.small import configured, digits

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
    return training_set.Records(i, j, w)


def part(records, count):
    return training_set.Records(*(column[:count] for column in records))


def test_features_are_those_of_the_very_bytes():
    records, mixes = some_records(3), functools.partial(devices.mixes, IMAGES)
    found = insight.Insight(*network()).of(records, mixes)
    params = {**network()[1]["params"], "fc3": {"kernel": np.eye(84), "bias": np.zeros(84)}}
    for q, row in enumerate(found):
        mixed = plain.mix_bytes(IMAGES[records.i[q]], IMAGES[records.j[q]], records.w[q])
        np.testing.assert_allclose(row, plain.lenet5(params, mixed), rtol=1e-4, atol=1e-4)
    released = insight.Insight(*network()).of(records, functools.partial(devices.mixes, IMAGES, as_released=True))
    assert found.dtype == np.float32 and np.abs(released - found).max() > 1e-3


def test_the_same_bits_in_whichever_round_they_are_looked_at():
    """Only whole blocks are kept; a call for as many as there are looks at nothing."""
    records, looked = some_records(2100), []

    def mixes(asked):
        looked.append(len(asked))
        return devices.mixes(IMAGES, asked)

    grown = insight.Insight(*network())
    for count in (5, 300, 1500, 1500, 2100, 700):
        rows = grown.of(part(records, count), mixes)
    assert looked == [5, 300, 1500, 2100 - 1024]
    whole = insight.Insight(*network()).of(records, mixes)
    np.testing.assert_array_equal(rows, whole[:700])
    np.testing.assert_array_equal(grown.of(records, mixes), whole)


def test_a_black_box_shows_nothing():
    plan = configured(**{"train.loss": "pad_l2"}).train
    box = Teacher("someone", lambda images: np.ones((len(images), 10)))
    with pytest.raises(UserError, match=r"config\.train\.loss='pad_l2' needs the teacher's features"):
        insight.of_teacher(plan, box, 0)
    assert insight.of_teacher(configured().train, box._replace(network=network()), 0) is None
    assert insight.of_teacher(plan, box._replace(network=network()), 0) is not None


def test_how_much_is_shown_is_known_without_a_teacher():
    images, numbers = digits(0, 4)
    data = DataSet("digits", 10, images, numbers, images, images, numbers)
    assert insight.width(configured(), data) == 0
    assert insight.width(configured(**{"train.loss": "pad_l2"}), data) == 84


class InRound1(StopSignal):
    """Asks to stop after the first epoch of round 1."""

    def __init__(self, folder):
        self.folder = folder

    @property
    def requested(self):
        return {"round": 1, "epoch": 1}.items() <= (command.rows(self.folder, "epoch") or [{}])[-1].items()


def test_a_stopped_run_ends_with_the_same_bits(tmp_path):
    """The features of round 0 are looked at again; none costs a query of its own."""
    fields = {
        "train.loss": "pad_l2", "n_real": 8, "budget": 16, "rounds": 1, "method": "random_mixup", "train.epochs": 2,
        "train.batch_size": 8, "train.pad_warmup": 0.25, "student": "lenet5_half", "teacher.validation": 1,
        "report.progress": False, "report.tensorboard": False, "report.plots": False, "report.html": False,
    }  # fmt: skip
    config, (images, numbers) = configured(**fields), digits(0, 60)
    data = DataSet("digits", 10, images, numbers, images[:40], images[40:], numbers[40:])
    inside, variables = network()
    given = data, Teacher("random", functools.partial(devices.predict, inside, variables), network=network())
    whole = distill.run(config, tmp_path / "whole", StopSignal(), *given)
    stopped = tmp_path / "stopped"
    with pytest.raises(Stopped):
        distill.run(config, stopped, InRound1(stopped), *given)
    found = distill.run(config, stopped, StopSignal(), *given)
    assert found["student_sha256"] == whole["student_sha256"]
    assert [row["loss"] for row in found["rounds"]] == [row["loss"] for row in whole["rounds"]]
    assert whole["queries"] == whole["queries_paid"] == 16
