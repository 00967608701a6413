"""A student of the user's own: the documented example, what is refused, and a whole run."""

import re
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from amkd import models
from amkd.core.errors import UserError
from amkd.core.stopping import Stopped, StopSignal
from amkd.data.dataset import DataSet
from amkd.models import inference, prediction, user_network
from amkd.run import experiment
from amkd.run.checks import check_assistant, needs_of_student
from amkd.teachers import Teacher
from amkd.training import losses
from tests.support import counting_teacher
from tests.support.small import configured, digits

SHAPE = (8, 8, 1)
_LINES = user_network.__doc__.split("::\n", 1)[1].split("Requirements:")[0]
EXAMPLE = textwrap.dedent(_LINES)


@pytest.fixture(scope="module", autouse=True)
def my_module(tmp_path_factory):
    """The module of the documentation, importable by its name."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_module.py").write_text(EXAMPLE)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("my_module", None)


class Plain(nn.Module):
    """Takes no ``train``."""

    classes: int
    widths: tuple[int, ...] = (4,)

    @nn.compact
    def __call__(self, images):
        return nn.Dense(self.classes)(images.reshape(len(images), -1) / 255)


class Counting(Plain):
    @nn.compact
    def __call__(self, images):
        self.variable("counts", "calls", lambda: jnp.zeros(()))
        return super().__call__(images)


def plain(classes, shape):
    return Plain(classes)


def unhashable(classes, shape):
    return Plain(classes, [4])


def wrong_classes(classes, shape):
    return Plain(classes + 1)


def counting(classes, shape):
    return Counting(classes)


def no_module(classes, shape):
    return 3


def failing(classes, shape):
    raise ValueError("no idea")


def built_in(classes, shape):
    return models.build("lenet5_half", classes, shape)


OWN = losses.LOSSES["soft"]


def own(name):
    return f"{__name__}:{name}"


def test_the_search_mixes_images():
    """The stem is the identity; features are logits; the same network by each name."""
    network = models.build("my_module:build", 10, SHAPE)
    assert network is models.build("my_module:build", 10, SHAPE)
    variables = prediction.init(network, SHAPE, jax.random.key(0))
    images = digits(0, 3)[0]
    stem = inference.stem(network, variables, images)
    np.testing.assert_array_equal(stem, images.astype(np.float32))
    answers, features = prediction.predict_with_features(network, variables, images)
    np.testing.assert_allclose(jax.nn.softmax(features), answers, atol=1e-6)
    np.testing.assert_allclose(answers, prediction.predict(network, variables, images), atol=1e-6)
    assert network.feature_count(variables) == 10
    assert set(variables) == {"params", "batch_stats"}


def test_a_module_without_train_and_a_network_are_taken_as_they_are():
    network = models.build(own("plain"), 10, SHAPE)
    variables = jax.device_get(prediction.init(network, SHAPE, jax.random.key(0)))
    images = digits(0, 3)[0]
    (layer,) = variables["params"]["module"].values()
    expected = images.reshape(3, -1) / 255 @ layer["kernel"] + layer["bias"]
    np.testing.assert_allclose(network.apply(variables, images), expected, atol=1e-5)
    assert models.build(own("built_in"), 10, SHAPE) == models.build("lenet5_half", 10, SHAPE)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tests.models.test_user_network:nothing", r"has no attribute 'nothing'"),
        ("no_such_module:build", r"there is no module 'no_such_module'"),
        ("lenet", r"config\.student='lenet': must be one of lenet5, "),
        (own("SHAPE"), r"must name a function of \(classes, shape\)"),
        (own("failing"), r"build\(10, \(8, 8, 1\)\) failed: ValueError"),
        (own("no_module"), r"must return a flax.linen module, but returned a int"),
        (own("unhashable"), r"cannot be hashed; use a tuple"),
        (own("wrong_classes"), r"must return logits \[B, 10\], but returns \[2, 11\]"),
        (own("counting"), r"may have only the collections params and batch_stats, but has counts"),
    ],
)
def test_what_is_no_student_is_refused(name, told):
    with pytest.raises(UserError, match=told):
        models.build(name, 10, SHAPE)


def test_what_is_no_assistant_is_refused():
    named = r"config\.assistant\.model='.*': must return logits"
    with pytest.raises(UserError, match=named):
        models.build(own("wrong_classes"), 10, SHAPE, field="assistant.model")
    settings = configured(**{"assistant.model": own("plain"), "assistant.train.loss": "pad_kl"})
    images, numbers = digits(0, 3)
    data = DataSet("digits", 10, images, numbers, images, images, numbers)
    with pytest.raises(UserError, match=r"train\.loss='pad_kl': needs the assistant's last layer"):
        check_assistant(settings, data)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"search.acquisition": "badge"}, r"acquisition='badge': needs the student's last layer"),
        ({"search.acquisition": "bald"}, r"acquisition='bald': needs dropout by image"),
        ({"train.loss": "pad_kl"}, r"train\.loss='pad_kl': needs the student's last layer"),
    ],
)
def test_what_needs_the_last_layer_is_refused(fields, told):
    settings = configured(**{"student": own("plain"), "search.candidates": 2.0, **fields})
    (reason,) = needs_of_student(settings, models.build(own("plain"), 10, SHAPE))
    assert __name__ in reason
    assert re.search(told, reason)
    assert not list(needs_of_student(settings, models.build("lenet5_half", 10, SHAPE)))


def test_a_loss_of_ones_own():
    assert configured(**{"train.loss": own("OWN")}).train.loss == own("OWN")
    assert losses.find(own("OWN")) is OWN
    with pytest.raises(UserError, match=r"train\.loss=.*: is a tuple, but must be an"):
        losses.find(own("SHAPE"))
    with pytest.raises(UserError, match=r"train\.loss='sof': must be one of .*did you mean 'soft'"):
        configured(**{"train.loss": "sof"})


class AfterEpochs(StopSignal):
    """Asks to stop after it has been looked at so often."""

    def __init__(self, looks):
        self.looks = looks

    @property
    def requested(self):
        self.looks -= 1
        return self.looks < 0


def test_active_mixup_with_ones_own_student_and_loss(tmp_path, monkeypatch):
    """A run that is stopped in every phase ends with the same bits as one that is not."""
    monkeypatch.setenv("COUNTING_TEACHER_LOG", str(tmp_path / "asked.txt"))
    fields = {
        "student": "my_module:build", "train.loss": own("OWN"), "n_real": 20, "budget": 40,
        "teacher.validation": 1,
        "rounds": 1, "train.epochs": 2, "train.min_steps": 0, "train.batch_size": 16,
        "checkpoint.seconds": 0.0, "report.progress": False, "report.tensorboard": False,
        "report.plots": False, "report.html": False,
    }  # fmt: skip
    config, (images, numbers) = configured(**fields), digits(0, 80)
    data = DataSet("digits", 10, images, numbers, images[:40], images[40:], numbers[40:])
    given = data, Teacher("own", counting_teacher.answer)
    whole = experiment.run(config, tmp_path / "whole", StopSignal(), *given)
    stops = 0
    for looks in range(3, 60, 3):
        try:
            found = experiment.run(config, tmp_path / "stopped", AfterEpochs(looks), *given)
            break
        except Stopped:
            stops += 1
    assert stops > 1
    assert found["student_sha256"] == whole["student_sha256"]
    assert whole["queries"] == found["queries"] == 40
