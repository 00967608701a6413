"""The Open Inference Protocol, byte by byte, against servers that answer literally."""

import json

import numpy as np
import pytest

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import Unanswered, tensors
from amkd.teachers.http import oip
from amkd.teachers.image_spec import ImageSpec
from amkd.teachers.tensors import Tensor
from tests.support import faulty_server
from tests.support.http_services import (
    AUTO,
    Canned,
    answer,
    closing,
    connection,
    dumps,
    load_oip,
    oip_settings,
    random_images,
    serve,
)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("datatype", ["UINT8", "FP16", "FP32", "FP64"])
def test_oip_answers_are_the_service_s_own(binary, datatype):
    with serve(binary=binary, datatype=datatype) as server, load_oip(server) as teacher:
        images = random_images(4)
        found = teacher.ask(images)
        np.testing.assert_array_equal(found, answer(images).astype(np.float32))
        assert teacher.identity == f"oip:127.0.0.1:{server.url.rpartition(':')[2]}/digits:1"
        assert (found.dtype, teacher.patience) == (np.float64, 36.0)
        assert sorted(server.received) == sorted(map(faulty_server.digest, images))
        assert server.answered == server.received
        sent = server.requests[0].headers
        assert ("Inference-Header-Content-Length" in sent) == binary


OIP_IMAGES = np.array([[[[0], [51]]], [[[102], [255]]]], np.uint8)  # two images of 1 x 2 x 1


OIP_METADATA = {
    "name": "m",
    "versions": ["3"],
    "inputs": [{"name": "in", "datatype": "FP32", "shape": [-1, 1, 2, 1]}],
    "outputs": [{"name": "out", "datatype": "FP32", "shape": [-1, 3]}],
}


OIP_SCORES = [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]


def oip_reply(output, **fields):
    return lambda body: dumps(
        {
            "model_name": "m",
            "id": json.loads(body[: body.rindex(b"}") + 1])["id"],
            "outputs": [output],
            **fields,
        }
    )


def ask_oip(
    metadata,
    reply,
    binary="no",
    hard_labels=False,
    server_extensions=(),
    images=OIP_IMAGES,
    batch=2,
    **fields,
):
    """The answer to images and the request; ``reply`` is a body or (headers, body)."""
    headers, body = reply if isinstance(reply, tuple) else ({}, reply)
    version = fields.get("version", "")
    base = f"/v2/models/m{version and f'/versions/{version}'}"
    replies = {
        "GET /v2": (200, {}, dumps({"extensions": list(server_extensions)})),
        f"GET {base}": (200, {}, dumps(metadata)),
        f"POST {base}/infer": (200, headers, body),
        "POST /v2/models/m/versions/3/infer": (200, headers, body),
    }
    pixels = fields.pop("pixels", Pixels("auto", "auto", divide=255.0))
    with Canned(replies) as server:
        teacher = oip.load(
            oip_settings(**{"model": "m", "binary": binary, **fields}),
            connection=connection(server.url),
            pixels=pixels,
            images=ImageSpec((1, 2, 1), 3),
            hard_labels=hard_labels,
            batch=batch,
        )
        with closing(teacher):
            return teacher.ask(images), server.asked[-1]


FLAT = oip_reply(
    {"name": "out", "datatype": "FP32", "shape": [2, 3], "data": [*OIP_SCORES[0], *OIP_SCORES[1]]}
)


def test_oip_json_request_and_reply():
    found, (_, headers, body) = ask_oip(OIP_METADATA, FLAT)
    np.testing.assert_array_equal(found, OIP_SCORES)
    assert headers["Content-Type"] == "application/json"
    message = json.loads(body)
    assert len(message.pop("id")) == 32
    data = [0.0, np.float32(0.2).item(), np.float32(0.4).item(), 1.0]
    tensor = {"name": "in", "shape": [2, 1, 2, 1], "datatype": "FP32", "data": data}
    assert message == {"inputs": [tensor], "outputs": [{"name": "out"}]}


def test_oip_nested_data_and_null():
    nested = {"name": "out", "datatype": "FP64", "shape": [2, 3], "data": [[1, None, 0], [0, 0, 1]]}
    np.testing.assert_array_equal(
        ask_oip(OIP_METADATA, oip_reply(nested))[0], [[1, np.nan, 0], [0, 0, 1]]
    )


