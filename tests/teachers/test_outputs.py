"""The one rule by which a model's outputs are checked and read, and both servers under it."""

from typing import Any

import numpy as np
import pytest

from amkd.config.teacher_services import TfservingSettings
from amkd.core.errors import UserError
from amkd.teachers import PartlyAnswered, Unanswered, outputs
from amkd.teachers.http import tfserving
from amkd.teachers.image_spec import ImageSpec
from amkd.teachers.tensors import FREE, Tensor
from tests.support.http_services import AUTO, Canned, closing, connection, dumps
from tests.teachers.test_oip import OIP_IMAGES, OIP_METADATA, ask_oip, oip_reply
from tests.teachers.test_tfserving import TF_INPUT, ask_tf, tf_metadata, tf_tensor

NAN = float("nan")
ROWS = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]


def wanted(
    hard: bool = False, names: tuple[str, ...] = ("ant", "bee", "cat"), **labels: int
) -> outputs.Wanted:
    return outputs.wanted(ImageSpec((1, 2, 1), len(names), names), labels, hard)


def read(values: Any, hard: bool = False, images: int = 2, dtype: str = "", **given: Any) -> Any:
    single = given.pop("single", False)
    return outputs.read(values, wanted(hard, **given), images=images, dtype=dtype, single=single)


# The shapes that a row of scores may have.


@pytest.mark.parametrize(
    ("shape", "hard", "single", "fits"),
    [
        ((FREE, 3), False, False, True),
        ((2, 3), False, False, True),
        ((FREE, 3, 1, 1), False, False, True),
        ((FREE, 1, 1, 3), False, False, True),
        ((FREE, FREE), False, False, True),
        ((FREE, FREE, 1, 1), False, False, True),
        (None, False, False, True),
        ((FREE, 4), False, False, False),
        ((FREE, 4, 1, 1), False, False, False),
        ((FREE,), False, False, False),
        ((3,), False, True, True),
        ((1, 3), False, True, True),
        ((3, 1, 1), False, True, True),
        ((4,), False, True, False),
    ],
)
def test_shapes_of_scores(
    shape: tuple[int, ...] | None, hard: bool, single: bool, fits: bool
) -> None:
    tensor = Tensor("y", "float32", shape)
    if fits:
        return outputs.check(tensor, wanted(hard), single=single)
    with pytest.raises(UserError, match=r"'y' has the shape .* 3 classes per image are expected"):
        outputs.check(tensor, wanted(hard), single=single)


def test_classes_are_not_counted_over_several_axes() -> None:
    """Two heads of two classes are not one of four."""
    four = wanted(names=("a", "b", "c", "d"))
    with pytest.raises(UserError, match=r"shape \[-1, 2, 2\], but 4 classes"):
        outputs.check(Tensor("y", "float32", (FREE, 2, 2)), four)
    with pytest.raises(UserError, match=r"4 scores per image in the shape \[2, 2\]"):
        outputs.read(np.zeros((5, 2, 2)), four, images=5, dtype="float32")


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1, 1), (2, 1, 3), (2, 1, 1, 3)])
@pytest.mark.parametrize("hard", [False, True])
def test_further_axes_of_size_1_do_not_count(shape: tuple[int, ...], hard: bool) -> None:
    for values in (np.reshape(ROWS, shape), np.reshape(ROWS, shape).tolist()):
        assert read(values, hard).first(2).tolist() == ROWS


