"""Requests and replies of the Open Inference Protocol, version 2, as a server reads and writes
them.
"""

import json
import math
from typing import Any, NamedTuple

import numpy as np

INPUT, OUTPUT = "images", "probabilities"
LENGTH = "Inference-Header-Content-Length"  # bytes of JSON before the tensors


class BadRequest(Exception):
    """Raised for a request that cannot be answered; the text says why."""


class Request(NamedTuple):
    """The request of a client.

    Attributes:
      name: the client's name for the request; empty if it gives none.
      images: ``uint8[B, H, W, C]``.
      binary: whether the reply's tensor travels as bytes after the JSON.
    """

    name: str
    images: np.ndarray
    binary: bool


def metadata(name: str, version: str, shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    """Returns what the server reports about the model."""
    return {
        "name": name,
        "versions": [version],
        "platform": "amkd",
        "inputs": [{"name": INPUT, "datatype": "UINT8", "shape": [-1, *shape]}],
        "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, classes]}],
    }


def read(body: bytes, length: str | None, shape: tuple[int, ...], most: int) -> Request:
    """Reads a request.

    Args:
      body: its body.
      length: the header ``LENGTH``; None for a body of JSON alone.
      shape: ``(H, W, C)`` of one image.
      most: images in one request.

    Raises:
      BadRequest: it is not a valid request.
    """
    size = len(body)
    if length is not None:
        if not length.isdecimal() or int(length) > len(body):
            raise BadRequest(f"{LENGTH} must be a length within the body")
        size = int(length)
    try:
        message = json.loads(body[:size])
        (given,) = message["inputs"]
        told, kind = given["shape"], given["datatype"]
        name = str(message.get("id") or "")
        outputs = message.get("outputs") or []
        wanted = [one["name"] for one in outputs]
        parameters = [message.get("parameters") or {}]
        parameters += [one.get("parameters") or {} for one in outputs]
        binary_size = (given.get("parameters") or {}).get("binary_data_size")
        binary = any(one.get("binary_data_output") or one.get("binary_data") for one in parameters)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRequest("the body must be JSON with one tensor in 'inputs'") from None
    if given.get("name") != INPUT or kind != "UINT8" or set(wanted) - {OUTPUT}:
        raise BadRequest(f"the input must be {INPUT} of UINT8, and the output {OUTPUT}")
    if not _is_batch(told, shape) or not 0 < told[0] <= most:
        raise BadRequest(f"the shape must be [1 to {most}, {', '.join(map(str, shape))}]")
    if binary_size is None:
        values = _numbers(given.get("data"), told)
    else:
        values = _bytes(body[size:], binary_size, told)
    return Request(name, values, binary)


def _is_batch(told: Any, shape: tuple[int, ...]) -> bool:
    whole = isinstance(told, list) and all(type(one) is int for one in told)
    return whole and tuple(told[1:]) == shape and len(told) == len(shape) + 1


def _numbers(data: Any, shape: list[int]) -> np.ndarray:
    """Returns a tensor of JSON numbers, flat or nested."""
    try:
        found = np.asarray(data)
    except (ValueError, OverflowError):
        found = np.empty(0)
    if found.dtype.kind not in "iu" or found.size != math.prod(shape):
        raise BadRequest("the data must be integers, as many as the shape states")
    if found.min() < 0 or found.max() > 255:
        raise BadRequest("the data must be from 0 to 255")
    return found.astype(np.uint8).reshape(shape)


def _bytes(tail: bytes, size: Any, shape: list[int]) -> np.ndarray:
    if not size == len(tail) == math.prod(shape):
        raise BadRequest("the number of bytes after the JSON must be what the shape states")
    return np.frombuffer(tail, np.uint8).reshape(shape)


def reply(
    request: Request,
    probabilities: np.ndarray,
    *,
    model: str,
    version: str,
    parameters: dict[str, Any],
) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of a reply.

    Args:
      request: what it answers.
      probabilities: ``float32[B, Y]``.
      model: name of the model.
      version: version of the model.
      parameters: further values: numbers, text, or booleans.
    """
    output: dict[str, Any] = {
        "name": OUTPUT,
        "datatype": "FP32",
        "shape": list(probabilities.shape),
    }
    message: dict[str, Any] = {
        "model_name": model,
        "model_version": version,
        "parameters": parameters,
        "outputs": [output],
    }
    if request.name:
        message["id"] = request.name
    if not request.binary:
        output["data"] = [float(value) for value in probabilities.ravel()]
        return json.dumps(message).encode(), {"Content-Type": "application/json"}
    tail = probabilities.astype("<f4").tobytes()
    output["parameters"] = {"binary_data_size": len(tail)}
    head = json.dumps(message).encode()
    return head + tail, {"Content-Type": "application/octet-stream", LENGTH: str(len(head))}
