"""Exported files: they answer as the student does, without amkd."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import linen as nn

from amkd import export, models
from amkd.models import prediction
from amkd.models.layers import to_unit
from amkd.models.resnet import Block
from amkd.models.saved_network import SavedNetwork
from tests.support.students import LENET, sample_of, student_of, wake

pytest.importorskip("jax2onnx", reason="pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install -e '.[onnx]'")


ROOT = Path(__file__).resolve().parents[2]


heavy = pytest.mark.heavy


NETWORKS = [
    ("alexnet_half", (32, 32, 3)),
    pytest.param("lenet5", LENET, marks=heavy),
    pytest.param("lenet5_half", LENET, marks=heavy),
    pytest.param("alexnet", (32, 32, 3), marks=heavy),
    pytest.param("vgg16", (32, 32, 3), marks=heavy),
    pytest.param("resnet18", (32, 32, 3), marks=heavy),
    pytest.param("resnet18_224", (64, 64, 3), marks=heavy),
]


def run_onnx(folder: Path, batch: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "student.onnx", providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], {"images": batch})[0]


def run_stablehlo(folder: Path, batch: np.ndarray) -> np.ndarray:
    program = jax.export.deserialize(bytearray((folder / "student.stablehlo").read_bytes()))
    return np.asarray(program.call(batch))


@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_the_files_answer_as_the_student_does(
    model: str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    saved, sample = student_of(model, shape), sample_of(shape)
    told = export.write(saved, tmp_path / "out", sample)
    logits = jax.jit(models.build(model, 10, shape).apply)(saved.variables, sample)
    answers = np.asarray(jax.nn.softmax(logits))
    assert answers.std(0).max() > 0.05  # else every network would answer alike
    for count in (1, 3, 17):
        for name, run in (("onnx", run_onnx), ("stablehlo", run_stablehlo)):
            found = run(tmp_path / "out", sample[20 - count :])
            assert found.dtype == np.float32
            assert found.shape == (count, 10)
            assert np.abs(found - answers[20 - count :]).max() <= 1e-4, (name, count)
    for name in ("onnx", "stablehlo"):
        path = tmp_path / "out" / f"student.{name}"
        assert told[name]["path"] == path
        assert told[name]["bytes"] == path.stat().st_size
        assert 0 <= told[name]["max_difference"] <= 1e-4
    assert told["card"] == tmp_path / "out" / "README.md"


def test_the_program_runs_where_there_is_no_amkd(
    lenet: SavedNetwork, exported: Path, tmp_path: Path
) -> None:
    batch = sample_of(LENET, 5)
    np.save(tmp_path / "images.npy", batch)
    code = (
        "import sys; sys.modules['amkd'] = None\n"
        "import numpy as np\nfrom jax import export\n"
        f"program = export.deserialize(bytearray(open({str(exported / 'student.stablehlo')!r},"
        " 'rb').read()))\n"
        "np.save('answers.npy', np.asarray(program.call(np.load('images.npy'))))\n"
        "print(program.platforms, program.in_avals, program.out_avals)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    # The tests' process compiles in another way, and so rounds differently.
    assert np.abs(np.load(tmp_path / "answers.npy") - lenet.predict(batch)).max() <= 4e-6
    assert "('cpu', 'cuda', 'tpu')" in ran.stdout
    assert "uint8[batch,28,28,1]" in ran.stdout
    assert "float32[batch,10]" in ran.stdout


def test_the_onnx_file_says_what_it_takes(exported: Path) -> None:
    import onnx

    graph = onnx.load(exported / "student.onnx").graph
    (taken,), (given_,) = graph.input, graph.output
    assert (taken.name, given_.name) == ("images", "probabilities")
    assert taken.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert given_.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    sizes = [dim.dim_param or dim.dim_value for dim in taken.type.tensor_type.shape.dim]
    assert sizes == ["B", 28, 28, 1]


def test_no_file_tells_where_it_was_made(exported: Path) -> None:
    for path in exported.iterdir():
        found = path.read_bytes()
        for told in (str(ROOT), "site-packages", str(Path.home()), "amkd/models"):
            assert told.encode() not in found, (path.name, told)


def test_the_same_student_gives_the_same_bytes(
    lenet: SavedNetwork, exported: Path, tmp_path: Path
) -> None:
    export.write(lenet, tmp_path / "again", sample_of(LENET), license="CC-BY-4.0")
    assert sorted(path.name for path in exported.iterdir()) == [
        "README.md",
        "card.json",
        "student.onnx",
        "student.stablehlo",
    ]
    for path in exported.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


class Residual(models.Network):
    """A small network with what a ResNet has: sums of convolutions, with and without one on the
    shortcut.
    """

    def setup(self) -> None:
        self.conv = nn.Conv(4, (3, 3), padding=1, use_bias=False)
        self.blocks = [
            Block(width, stride, self.form, self.dtype, None)
            for width, stride in ((4, 1), (4, 1), (8, 2))
        ]
        self.fc = nn.Dense(self.classes)

    def stem(self, images: jax.Array, train: bool = False) -> jax.Array:
        return self.conv(to_unit(images, self.dtype))

    def trunk(self, h: jax.Array, train: bool = False, keys: jax.Array | None = None) -> jax.Array:
        x = nn.relu(h)
        for block in self.blocks:
            x = block(x, train)
        return self.fc(x.mean((1, 2)))


def test_residual_sums_are_converted(tmp_path: Path) -> None:
    network, shape = Residual(classes=3), (8, 8, 1)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(0)))
    variables = jax.tree_util.tree_map_with_path(wake, variables)
    (tmp_path / "student.onnx").write_bytes(export.onnx.dump(network, variables, shape))
    sample = sample_of(shape)
    answers = np.asarray(prediction.exportable(network, variables)(sample))
    assert answers.std(0).max() > 0.01
    assert np.abs(run_onnx(tmp_path, sample) - answers).max() <= 1e-5


@pytest.mark.parametrize(
    "network", [Residual(classes=3), models.build("lenet5_half", 3, (20, 20, 2))]
)
def test_networks_run_and_train_after_a_conversion(exported: Path, network: models.Network) -> None:
    """What jax2onnx replaces in JAX and Flax while it converts is all put back, also in JAX's
    caches.
    """
    shape = (20, 20, 2)
    variables = prediction.init(network, shape, jax.random.key(0))
    batch = np.zeros((4, *shape), np.uint8)

    def loss(params: Any) -> Any:
        logits, _ = network.apply(
            {**variables, "params": params}, batch, True, mutable=["batch_stats"]
        )
        return (logits**2).sum()

    assert np.allclose(prediction.exportable(network, variables)(batch).sum(-1), 1)
    assert all(
        np.isfinite(leaf).all()
        for leaf in jax.tree.leaves(jax.jit(jax.grad(loss))(variables["params"]))
    )
