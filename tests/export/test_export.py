"""Exported students: the files answer as the student does, without amkd; the card says what is
known.
"""

import functools
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from amkd import export, models
from amkd.core import checkpoint
from amkd.core.errors import UserError
from amkd.data import sources
from amkd.export import agreement, card
from amkd.models import prediction
from amkd.models.layers import to_unit
from amkd.models.resnet import Block
from amkd.models.saved_network import SavedNetwork

pytest.importorskip(
    "jax2onnx", reason="the extra 'onnx' is not installed: pip install -e '.[onnx]'"
)
pytest.importorskip(
    "onnxruntime", reason="the extra 'onnx' is not installed: pip install -e '.[onnx]'"
)

ROOT = Path(__file__).resolve().parents[2]
LENET = (28, 28, 1)
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
KNOWN = {
    "dataset": "digits",
    "data_key": "5d1f",
    "n_real": 200,
    "teacher": "oip:host/digits:3",
    "queries": 1000,
    "evaluation_queries": 497,
    "cost": 1.25,
    "currency": "EUR",
    "class_names": ["nil", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "test_accuracy": 0.971,
    "agreement": 0.9823,
    "agreement_images": 497,
    "config": {"seed": 0, "search.lam_low": 0.3},
}


@functools.cache
def digits(size: int) -> np.ndarray:
    return sources.load("digits", cache_dir=Path(), size=size).pool_images[:20]


def sample_of(shape: tuple[int, ...], count: int = 20) -> np.ndarray:
    return np.repeat(digits(shape[0])[:count], shape[2], -1)


def wake(path: Any, leaf: Any) -> np.ndarray:
    """Variables as after a training: no statistic is 0 or 1, and no layer fades."""
    name = jax.tree_util.keystr(path)
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))
    if leaf.ndim > 1:
        return np.asarray(leaf / leaf.std() * np.float32((2 * leaf.shape[-1] / leaf.size) ** 0.5))
    low, high = (0.8, 1.2) if "scale" in name or "var" in name else (-0.1, 0.1)
    return rng.uniform(low, high, leaf.shape).astype(np.float32)


def student_of(model: str, shape: tuple[int, ...], **more: Any) -> SavedNetwork:
    """A student whose answers differ from image to image."""
    network = models.build(model, 10, shape)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(1)))
    variables = jax.tree_util.tree_map_with_path(wake, variables)
    last = variables["params"]["fc" if "fc" in variables["params"] else "fc3"]
    logits = np.asarray(jax.jit(network.apply)(variables, sample_of(shape)))
    last["bias"] = last["bias"] - logits.mean(0)
    for part in ("kernel", "bias"):
        last[part] = last[part] * np.float32(2 / logits.std(0).max())
    return SavedNetwork(
        {**_card(model, shape), "sha256": checkpoint.sha256(variables), **more}, variables
    )


def _card(model: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"role": "student", "model": model, "classes": 10, "shape": list(shape)}


@pytest.fixture(scope="module")
def lenet() -> SavedNetwork:
    return student_of("lenet5_half", LENET, **KNOWN)