def test_oip_binary_request_and_reply():
    raw = np.array(OIP_SCORES, "<f4").tobytes()
    extra = np.array([7], "<i8").tobytes()
    outputs = [
        {"name": "other", "datatype": "INT64", "shape": [1], "parameters": {"binary_data_size": 8}},
        {
            "name": "out",
            "datatype": "FP32",
            "shape": [2, 3],
            "parameters": {"binary_data_size": 24},
        },
    ]
    head = dumps({"model_name": "m", "outputs": outputs})
    reply = ({"Inference-Header-Content-Length": len(head)}, head + extra + raw)
    found, (_, headers, body) = ask_oip(
        OIP_METADATA, reply, "auto", server_extensions=["binary_tensor_data"]
    )
    np.testing.assert_array_equal(found, OIP_SCORES)
    length = int(headers["Inference-Header-Content-Length"])
    assert headers["Content-Type"] == "application/octet-stream"
    assert (
        body[length:]
        == np.array([0, 51, 102, 255], "<f4").__truediv__(np.float32(255)).astype("<f4").tobytes()
    )
    message = json.loads(body[:length])
    assert message["inputs"] == [
        {
            "name": "in",
            "shape": [2, 1, 2, 1],
            "datatype": "FP32",
            "parameters": {"binary_data_size": 16},
        }
    ]
    assert message["outputs"] == [{"name": "out", "parameters": {"binary_data": True}}]


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("FP16", np.array(OIP_SCORES, "<f2").tobytes()),
        ("FP64", np.array(OIP_SCORES, "<f8").tobytes()),
        # bfloat16 is the upper half of float32.
        ("BF16", (np.array(OIP_SCORES, "<f4").view("<u4") >> 16).astype("<u2").tobytes()),
    ],
)
def test_oip_number_formats(datatype, raw):
    output = {
        "name": "out",
        "datatype": datatype,
        "shape": [2, 3],
        "parameters": {"binary_data_size": len(raw)},
    }
    head = dumps({"outputs": [output]})
    reply = ({"Inference-Header-Content-Length": len(head)}, head + raw)
    np.testing.assert_array_equal(ask_oip(OIP_METADATA, reply, "yes")[0], OIP_SCORES)


@pytest.mark.parametrize("shape", [[2], [2, 1]])
def test_oip_labels(shape):
    metadata = {
        **OIP_METADATA,
        "outputs": [{"name": "out", "datatype": "INT64", "shape": [-1, *shape[1:]]}],
    }
    output = {"name": "out", "datatype": "INT64", "shape": shape, "data": [2, 0]}
    found, _ = ask_oip(metadata, oip_reply(output), hard_labels=True)
    assert (found.tolist(), found.dtype) == ([2, 0], np.int64)
    # What is not a class is left to the caller, who keeps the rest of the batch.
    assert ask_oip(metadata, oip_reply({**output, "data": [2, 3]}), hard_labels=True)[
        0
    ].tolist() == [
        2,
        -1,
    ]
    with pytest.raises(
        UserError, match=r"contains int64, but scores must be floating point.*answers.form=label"
    ):
        ask_oip(metadata, oip_reply(output))


def test_scores_will_do_where_labels_are_wanted():
    found, _ = ask_oip(OIP_METADATA, FLAT, hard_labels=True)
    np.testing.assert_array_equal(found, OIP_SCORES)


def test_oip_without_metadata_needs_settings():
    silent = {"name": "m", "versions": [], "inputs": [], "outputs": []}
    pixels = Pixels("nchw", "uint8")
    found, (_, _, body) = ask_oip(silent, FLAT, input="x", pixels=pixels)
    np.testing.assert_array_equal(found, OIP_SCORES)
    message = json.loads(body)
    assert message["inputs"] == [
        {"name": "x", "shape": [2, 1, 1, 2], "datatype": "UINT8", "data": [0, 51, 102, 255]}
    ]
    assert "outputs" not in message
    for fields in (
        {},
        {"input": "x"},
        {"pixels": pixels},
        {"input": "x", "pixels": Pixels("nchw", "auto")},
    ):
        with pytest.raises(
            UserError, match=r"does not describe the model's inputs: set config.teacher.oip.input"
        ):
            ask_oip(silent, FLAT, **fields)
    two = {"name": "a", "datatype": "FP32", "shape": [2, 3], "data": [0] * 6}
    both = dumps({"outputs": [two, {**two, "name": "b"}]})
    with pytest.raises(
        UserError, match=r"config.teacher.oip.output='' *: the reply has the outputs \['a', 'b'\]"
    ):
        ask_oip(silent, both, input="x", pixels=pixels)


def with_input(**fields):
    return {**OIP_METADATA, "inputs": [{**OIP_METADATA["inputs"][0], **fields}]}


def test_a_model_of_a_fixed_batch_gets_no_smaller_one():
    found, (_, _, body) = ask_oip(with_input(shape=[2, 1, 2, 1]), FLAT, images=OIP_IMAGES[:1])
    (tensor,) = json.loads(body)["inputs"]
    once = [0.0, np.float32(0.2).item()]
    assert (tensor["shape"], tensor["data"]) == ([2, 1, 2, 1], [*once, *once])
    np.testing.assert_array_equal(found, OIP_SCORES[:1])


