"""Teachers in ONNX files: small graphs made by hand, and a student that was exported."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from amkd import export, models
from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OnnxSettings
from amkd.core.errors import UserError
from amkd.models import prediction
from amkd.models.saved_network import SavedNetwork
from amkd.teachers import onnx as onnx_teacher
from amkd.teachers.image_spec import ImageSpec

onnx = pytest.importorskip(
    "onnx", reason="the extra 'onnx' is not installed: pip install -e '.[onnx]'"
)
pytest.importorskip(
    "onnxruntime", reason="the extra 'onnx' is not installed: pip install -e '.[onnx]'"
)

AUTO = Pixels("auto", "auto")
SHAPE = (2, 3, 1)
FLOAT, UINT8, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.INT64


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Any = (),
) -> Path:
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs, constants)
    model = onnx.helper.make_model(
        graph,
        opset_imports=[onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid("ai.onnx.ml", 3)],
        ir_version=10,
    )
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def value(name: str, dtype: int, shape: Sequence[int | str | None] | None) -> Any:
    return onnx.helper.make_tensor_value_info(name, dtype, shape)


def node(op: str, taken: str, given: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(op, taken.split(), given.split(), **attributes)


def flat(
    path: Path, sizes: Sequence[int | str | None], dtype: int = FLOAT, columns: int | str = 6
) -> Path:
    """A model that gives an image's values, flattened, as its scores."""
    nodes = [node("Flatten", "x", "f", axis=1), node("Cast", "f", "y", to=FLOAT)]
    return save(path, nodes, [value("x", dtype, sizes)], [value("y", FLOAT, ["N", columns])])


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), np.uint8)


def load(path: Path, pixels: Pixels = AUTO, **given: Any) -> Any:
    model = OnnxSettings(str(path), given.get("input", ""), given.get("output", ""))
    images = ImageSpec(given.get("shape", SHAPE), given.get("classes", 6), given.get("names", ()))
    return onnx_teacher.load(
        model,
        pixels=pixels,
        images=images,
        identity=given.get("identity", ""),
        hard_labels=given.get("hard_labels", False),
    )


# Answers.


def test_scores_are_the_models_own(tmp_path: Path) -> None:
    batch = images(5)
    teacher = load(
        flat(tmp_path / "m.onnx", ["N", 2, 3, 1]), Pixels("auto", "auto", 255.0, (0.5,), (0.5,))
    )
    found = teacher.ask(batch)
    assert found.dtype == np.float32
    assert np.abs(found - (batch.reshape(5, 6) / 255 - 0.5) / 0.5).max() < 1e-6


@pytest.mark.parametrize("sizes", [["N", 1, 2, 3], [None, 1, None, None]])
def test_layout_and_type_are_taken_from_the_model(
    tmp_path: Path, sizes: list[int | str | None]
) -> None:
    """Channels first of one channel is the same values in the same order."""
    batch = images(2)
    for dtype in (UINT8, FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE):
        found = load(flat(tmp_path / "m.onnx", sizes, dtype)).ask(batch)
        assert np.array_equal(found, batch.reshape(2, 6))


def test_channels_first_is_transposed(tmp_path: Path) -> None:
    path = flat(tmp_path / "m.onnx", ["N", 3, 1, 2], UINT8)
    batch = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)
    assert load(path, shape=(1, 2, 3)).ask(batch).tolist() == [[0, 3, 1, 4, 2, 5]]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8])
def test_a_fixed_batch_is_filled_up(tmp_path: Path, count: int) -> None:
    path = flat(tmp_path / "m.onnx", [4, 2, 3, 1], UINT8)
    assert np.array_equal(load(path).ask(images(count)), images(count).reshape(count, 6))


def test_several_threads_may_ask(tmp_path: Path) -> None:
    teacher = load(flat(tmp_path / "m.onnx", [2, 2, 3, 1], UINT8))
    batches = [np.full((5, *SHAPE), number, np.uint8) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(teacher.ask, batches)):
            assert np.array_equal(found, np.full((5, 6), number))


