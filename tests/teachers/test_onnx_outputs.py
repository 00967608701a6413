"""What ONNX files answer besides rows of scores: labels, objects, further axes, one image."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.data.dataset import DataSet
from amkd.teachers import PartlyAnswered, loading
from tests.support.small import configured
from tests.teachers.test_onnx_teacher import (
    AUTO,
    FLOAT,
    INT64,
    SHAPE,
    UINT8,
    images,
    load,
    node,
    onnx,
    save,
    value,
)


def model(path: Path, given: Any, *nodes: Any, sizes: Any = ("N", 2, 3, 1), **more: Any) -> Path:
    """A model of six classes whose scores ``s`` are an image's values."""
    first = [node("Cast", "x", "c", to=FLOAT), node("Flatten", "c", "s", axis=1)]
    return save(path, [*first, *nodes], [value("x", UINT8, sizes)], [given], **more)


def test_an_onnx_label_is_an_answer(tmp_path: Path) -> None:
    best = node("ArgMax", "s", "label", axis=1, keepdims=0)
    path = model(tmp_path / "m.onnx", value("label", INT64, ["N"]), best)
    found = load(path, hard_labels=True).ask(images(5))
    assert found.tolist() == images(5).reshape(5, 6).argmax(-1).tolist()
    with pytest.raises(UserError, match=r"output='': .*answers\.form=label"):
        load(path)


def test_onnx_scores_of_a_convolution(tmp_path: Path) -> None:
    shape = onnx.numpy_helper.from_array(np.array([-1, 6, 1, 1], np.int64), "w")
    given = value("y", FLOAT, ["N", 6, 1, 1])
    path = model(tmp_path / "m.onnx", given, node("Reshape", "s w", "y"), constants=[shape])
    for hard in (False, True):
        found = load(path, hard_labels=hard).ask(images(3))
        assert found.tolist() == images(3).reshape(3, 6).tolist()


@pytest.mark.parametrize("names", [(), tuple("abcdef")])
def test_probabilities_of_scikit_learn_as_onnx(tmp_path: Path, names: tuple[str, ...]) -> None:
    """A list of objects, from class to probability; the classes are numbers or texts."""
    helper = onnx.helper
    key = onnx.TensorProto.STRING if names else INT64
    row = helper.make_map_type_proto(key, helper.make_tensor_type_proto(FLOAT, []))
    given = helper.make_value_info("p", helper.make_sequence_type_proto(row))
    classes: dict[str, Any] = (
        {"classlabels_strings": names} if names else {"classlabels_int64s": range(6)}
    )
    zipped = node("ZipMap", "s", "p", domain="ai.onnx.ml", **classes)
    path = model(tmp_path / "m.onnx", given, zipped)
    found = load(path, names=names).ask(images(3))
    assert found.tolist() == images(3).reshape(3, 6).tolist()


def test_onnx_labels_that_are_texts(tmp_path: Path) -> None:
    best = node("ArgMax", "s", "n", axis=1, keepdims=0)
    text = node(
        "LabelEncoder",
        "n",
        "label",
        domain="ai.onnx.ml",
        keys_int64s=range(6),
        values_strings=list("fedcba"),
    )
    given = value("label", onnx.TensorProto.STRING, ["N"])
    path = model(tmp_path / "m.onnx", given, best, text)
    teacher = load(path, hard_labels=True, names=tuple("abcdef"))
    other = load(path, hard_labels=True, names=tuple("fedcba"))
    assert teacher.identity != other.identity  # stored answers are of one order of the classes
    found = teacher.ask(images(4))
    assert found.tolist() == (5 - images(4).reshape(4, 6).argmax(-1)).tolist()


@pytest.mark.parametrize("sizes", [[2, 3, 1], [1, 2, 3], [None, None, 1]])
def test_an_onnx_model_of_one_image(tmp_path: Path, sizes: list[int | None]) -> None:
    """Channels first of one channel is the same values in the same order."""
    shape = onnx.numpy_helper.from_array(np.array([6], np.int64), "w")
    nodes = [node("Cast", "x", "c", to=FLOAT), node("Reshape", "c w", "y")]
    path = save(
        tmp_path / "m.onnx",
        nodes,
        [value("x", UINT8, sizes)],
        [value("y", FLOAT, [6])],
        [shape],
    )
    found = load(path).ask(images(3))
    assert found.tolist() == images(3).reshape(3, 6).tolist()


def test_an_onnx_model_of_flattened_images(tmp_path: Path) -> None:
    path = model(tmp_path / "m.onnx", value("s", FLOAT, ["N", 6]), sizes=["N", 6])
    batch = np.arange(6, dtype=np.uint8).reshape(1, 1, 2, 3)
    for layout, row in (("nhwc", [0, 1, 2, 3, 4, 5]), ("nchw", [0, 3, 1, 4, 2, 5])):
        teacher = load(path, Pixels(layout, "auto"), shape=(1, 2, 3))
        assert teacher.ask(batch).tolist() == [row]
    with pytest.raises(UserError, match=r"flattened, set config\.teacher\.pixels\.layout"):
        load(path, AUTO)


def test_a_configuration_of_labels_and_their_map(tmp_path: Path) -> None:
    """The form and the map of the settings reach the file."""
    best = node("ArgMax", "s", "label", axis=1, keepdims=0)
    path = model(tmp_path / "m.onnx", value("label", INT64, ["N"]), best)
    given = {"teacher.onnx.path": str(path), "teacher.kind": "onnx"}
    config = configured(**given, **{"teacher.answers.form": "label"})
    none = np.empty((0, *SHAPE), np.uint8), np.empty(0, np.int32)
    names = tuple("123456")
    data = DataSet("folder", 6, *none, none[0], none[0], None, names)
    with pytest.raises(PartlyAnswered, match=r"a map of all its labels"):
        loading.load(config, data, StopSignal()).ask(images(9))
    mapped = tmp_path / "map.json"
    mapped.write_text(json.dumps({str(place): name for place, name in enumerate(names)}))
    config = configured(**given, **{"teacher.answers.form": "label", "teacher.labels": str(mapped)})
    found = loading.load(config, data, StopSignal()).ask(images(9))
    assert found.tolist() == images(9).reshape(9, 6).argmax(-1).tolist()