@pytest.mark.parametrize(
    ("metadata", "fields", "message"),
    [
        (with_input(datatype="BYTES"), {}, "takes BYTES, not pixels.*config.teacher.kind=json"),
        (with_input(datatype="INT32"), {}, "takes int32, not pixels"),
        (
            with_input(shape=[-1, 3, 3, 1]),
            {},
            r"has the shape \[-1, 3, 3, 1\], which does not fit images of \(1, 2, 1\)",
        ),
        (with_input(shape=[-1, 2]), {}, "which does not fit images"),
        (
            with_input(shape=[-1, -1, -1, -1]),
            {},
            "both nhwc and nchw: set config.teacher.pixels.layout",
        ),
        (
            with_input(shape=[1, 1, 2, 1]),
            {},
            "config.teacher.batch=2, but the model's input 'in' takes 1 image",
        ),
        (OIP_METADATA, {"pixels": Pixels("nchw", "auto")}, "layout='nchw'"),
        (
            OIP_METADATA,
            {"pixels": Pixels("auto", "uint8")},
            "dtype='uint8', but the model's input 'in' takes float32",
        ),
        (with_input(datatype="UINT8"), {}, "config.teacher.pixels.divide"),
        (
            OIP_METADATA,
            {"input": "no"},
            "config.teacher.oip.input='no' is not a tensor of the model: set it to one of 'in'",
        ),
        (
            {
                **OIP_METADATA,
                "outputs": [
                    *OIP_METADATA["outputs"],
                    {"name": "b", "datatype": "FP32", "shape": [-1, 3]},
                ],
            },
            {},
            "config.teacher.oip.output is empty, but the model has several: set it to one of"
            " 'out', 'b'",
        ),
        (
            {**OIP_METADATA, "outputs": [{"name": "out", "datatype": "FP32", "shape": [-1, 10]}]},
            {},
            r"shape \[-1, 10\], but 3 classes",
        ),
        (
            {**OIP_METADATA, "versions": ["1", "2"]},
            {},
            "config.teacher.oip.version is empty.* versions 1, 2",
        ),
        ({**OIP_METADATA, "inputs": [{"name": "in"}]}, {}, "whose 'inputs' are not tensors"),
        (["what"], {}, r"another form, \[1 x str\]"),
        (OIP_METADATA, {"binary": "maybe"}, "binary='maybe' must be auto, yes or no"),
        (OIP_METADATA, {"model": ""}, "config.teacher.oip.model is empty"),
        (OIP_METADATA, {"model": "a b/c"}, r"does not describe|status 404"),
    ],
)
def test_oip_models_that_are_refused_before_any_image(metadata, fields, message):
    with pytest.raises(UserError, match=message):
        ask_oip(metadata, FLAT, **fields)


def test_oip_layouts_follow_the_metadata():
    _, (_, _, body) = ask_oip(with_input(shape=[-1, 1, 1, 2]), FLAT)
    assert json.loads(body)["inputs"][0]["shape"] == [2, 1, 1, 2]
    free = with_input(shape=[-1, -1, -1, -1])
    _, (_, _, body) = ask_oip(free, FLAT, pixels=Pixels("nchw", "auto"))
    assert json.loads(body)["inputs"][0]["shape"] == [2, 1, 1, 2]


def test_oip_keeps_to_one_version():
    ask_oip(
        OIP_METADATA, oip_reply(json.loads(FLAT(b'{"id": 1}'))["outputs"][0], model_version="3")
    )
    with pytest.raises(UserError, match=r"version 4 of the model answered instead of version 3"):
        ask_oip(
            OIP_METADATA, oip_reply(json.loads(FLAT(b'{"id": 1}'))["outputs"][0], model_version="4")
        )
    found, (name, _, _) = ask_oip(OIP_METADATA, FLAT, version="3")
    assert name == "POST /v2/models/m/versions/3/infer"
    np.testing.assert_array_equal(found, OIP_SCORES)


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (dumps({"error": "x"}), UserError, r'no list \'outputs\'; it is \{"error": str\}'),
        (dumps([1]), UserError, r"\[1 x int\]"),
        (dumps({"outputs": []}), UserError, r"the reply has the outputs \[\]"),
        (
            oip_reply({"name": "no", "datatype": "FP32", "shape": [2, 3]}),
            UserError,
            r"the outputs \['no'\]",
        ),
        (
            oip_reply({"name": "out", "datatype": "BYTES", "shape": [2, 3], "data": ["a"]}),
            UserError,
            "contains BYTES",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [2, 3], "data": [1]}),
            Unanswered,
            "do not fill",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [2, 3]}),
            Unanswered,
            "do not fill",
        ),
        (
            oip_reply({"name": "out", "datatype": "FP32", "shape": [1, 1], "data": ["a"]}),
            Unanswered,
            "do not fill",
        ),
        (({"Inference-Header-Content-Length": "999"}, b"{}"), Unanswered, "truncated"),
        (b"", Unanswered, "not JSON"),
        (b"[" * 100_000, Unanswered, "not JSON"),
        (b"\xff\xfe", Unanswered, "not JSON"),
        (dumps({"id": "other", "outputs": []}), Unanswered, "the answer to another request"),
    ],
)
def test_oip_replies_that_are_no_answer(reply, error, message):
    with pytest.raises(error, match=message) as failed:
        ask_oip(OIP_METADATA, reply)
    assert getattr(failed.value, "billed", True)


def test_resolving_a_tensor_without_a_shape():
    assert (
        tensors.resolve(Pixels("nchw", "auto"), Tensor("x", "float32", None), (2, 2, 3)).dtype
        == "float32"
    )
    with pytest.raises(UserError, match=r"shape unknown, which fits both nhwc and nchw"):
        tensors.resolve(AUTO, Tensor("x", "float32", None), (2, 2, 3))