def test_names_choose_among_outputs(tmp_path: Path) -> None:
    nodes = [
        node("Flatten", "x", "f", axis=1),
        node("Cast", "f", "y", to=FLOAT),
        node("Neg", "y", "z"),
    ]
    nodes.append(node("ArgMax", "y", "label", axis=1, keepdims=0))
    outputs = [
        value("label", INT64, ["N"]),
        value("y", FLOAT, ["N", 6]),
        value("z", FLOAT, ["N", 6]),
    ]
    path = save(tmp_path / "m.onnx", nodes, [value("x", UINT8, ["N", 2, 3, 1])], outputs)
    assert np.array_equal(
        load(path, input="x", output="z").ask(images(2)),
        -images(2).reshape(2, 6).astype(np.float32),
    )
    with pytest.raises(
        UserError, match=r"config\.teacher\.onnx\.output is empty.*'label', 'y', 'z'"
    ):
        load(path)
    with pytest.raises(UserError, match=r"config\.teacher\.onnx\.output='p' .*'label', 'y', 'z'"):
        load(path, output="p")
    with pytest.raises(UserError, match=r"config\.teacher\.onnx\.output='label'.*int64"):
        load(path, output="label")
    with pytest.raises(UserError, match=r"config\.teacher\.onnx\.input='images' .*'x'"):
        load(path, input="images", output="y")


def test_an_exported_student_is_a_teacher(tmp_path: Path) -> None:
    pytest.importorskip(
        "jax2onnx", reason="the extra 'onnx' is not installed: pip install -e '.[onnx]'"
    )
    shape = (8, 8, 1)
    network = models.build("lenet5_half", 10, shape)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(0)))
    card = {"role": "student", "model": "lenet5_half", "classes": 10, "shape": list(shape)}
    saved = SavedNetwork(card, variables)
    batch = np.random.default_rng(0).integers(0, 256, (7, *shape), np.uint8)
    export.write(saved, tmp_path / "out", batch, formats=("onnx",))
    teacher = load(tmp_path / "out" / "student.onnx", shape=shape, classes=10)
    assert np.abs(teacher.ask(batch) - saved.predict(batch)).max() < 1e-4
    assert teacher.identity.startswith("onnx:student:")


# Identity.


def test_the_identity_follows_from_the_file(tmp_path: Path) -> None:
    path = flat(tmp_path / "model.v2.onnx", ["N", 2, 3, 1])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(path).identity == f"onnx:model.v2:{digest[:16]}"
    assert load(path, identity="mine").identity == "mine"


def test_weights_beside_the_file_are_part_of_the_identity(tmp_path: Path) -> None:
    def with_weights(folder: Path, number: float) -> Path:
        folder.mkdir()
        weight = onnx.numpy_helper.from_array(np.full((6, 6), number, np.float32), "w")
        nodes = [node("Flatten", "x", "f", axis=1), node("MatMul", "f w", "y")]
        path = save(
            folder / "m.onnx",
            nodes,
            [value("x", FLOAT, ["N", 2, 3, 1])],
            [value("y", FLOAT, ["N", 6])],
            [weight],
        )
        onnx.save(
            onnx.load(path), path, save_as_external_data=True, location="m.data", size_threshold=0
        )
        return path

    one, two = with_weights(tmp_path / "one", 1), with_weights(tmp_path / "two", 2)
    assert one.read_bytes() == two.read_bytes()
    assert load(one).identity != load(two).identity
    copy = tmp_path / "copy"
    shutil.copytree(one.parent, copy)
    assert load(copy / "m.onnx").identity == load(one).identity
    ones = np.ones((1, *SHAPE), np.uint8)
    assert load(two).ask(ones).tolist() == [[12.0] * 6]


# What is refused, before the first image.


