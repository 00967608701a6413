"""TensorFlow Serving, byte by byte, against servers that answer literally."""

import json

import numpy as np
import pytest

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import TfservingSettings
from amkd.core.errors import UserError
from amkd.teachers import Unanswered
from amkd.teachers.http import tfserving
from amkd.teachers.image_spec import ImageSpec
from tests.support.http_services import Canned, closing, connection, dumps
from tests.teachers.test_oip import OIP_IMAGES, OIP_SCORES


def tf_tensor(dtype, *sizes):
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": size, "name": ""} for size in sizes]}}


def tf_metadata(inputs, outputs):
    known = {"inputs": inputs, "outputs": outputs, "method_name": "tensorflow/serving/predict"}
    signatures = {"signature_def": {"serving_default": known}}
    spec = {"name": "m", "signature_name": "", "version": "7"}
    return {"model_spec": spec, "metadata": {"signature_def": signatures}}


TF_INPUT = {"in": tf_tensor("DT_FLOAT", "-1", "1", "2", "1")}


TF_OUTPUT = {"out": tf_tensor("DT_FLOAT", "-1", "3")}


TF_METADATA = tf_metadata(TF_INPUT, TF_OUTPUT)


def ask_tf(metadata, predictions, hard_labels=False, **fields):
    replies = {
        "GET /prefix/v1/models/m/metadata": (200, {}, dumps(metadata)),
        "POST /prefix/v1/models/m/versions/7:predict": (200, {}, predictions),
    }
    pixels = fields.pop("pixels", Pixels("auto", "auto", divide=255.0))
    empty = {"version": "", "signature": "", "input": "", "output": ""}
    with Canned(replies) as server:
        teacher = tfserving.load(
            TfservingSettings(**{"model": "m", **empty, **fields}),
            connection=connection(server.url + "/prefix/"),
            pixels=pixels,
            images=ImageSpec((1, 2, 1), 3),
            hard_labels=hard_labels,
            batch=2,
        )
        with closing(teacher):
            assert teacher.identity == f"tfserving:127.0.0.1:{server.server.server_port}/prefix/m:7"
            return teacher.ask(OIP_IMAGES), server.asked[-1]


def test_tfserving_request_and_reply():
    found, (_, _, body) = ask_tf(
        TF_METADATA, b'{"predictions": [[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]}'
    )
    np.testing.assert_array_equal(found, OIP_SCORES)
    fifth, two_fifths = np.float32(0.2).item(), np.float32(0.4).item()
    assert json.loads(body) == {
        "signature_name": "serving_default",
        "instances": [[[[0.0], [fifth]]], [[[two_fifths], [1.0]]]],
    }


def test_tfserving_rows_by_output_name():
    both = {**TF_OUTPUT, "classes": tf_tensor("DT_INT64", "-1")}
    reply = dumps({"predictions": [{"out": row, "classes": 1} for row in OIP_SCORES]})
    np.testing.assert_array_equal(
        ask_tf(tf_metadata(TF_INPUT, both), reply, output="out")[0], OIP_SCORES
    )
    assert ask_tf(tf_metadata(TF_INPUT, both), reply, output="classes", hard_labels=True)[
        0
    ].tolist() == [1, 1]
    one = tf_metadata(TF_INPUT, {"classes": both["classes"]})
    found, _ = ask_tf(one, b'{"predictions": [2, 0]}', hard_labels=True)
    assert found.tolist() == [2, 0]
    with pytest.raises(
        UserError, match=r"config.teacher.tfserving.output is empty.* 'classes', 'out'"
    ):
        ask_tf(tf_metadata(TF_INPUT, both), reply)
    with pytest.raises(
        UserError, match=r"config.teacher.tfserving.output='out' is not in the reply"
    ):
        ask_tf(
            tf_metadata(TF_INPUT, both),
            b'{"predictions": [{"other": 1}, {"other": 2}]}',
            output="out",
        )


@pytest.mark.parametrize(
    ("metadata", "fields", "message"),
    [
        (
            tf_metadata({"in": tf_tensor("DT_STRING", "-1")}, TF_OUTPUT),
            {},
            "takes DT_STRING, not pixels",
        ),
        (
            tf_metadata({**TF_INPUT, "also": TF_INPUT["in"]}, TF_OUTPUT),
            {"input": "in"},
            "takes several inputs",
        ),
        (
            tf_metadata(TF_INPUT, {"out": tf_tensor("DT_FLOAT", "-1", "5")}),
            {},
            r"shape \[-1, 5\], but 3 classes",
        ),
        (
            TF_METADATA,
            {"signature": "no"},
            "config.teacher.tfserving.signature='no' .* serving_default",
        ),
        ({"model_spec": {}}, {}, r'another form, \{"model_spec": \{\}\}'),
        (tf_metadata({}, TF_OUTPUT), {}, "does not describe inputs"),
        (TF_METADATA, {"version": "8"}, "404"),
    ],
)
def test_tfserving_models_that_are_refused_before_any_image(metadata, fields, message):
    with pytest.raises(UserError, match=message):
        ask_tf(metadata, b"{}", **fields)


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (b'{"error": "x"}', UserError, "no list 'predictions'"),
        (b'{"predictions": [[1, 0, 0]]}', Unanswered, r"shape \(1, 3\) for 2"),
        (b'{"predictions": [[1, 0, 0], [1, 0]]}', Unanswered, "not an array of numbers"),
        (b'{"predictions": [[1, 0], [1, 0]]}', UserError, "2 scores per image, but 3 classes"),
        (b'{"predictions": [[], []]}', UserError, "0 scores per image"),
        (b'{"predictions": [{"out": 1}, [1]]}', Unanswered, "several kinds"),
        (b'{"predictions": [[1, 0, 0], [1, 0', Unanswered, "not JSON"),
    ],
)
def test_tfserving_replies_that_are_no_answer(reply, error, message):
    with pytest.raises(error, match=message):
        ask_tf(TF_METADATA, reply)


def test_tfserving_shapes():
    unknown = {"in": {"dtype": "DT_UINT8", "tensor_shape": {"dim": [], "unknown_rank": True}}}
    reply = b'{"predictions": [[1, 0, NaN], [0, 0, 1]]}'
    found, (_, _, body) = ask_tf(
        tf_metadata(unknown, TF_OUTPUT), reply, pixels=Pixels("nchw", "auto")
    )
    np.testing.assert_array_equal(found, [[1, 0, np.nan], [0, 0, 1]])
    assert json.loads(body)["instances"] == [[[[0, 51]]], [[[102, 255]]]]
