"""A student may see images at another size than the teacher is asked about."""

from functools import partial

import jax
import numpy as np
import pytest
from flax import linen as nn

from amkd import export, models
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.methods import student
from amkd.models import inference, prediction
from amkd.models.resizing import resized
from amkd.models.saved_network import load_network
from amkd.run import experiment
from amkd.teachers import Teacher
from tests.support import counting_teacher
from tests.support.small import configured, digits


class Flat(nn.Module):
    classes: int

    @nn.compact
    def __call__(self, images):
        return nn.Dense(self.classes)(images.reshape(len(images), -1) / 255)


def flat(classes, shape):
    assert shape in ((16, 16, 3), (16, 18, 3))
    return Flat(classes)


@pytest.mark.parametrize("side", [16, (16, 18)])
@pytest.mark.parametrize("name", ["lenet5_half", f"{__name__}:flat"])
def test_it_is_the_network_on_resized_images(name, side):
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), np.uint8)
    network = models.build(name, 10, images.shape[1:], side=side)
    variables = prediction.init(network, images.shape[1:], jax.random.key(0))
    small = resized(images, side)
    expected = network.clone(side=0).apply(variables, small)
    np.testing.assert_allclose(network.apply(variables, images), expected, atol=1e-5)
    # The resize belongs to the stem, which is affine: mixed activations are those of the mix.
    h = inference.stem(network, variables, images)
    mixed = images[:1] * np.float32(0.25) + images[1:] * np.float32(0.75)
    np.testing.assert_allclose(
        0.25 * h[:1] + 0.75 * h[1:], inference.stem(network, variables, mixed), atol=1e-3
    )


@pytest.mark.parametrize(
    ("size", "width", "seen", "side"),
    [(0, 0, (12, 16), 0), (6, 0, (6, 8), (6, 8)), (6, 6, (6, 6), 6), (5, 0, (5, 7), (5, 7))],
)
def test_the_student_keeps_the_proportions_unless_it_is_told_a_width(size, width, seen, side):
    settings = Settings(student_size=size, student_width=width)
    assert student.seen_shape(settings, (12, 16, 3)) == (*seen, 3)
    assert student.student_of(settings, 10, (12, 16, 3)).side == side


def test_a_size_that_the_network_does_not_take_names_its_field():
    with pytest.raises(
        UserError, match=r"44x53; set --config\.student_size=48 and --config\.student_width=48"
    ):
        models.build("vit_small_patch16_224", 10, (48, 64, 3), side=(44, 53))
    with pytest.raises(
        UserError, match=r"33x60; set --config\.student_size=32 and --config\.student_width=64"
    ):
        models.build("vit_small_patch16_224", 10, (33, 60, 3))
    with pytest.raises(UserError, match=r"40x40; set --config\.student_size=32"):
        models.build("lenet5", 10, (8, 8, 1), side=40)
    with pytest.raises(UserError, match=r"8x8; set --config\.student_size=15"):
        models.build("alexnet", 10, (8, 8, 1))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that asks about images of 8 rows and 10 columns, whose student sees 12 rows; and what
    was asked.
    """
    folder = tmp_path_factory.mktemp("sizes")
    asked = []

    def answer(images):
        asked.append(images.shape[1:])
        return counting_teacher.answer(images[:, :, 1:-1])

    settings = configured(
        **{
            "student_size": 12, "teacher.validation": 1, "n_real": 20, "budget": 40, "rounds": 1,
            "train.epochs": 2, "train.min_steps": 0, "train.batch_size": 16,
            "report.progress": False, "report.tensorboard": False, "report.plots": False,
            "report.html": False,
        }
    )  # fmt: skip
    images, numbers = digits(0, 80)
    images = np.pad(images, [(0, 0), (0, 0), (1, 1), (0, 0)])
    data = DataSet("digits", 10, images, numbers, images[:40], images[40:], numbers[40:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COUNTING_TEACHER_LOG", str(folder / "asked.txt"))
        summary = experiment.run(
            settings, folder / "run", StopSignal(), data, Teacher("own", answer)
        )
    return folder, summary, asked, images[40:]


def test_the_teacher_sees_the_images_at_their_own_size(run):
    folder, summary, asked, _ = run
    assert set(asked) == {(8, 10, 1)} and summary["queries"] == 40
    saved = load_network(folder / "run" / "student")
    assert (saved.card["shape"], saved.card["side"]) == ([8, 10, 1], [12, 15])
    assert saved.network().side == (12, 15)


def test_the_exported_file_takes_images_of_the_teachers_size(run, tmp_path):
    pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")
    pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
    import onnxruntime

    folder, _, _, images = run
    saved = load_network(folder / "run" / "student")
    export.write(saved, tmp_path / "out", images[:20])
    session = onnxruntime.InferenceSession(
        tmp_path / "out" / "student.onnx", providers=["CPUExecutionProvider"]
    )
    found = session.run(["probabilities"], {"images": images})[0]
    np.testing.assert_allclose(found, saved.predict(images), atol=1e-4)
    # It is not a network of another size: the same variables, seeing 8 rows, answer otherwise.
    other = saved.network().clone(side=0)
    unlike = jax.jit(partial(inference.predict, other, saved.variables))(images)
    assert np.abs(found - np.asarray(unlike)).max() > 0.01