@pytest.mark.parametrize(
    ("values", "images", "error", "said"),
    [
        (np.zeros((3, 3)), 2, Unanswered, r"shape \(3, 3\) for 2 image"),
        (np.zeros((1, 3)), 2, Unanswered, r"shape \(1, 3\) for 2 image"),
        (np.zeros((2, 4)), 2, UserError, "4 scores per image, but 3 classes"),
        (np.zeros((2, 3, 2)), 2, UserError, r"6 scores per image in the shape \[3, 2\]"),
        (np.zeros(()), 2, Unanswered, "shape"),
        ([[1, 0, 0], [1, 0]], 2, Unanswered, "not an array of numbers"),
    ],
)
def test_other_shapes_are_refused_and_not_cut(
    values: Any, images: int, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        read(values, images=images)


@pytest.mark.parametrize(
    "values", [[0.5, 0.25, 0.25], [[0.5, 0.25, 0.25]], [[[0.5], [0.25], [0.25]]]]
)
def test_one_image_needs_no_axis_for_a_batch(values: Any) -> None:
    found = read(np.array(values), images=1, single=True).first(1)
    assert found.tolist() == [[0.5, 0.25, 0.25]]
    for label in (2, [2], [[2]]):
        assert read(np.array(label), True, images=1, single=True).first(1).tolist() == [2]


# Labels.


@pytest.mark.parametrize(
    ("dtype", "values", "given", "found"),
    [
        ("int64", np.array([2, 0]), {}, [2, 0]),
        ("int32", [[2], [0]], {}, [2, 0]),
        ("int64", np.array([2, 3]), {}, [2, -1]),  # the caller tells of it
        ("string", np.array(["cat", "ANT"], object), {}, [2, 0]),
        ("DT_STRING", [["cat"], ["ant"]], {}, [2, 0]),
        ("int64", np.array([7, 8]), {"7": 1, "8": 2}, [1, 2]),
        ("string", ["wasp", "cat"], {"wasp": 1}, [1, 2]),
        ("int64", np.array([2, 0]), {"names": ("0", "1", "2")}, [2, 0]),
        ("int64", np.array([3, 3]), {"names": ("1", "2", "3")}, [2, 2]),
    ],
)
def test_labels_are_read(dtype: str, values: Any, given: Any, found: list[int]) -> None:
    rows = read(values, True, dtype=dtype, **given).first(2)
    assert (rows.tolist(), rows.dtype) == (found, np.int64)


@pytest.mark.parametrize(
    ("dtype", "values", "given", "said"),
    [
        ("int64", np.array([3, 1]), {"names": ("1", "2", "3")}, "'1', if it is a name, or the cl"),
        ("string", ["cat", "wasp"], {}, "'wasp', which is not a class"),
        ("string", ["cat", "junk"], {"junk": -1}, "'junk', which config.teacher.labels ignores"),
        ("int64", np.array([5, 9]), {"5": 2}, "'9', which is not a class"),
    ],
)
def test_a_label_that_cannot_be_read_does_not_lose_the_others(
    dtype: str, values: Any, given: Any, said: str
) -> None:
    with pytest.raises(PartlyAnswered, match=said) as caught:
        read(values, True, dtype=dtype, **given).first(2)
    assert caught.value.rows.tolist() == [2, -1]


def test_scores_by_label_are_read() -> None:
    maps = "seq(map(string,tensor(float)))"
    told = [{"ant": 0.5, "bee": 0.25, "cat": 0.25}, {"cat": 0.75}]
    found = read(told, dtype=maps).first(2)
    np.testing.assert_array_equal(found, [[0.5, 0.25, 0.25], [NAN, NAN, 0.75]])
    with pytest.raises(PartlyAnswered, match=r"'bee' without a score") as caught:
        read([told[0], {"bee": NAN, "cat": 0.1}], dtype=maps).first(2)
    np.testing.assert_array_equal(caught.value.rows, [[0.5, 0.25, 0.25], [NAN] * 3])
    with pytest.raises(Unanswered, match=r"shape \(3,\) for 2"):
        read([*told, {}], dtype=maps)


def test_rows_that_only_filled_a_batch_up_do_not_matter() -> None:
    assert read(["cat", "wasp"], True, dtype="string")[0].tolist() == [2, -1]
    found = outputs.Answer(np.array([2, 1]), "").first(1)
    assert found.tolist() == [2]


# Servers.


def oip_metadata(given: list[int], taken: list[int]) -> dict[str, Any]:
    return {
        **OIP_METADATA,
        "inputs": [{"name": "in", "datatype": "FP32", "shape": given}],
        "outputs": [{"name": "out", "datatype": "FP32", "shape": taken}],
    }


@pytest.mark.parametrize("given", [[1, 2, 1], [1, 1, 2], [-1, -1, 1]])
@pytest.mark.parametrize("taken", [[3], [1, 3], [3, 1, 1], [-1]])
def test_a_served_model_without_an_axis_for_a_batch(given: list[int], taken: list[int]) -> None:
    """One image a request, in the shape that the metadata tells."""
    metadata = oip_metadata(given, taken)
    shape = [3 if size == -1 else size for size in taken]
    reply = oip_reply({"name": "out", "datatype": "FP32", "shape": shape, "data": ROWS[0]})
    found, (_, _, body) = ask_oip(metadata, reply, images=OIP_IMAGES[:1], batch=1)
    assert found.tolist() == [ROWS[0]]
    sent = [1 if size == -1 and at == 0 else size for at, size in enumerate(given)]
    wanted_shape = [2 if size == -1 else size for size in sent]
    assert f'"shape": {wanted_shape}' in body.decode()
    with pytest.raises(UserError, match=r"no axis for a batch: set config\.teacher\.batch=1"):
        ask_oip(metadata, reply, images=OIP_IMAGES[:1], batch=2)


def test_a_batch_of_grey_images_without_channels_is_not_one_image() -> None:
    with pytest.raises(UserError, match=r"which does not fit images"):
        ask_oip(oip_metadata([-1, 1, 2], [-1, 3]), b"")


def test_tfserving_cannot_leave_the_batch_out() -> None:
    metadata = tf_metadata(
        {"in": tf_tensor("DT_FLOAT", "1", "2", "1")}, {"out": tf_tensor("DT_FLOAT", "3")}
    )
    with pytest.raises(UserError, match=r"shape \[1, 2, 1\] has no axis for a batch"):
        ask_tf(metadata, b"")


def test_served_scores_of_a_convolution() -> None:
    output = {"name": "out", "datatype": "FP32", "shape": [2, 3, 1, 1], "data": ROWS}
    found, _ = ask_oip(oip_metadata([-1, 1, 2, 1], [-1, 3, 1, 1]), oip_reply(output))
    assert found.tolist() == ROWS
    metadata = tf_metadata(TF_INPUT, {"out": tf_tensor("DT_FLOAT", "-1", "3", "1", "1")})
    reply = dumps({"predictions": np.reshape(ROWS, (2, 3, 1, 1)).tolist()})
    assert ask_tf(metadata, reply)[0].tolist() == ROWS


def test_tfserving_labels_that_are_texts() -> None:
    metadata = tf_metadata(TF_INPUT, {"out": tf_tensor("DT_STRING", "-1")})
    replies = {
        "GET /v1/models/m/metadata": (200, {}, dumps(metadata)),
        "POST /v1/models/m/versions/7:predict": (200, {}, b'{"predictions": ["cat", "ant"]}'),
    }
    answers, identities = [], []
    for names in (("ant", "bee", "cat"), ("cat", "bee", "ant")):
        with Canned(replies) as server:
            teacher = tfserving.load(
                TfservingSettings("m"),
                connection=connection(server.url),
                pixels=AUTO,
                images=ImageSpec((1, 2, 1), 3, names),
                hard_labels=True,
                batch=2,
            )
            with closing(teacher):
                answers.append(teacher.ask(OIP_IMAGES).tolist())
            identities.append(teacher.identity.rpartition(":")[2])
    assert answers == [[2, 0], [0, 2]]
    assert identities[0] != identities[1]  # stored answers are of one order of the classes


@pytest.mark.parametrize(
    ("datatype", "exact"), [("FP16", 0.199951171875), ("BF16", 0.2001953125), ("FP32", 0.2)]
)
def test_short_numbers_written_as_decimals_are_what_they_were(datatype: str, exact: float) -> None:
    """Their sum is checked by the type that they were computed in."""
    rows = [[0.2, 0.5, 0.25]] * 2
    output = {"name": "out", "datatype": datatype, "shape": [2, 3], "data": rows}
    found, _ = ask_oip(OIP_METADATA, oip_reply(output))
    assert found.tolist() == [[exact, 0.5, 0.25]] * 2
    kind = {"FP16": "DT_HALF", "BF16": "DT_BFLOAT16", "FP32": "DT_FLOAT"}[datatype]
    metadata = tf_metadata(TF_INPUT, {"out": tf_tensor(kind, "-1", "3")})
    assert ask_tf(metadata, dumps({"predictions": rows}))[0].tolist() == found.tolist()


def test_bytes_after_the_last_output_are_refused() -> None:
    raw = np.array([*ROWS, ROWS[0]], "<f4").tobytes()
    fields = {"name": "out", "datatype": "FP32", "shape": [2, 3]}
    head = dumps({"outputs": [{**fields, "parameters": {"binary_data_size": 24}}]})
    reply = ({"Inference-Header-Content-Length": len(head)}, head + raw)
    with pytest.raises(Unanswered, match=r"12 bytes more than its outputs need"):
        ask_oip(OIP_METADATA, reply, "yes")
