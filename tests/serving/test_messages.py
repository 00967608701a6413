"""The protocol's messages as the served student reads and writes them."""

import json

import numpy as np
import pytest

from amkd.serving import messages

SHAPE = (2, 1, 1)
IMAGES = np.array([[1, 2], [3, 255]], np.uint8).reshape(2, *SHAPE)


def tensor(**changes):
    given = {"name": "images", "datatype": "UINT8", "shape": [2, 2, 1, 1], "data": [1, 2, 3, 255]}
    return {**given, **changes}


def read(given, tail=b"", length=False, most=4, **more):
    head = json.dumps({"inputs": [given], **more}).encode()
    return messages.read(head + tail, str(len(head)) if length else None, SHAPE, most)


def test_numbers_flat_nested_and_as_bytes():
    flat = read(tensor(), id="7")
    assert (flat.name, flat.binary) == ("7", False)
    assert flat.images.dtype == np.uint8 and (flat.images == IMAGES).all()
    nested = read(tensor(data=IMAGES.tolist()))
    assert (nested.images == IMAGES).all() and nested.name == ""
    given = tensor(parameters={"binary_data_size": 4})
    del given["data"]
    tail = read(given, IMAGES.tobytes(), length=True, parameters={"binary_data_output": True})
    assert (tail.images == IMAGES).all() and tail.binary
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    assert read(tensor(), outputs=outputs).binary


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (tensor(name="x"), "the input must be images"),
        (tensor(datatype="FP32"), "the input must be images"),
        (tensor(shape=[2, 2, 1]), "the shape must be"),
        (tensor(shape=[0, 2, 1, 1]), "the shape must be"),
        (tensor(shape=[5, 2, 1, 1]), r"\[1 to 4, 2, 1, 1\]"),
        (tensor(shape=[True, 2, 1, 1]), "the shape must be"),
        (tensor(data=[1, 2, 3]), "as many as the shape"),
        (tensor(data=[[1], [2, 3, 4]]), "as many as the shape"),
        (tensor(data=[1, 2, 3, 4.5]), "must be integers"),
        (tensor(data=[1, 2, 3, 256]), "from 0 to 255"),
        (tensor(data=[1, 2, 3, -1]), "from 0 to 255"),
        (tensor(data=None), "must be integers"),
        (tensor(parameters={"binary_data_size": 3}), "bytes after the JSON"),
        ({"name": "images"}, "must be JSON"),
        (3, "must be JSON"),
    ],
)
def test_what_is_refused(given, why):
    with pytest.raises(messages.BadRequest, match=why):
        read(given)


@pytest.mark.parametrize(
    ("body", "length"), [(b"{", None), (b"[]", None), (b"{}", "9"), (b"{}", "x"), (b"{}", "0")]
)
def test_bodies_that_are_no_request(body, length):
    with pytest.raises(messages.BadRequest):
        messages.read(body, length, SHAPE, 4)


def test_replies():
    rows = np.array([[0.25, 0.75], [1, 0]], np.float32)
    about = {"model": "student", "version": "v", "parameters": {"teacher": 1}}
    body, headers = messages.reply(messages.Request("7", IMAGES, False), rows, **about)
    told = json.loads(body)
    assert told["id"] == "7" and told["outputs"][0]["data"] == [0.25, 0.75, 1.0, 0.0]
    assert told["parameters"] == {"teacher": 1} and headers["Content-Type"] == "application/json"
    body, headers = messages.reply(messages.Request("", IMAGES, True), rows, **about)
    length = int(headers[messages.LENGTH])
    assert json.loads(body[:length])["outputs"][0]["shape"] == [2, 2]
    assert (np.frombuffer(body[length:], "<f4").reshape(2, 2) == rows).all()