@pytest.fixture(scope="module")
def exported(lenet: SavedNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished export of the LeNet, to be read only."""
    folder: Path = tmp_path_factory.mktemp("export") / "out"
    export.write(lenet, folder, sample_of(LENET), license="CC-BY-4.0")
    return folder


def run_onnx(folder: Path, batch: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        folder / "student.onnx", providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], {"images": batch})[0]


def run_stablehlo(folder: Path, batch: np.ndarray) -> np.ndarray:
    program = jax.export.deserialize(bytearray((folder / "student.stablehlo").read_bytes()))
    return np.asarray(program.call(batch))


# Files.


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
    assert np.abs(np.load(tmp_path / "answers.npy") - lenet.predict(batch)).max() <= 1e-6
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


# Checks.


def test_a_file_of_another_network_is_not_left_behind(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = jax.tree.map(lambda leaf: leaf * np.float32(0.9), lenet.variables)
    dump, sample = export.onnx.dump, sample_of(LENET)
    wanted = np.abs(SavedNetwork(lenet.card, other).predict(sample) - lenet.predict(sample)).max()
    assert wanted > 1e-3
    monkeypatch.setattr(
        export.onnx, "dump", lambda network, variables, shape: dump(network, other, shape)
    )
    with pytest.raises(UserError, match=r"the onnx file differs by .*formats=stablehlo") as raised:
        export.write(lenet, tmp_path / "out", sample)
    assert f"differs by {wanted:.2g} " in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def answers_of(batch: np.ndarray) -> np.ndarray:
    share = batch[:, 0, 0, 0].astype(np.float32) / 255
    return np.stack([share, 1 - share], -1)


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (lambda batch: answers_of(batch) + np.float32(2e-4), "differs by 0.0002"),
        (
            lambda batch: np.where(batch[:, 0, 0] == 19, np.float32(np.nan), answers_of(batch)),
            "differs by nan",
        ),
        (lambda batch: answers_of(batch)[:1], r"gives float32\[1, 2\] for 3 images"),
        (lambda batch: answers_of(batch).astype(np.float64), r"gives float64\[1, 2\] for 1 images"),
        (lambda batch: answers_of(batch).reshape(5, -1), r"cannot be run on 1 images \(ValueError"),
    ],
)
def test_what_the_check_refuses(run: Callable[[np.ndarray], np.ndarray], said: str) -> None:
    sample = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1)
    with pytest.raises(UserError, match=f"the stablehlo file {said}.*formats=onnx"):
        agreement.check("stablehlo", run, sample, answers_of(sample))


def test_the_check_sees_every_image_and_three_batch_sizes() -> None:
    sample, seen = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1), []

    def run(batch: np.ndarray) -> np.ndarray:
        seen.append(batch.ravel().tolist())
        return answers_of(batch) + np.float32(5e-5) * (batch[:, 0, 0] == 199)

    assert agreement.check("onnx", run, sample, answers_of(sample)) == pytest.approx(5e-5, rel=1e-2)
    assert seen == [[0], [0, 1, 2], list(range(17)), list(range(200))]
    assert agreement.check("onnx", answers_of, sample[:1], answers_of(sample[:1])) == 0


# The folder.


def test_an_earlier_export_is_replaced(lenet: SavedNetwork, tmp_path: Path) -> None:
    sample, folder = sample_of(LENET, 2), tmp_path / "deep" / "out"
    for license in ("first", "second"):
        told = export.write(lenet, folder, sample, ("stablehlo",), license)
        assert set(told) == {"stablehlo", "card"}
        assert json.loads((folder / "card.json").read_text())["license"] == license
    assert [path.name for path in folder.parent.iterdir()] == ["out"]
    assert folder.stat().st_mode & 0o777 == (tmp_path / "deep").stat().st_mode & 0o777


def test_a_failure_leaves_the_earlier_export(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample, folder = sample_of(LENET, 2), tmp_path / "out"
    export.write(lenet, folder, sample, ("stablehlo",))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(card, "text", lambda found: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export.write(lenet, folder, sample, ("stablehlo",))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.txt", "x"),
        ("card.json", '{"kind": "other"}'),
        ("card.json", "{"),
        ("card.json", "[]"),
    ],
)
def test_what_is_not_ours_is_refused(
    lenet: SavedNetwork, tmp_path: Path, name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    for folder in (tmp_path, tmp_path / name):
        with pytest.raises(UserError, match="is no earlier export"):
            export.write(lenet, folder, sample_of(LENET, 1), ("stablehlo",))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


def test_an_export_with_a_file_of_the_users_is_refused(lenet: SavedNetwork, tmp_path: Path) -> None:
    sample, folder = sample_of(LENET, 1), tmp_path / "out"
    folder.mkdir()  # an empty folder is no obstacle
    export.write(lenet, folder, sample, ("stablehlo",))
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no earlier export"):
        export.write(lenet, folder, sample, ("stablehlo",))
    assert (folder / "notes.txt").read_text() == "mine"


# Input.


@pytest.mark.parametrize("missing", ["jax2onnx", "onnxruntime", "onnx"])
def test_a_missing_package_is_named(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    sample = sample_of(LENET, 1)
    with pytest.raises(
        UserError, match=rf"needs {missing} .*'\.\[onnx\]'.*--config\.export\.formats=stablehlo"
    ):
        export.write(lenet, tmp_path / "out", sample)
    export.write(lenet, tmp_path / "out", sample, ("stablehlo",))


def test_a_network_that_cannot_be_converted_is_reported(
    lenet: SavedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jax2onnx

    def fail(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("no plugin for 'sort'")

    monkeypatch.setattr(jax2onnx, "to_onnx", fail)
    with pytest.raises(UserError, match=r"no plugin for 'sort'.*formats=stablehlo"):
        export.write(lenet, tmp_path / "out", sample_of(LENET, 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [(), ("tflite",), ("onnx", "pickle")])
def test_unknown_formats_are_refused(
    lenet: SavedNetwork, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    with pytest.raises(UserError, match=r"config\.export\.formats=.*stablehlo, onnx"):
        export.write(lenet, tmp_path / "out", sample_of(LENET, 1), formats)


@pytest.mark.parametrize(
    "sample",
    [
        np.zeros((0, 28, 28, 1), np.uint8),
        np.zeros((2, 28, 28, 3), np.uint8),
        np.zeros((28, 28, 1), np.uint8),
        np.zeros((2, 28, 28, 1), np.float32),
    ],
)
def test_images_of_another_kind_are_refused(
    lenet: SavedNetwork, tmp_path: Path, sample: np.ndarray
) -> None:
    with pytest.raises(UserError, match=r"config\.data\.size"):
        export.write(lenet, tmp_path / "out", sample, ("stablehlo",))


def test_teachers_are_not_exported(lenet: SavedNetwork, tmp_path: Path) -> None:
    teacher = lenet._replace(card={**lenet.card, "role": "teacher"})
    with pytest.raises(UserError, match="a saved teacher is not exported"):
        export.write(teacher, tmp_path / "out", sample_of(LENET, 1), ("stablehlo",))


# The card.


def row(text: str, name: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", text, re.MULTILINE)
    return found


def test_the_card_says_what_is_known(lenet: SavedNetwork, exported: Path) -> None:
    text = (exported / "README.md").read_text()
    assert text.startswith("# lenet5_half, a distilled student\n")
    expected = {
        "Network": "lenet5_half",
        "Classes": "10; names: 0 nil, 1 one, 2 two, 3 three, 4 four, 5 five, 6 six, 7 seven, 8"
        " eight, 9 nine",
        "SHA-256 of the student": checkpoint.sha256(lenet.variables),
        "Licence": "CC-BY-4.0",
        "Teacher": "oip:host/digits:3",
        "Queries to the teacher": "1000",
        "Queries for evaluation": "497",
        "Cost": "1.25 EUR",
        "Data set": "digits",
        "Key of the data": "5d1f",
        "Real images": "200",
        "Accuracy on test images": "97.10%",
        "Agreement with the teacher": "98.23% (images: 497)",
    }
    assert {name: row(text, name) for name in expected} == expected
    assert row(text, "Input").startswith("`uint8[B, 28, 28, 1]`")
    assert "values 0 to 255" in row(text, "Input")
    (config,) = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert json.loads(config) == KNOWN["config"]


def test_the_card_as_data_says_the_same(lenet: SavedNetwork, exported: Path) -> None:
    found = json.loads((exported / "card.json").read_text())
    assert {name: found[name] for name in lenet.card} == lenet.card
    assert found["license"] == "CC-BY-4.0"
    for facts in found["formats"].values():
        path = exported / facts["file"]
        assert facts["bytes"] == path.stat().st_size
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(found["formats"]) == {"onnx", "stablehlo"}


def test_what_is_unknown_is_said_to_be() -> None:
    text = card.text(card.data(_card("lenet5", LENET), {}, ""))
    for name in (
        "Teacher",
        "Queries to the teacher",
        "Queries for evaluation",
        "Cost",
        "Data set",
        "Real images",
    ):
        assert row(text, name).strip() == "not recorded"
    for name in (
        "Key of the data",
        "SHA-256 of the student",
        "Accuracy on test images",
        "Agreement with the teacher",
    ):
        assert row(text, name) == "not recorded"
    assert row(text, "Licence") == "not stated: set --config.export.license"
    assert row(text, "Classes") == "10; names: not recorded"
    assert text.endswith("## Configuration of the run\n\nnot recorded\n")


def test_what_was_not_measured_is_said_to_be() -> None:
    text = card.text(
        card.data(
            {**_card("lenet5", LENET), "test_accuracy": None, "agreement": None, "cost": 0}, {}, ""
        )
    )
    assert row(text, "Accuracy on test images") == "not measured"
    assert row(text, "Agreement with the teacher") == "not measured"
    assert row(text, "Cost").strip() == "0"


@given(st.text())
def test_no_text_breaks_out_of_its_cell(words: str) -> None:
    text = card.text(
        card.data({**_card("lenet5", LENET), "teacher": words, "class_names": [words]}, {}, words)
    )
    lines = text.split("\n")
    for name in ("Teacher", "Classes", "Licence"):
        (line,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert len(re.findall(r"(?<!\\)\|", line)) == 3
    plain = card.text(
        card.data({**_card("lenet5", LENET), "teacher": "t", "class_names": ["t"]}, {}, "t")
    )
    assert len(lines) == len(plain.split("\n"))


def test_the_cards_code_runs(
    lenet: SavedNetwork, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(exported)
    blocks = re.findall(r"```python\n(.*?)```", (exported / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        assert len(block.splitlines()) == 5
        names: dict[str, Any] = {}
        exec(block, names)
        assert (
            np.abs(names["probabilities"] - lenet.predict(np.zeros((2, 28, 28, 1), np.uint8))).max()
            <= 1e-4
        )