@pytest.mark.parametrize(
    ("sizes", "dtype", "pixels", "said"),
    [
        (["N", 4, 4, 1], FLOAT, AUTO, r"'x' has the shape \[-1, 4, 4, 1\].*\(2, 3, 1\)"),
        (["N", 1, 2, 3], FLOAT, Pixels("nhwc", "auto"), r"config\.teacher\.pixels\.layout='nhwc'"),
        (["N", None, None, None], FLOAT, AUTO, r"set config\.teacher\.pixels\.layout"),
        (["N", 6], FLOAT, AUTO, r"'x' has the shape \[-1, 6\]"),
        (["N", 2, 3], FLOAT, AUTO, r"'x' has the shape"),
        (["N", 2, 3, 1], INT64, AUTO, r"'x' takes int64"),
        (
            ["N", 2, 3, 1],
            UINT8,
            Pixels("auto", "float32"),
            r"config\.teacher\.pixels\.dtype='float32'.*uint8",
        ),
        (["N", 2, 3, 1], UINT8, Pixels("auto", "auto", 255.0), r"config\.teacher\.pixels\.divide"),
        (
            ["N", 2, 3, 1],
            FLOAT,
            Pixels("auto", "auto", 255.0, (1.0, 2.0)),
            r"config\.teacher\.pixels\.mean",
        ),
    ],
)
def test_inputs_that_do_not_take_the_images(
    tmp_path: Path, sizes: list[Any], dtype: int, pixels: Pixels, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        load(flat(tmp_path / "m.onnx", sizes, dtype, "Y"), pixels)


def test_another_number_of_classes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.teacher\.onnx\.output='': .*7 classes"):
        load(flat(tmp_path / "m.onnx", ["N", 2, 3, 1]), classes=7)


def test_a_free_number_of_classes_is_checked_on_the_answer(tmp_path: Path) -> None:
    teacher = load(flat(tmp_path / "m.onnx", ["N", 2, None, 1], FLOAT, "Y"), classes=7)
    with pytest.raises(
        UserError, match=r"config\.teacher\.onnx\.output='y' has shape \(2, 6\) for 2 images of 7"
    ):
        teacher.ask(images(2))


def test_several_inputs(tmp_path: Path) -> None:
    nodes = [node("Add", "a b", "c"), node("Flatten", "c", "y", axis=1)]
    inputs = [value(name, FLOAT, ["N", 2, 3, 1]) for name in "ab"]
    path = save(tmp_path / "m.onnx", nodes, inputs, [value("y", FLOAT, ["N", 6])])
    for name in ("", "a"):
        with pytest.raises(UserError, match=r"config\.teacher\.onnx\.path: .*'a', 'b'"):
            load(path, input=name)


def test_files_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    for path, said in (
        ("none.onnx", "is not a file"),
        (".", "is not a file"),
        ("junk.onnx", "cannot be read"),
    ):
        with pytest.raises(UserError, match=rf"config\.teacher\.onnx\.path=.*{said}"):
            load(tmp_path / path)


def test_a_model_that_fails_on_the_images(tmp_path: Path) -> None:
    """A graph that claims a free batch and takes one image only."""
    shape = onnx.numpy_helper.from_array(np.array([1, 6], np.int64), "s")
    nodes = [node("Reshape", "x s", "y")]
    inputs, outputs = [value("x", FLOAT, ["N", 2, 3, 1])], [value("y", FLOAT, [1, 6])]
    teacher = load(save(tmp_path / "m.onnx", nodes, inputs, outputs, [shape]))
    assert teacher.ask(images(1)).shape == (1, 6)
    with pytest.raises(
        UserError,
        match=r"config\.teacher\.onnx\.path: the model failed on images of shape \(2, 2, 3, 1\)",
    ):
        teacher.ask(images(2))


@pytest.mark.parametrize("missing", ["onnxruntime", "onnx"])
def test_a_missing_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    path = flat(tmp_path / "m.onnx", ["N", 2, 3, 1])
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf"needs {missing} .*'\.\[onnx\]'"):
        load(path)
