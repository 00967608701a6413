"""Requests and replies of the Open Inference Protocol, with tensors as JSON or as bytes."""

import json
import math
from typing import Any

import ml_dtypes
import numpy as np

from amkd.core.errors import UserError
from amkd.teachers import Unanswered
from amkd.teachers.http.client import Reply
from amkd.teachers.http.oip_metadata import NUMPY, ServedModel
from amkd.teachers.http.reply_outline import outline
from amkd.teachers.outputs import as_told

BINARY = "binary_tensor_data"  # the protocol's extension that sends tensors as bytes
_JSON_LENGTH = "Inference-Header-Content-Length"
_DATATYPE = {name: datatype for datatype, name in NUMPY.items()}
_FIELD = "config.teacher.oip"


def request(
    served: ServedModel, tensor: np.ndarray, *, name: str, binary: bool
) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers of a request.

    Args:
      served: the model.
      tensor: its input.
      name: a name that only requests with these images have.
      binary: whether the tensors are sent as bytes after the JSON.
    """
    given: dict[str, Any] = {
        "name": served.input.name,
        "shape": list(tensor.shape),
        "datatype": _DATATYPE[served.pixels.dtype],
    }
    message: dict[str, Any] = {"id": name, "inputs": [given]}
    if served.output:
        message["outputs"] = [{"name": served.output}]
    if not binary:
        given["data"] = tensor.ravel().tolist()
        return json.dumps(message).encode(), {}
    given["parameters"] = {"binary_data_size": tensor.nbytes}
    if served.output:
        message["outputs"][0]["parameters"] = {"binary_data": True}
    else:
        message["parameters"] = {"binary_data_output": True}
    head = json.dumps(message).encode()
    headers = {"Content-Type": "application/octet-stream", _JSON_LENGTH: str(len(head))}
    return head + tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes(), headers


def values(reply: Reply, served: ServedModel, name: str) -> np.ndarray:
    """Returns the numbers of the wanted output, in the shape that the reply states.

    Raises:
      Unanswered: the reply is truncated or answers another request.
      UserError: the reply has another form, or comes from another version of the model.
    """
    message, tail = _split(reply)
    _check_sender(message, served.version, name)
    outputs, tails = message["outputs"], {}
    for output in outputs:
        size = _binary_size(output)
        if size is not None:
            tails[id(output)], tail = tail[:size], tail[size:]
    if tail:
        raise Unanswered(
            f"the reply has {len(tail)} bytes more than its outputs need", billed=True, whole=True
        )
    objects = [output for output in outputs if isinstance(output, dict)]
    wanted = [output for output in objects if served.output in ("", output.get("name"))]
    if len(wanted) != 1:
        names = [output.get("name") for output in objects]
        raise UserError(
            f"{_FIELD}.output={served.output!r}: the reply has the outputs {names}; set it to one"
            " of them"
        )
    return _decode(wanted[0], tails.get(id(wanted[0])))


def _split(reply: Reply) -> tuple[Any, memoryview]:
    """Splits a reply into its JSON and the bytes of the tensors after it."""
    length = reply.headers.get(_JSON_LENGTH)
    if length is None:
        return reply.json(), memoryview(b"")
    if not length.isdecimal() or int(length) > len(reply.body):
        raise Unanswered("the reply is truncated", billed=True, whole=True)
    head, tail = reply.body[: int(length)], memoryview(reply.body)[int(length) :]
    return reply._replace(body=head).json(), tail


def _check_sender(message: Any, version: str, name: str) -> None:
    """Refuses the answer to another request or of another version of the model."""
    if not isinstance(message, dict) or not isinstance(message.get("outputs"), list):
        raise UserError(
            f"the reply has no list 'outputs'; it is {outline(message)}: check"
            " config.teacher.http.url"
        )
    if message.get("id") not in (None, "", name):
        raise Unanswered(
            "the reply has another id than the request: it is the answer to another request",
            billed=True,
            whole=True,
        )
    answering = message.get("model_version")
    if version and answering and str(answering) != version:
        raise UserError(
            f"version {answering} of the model answered instead of version {version}: set"
            f" {_FIELD}.version (and with it the teacher's identity) to the version that is to be"
            " distilled"
        )


def _binary_size(output: Any) -> int | None:
    """Returns how many bytes an output has after the JSON; None if its numbers are in the JSON."""
    parameters = output.get("parameters") if isinstance(output, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    return size if isinstance(size, int) and size >= 0 else None


def _decode(output: dict[str, Any], tail: memoryview | None) -> np.ndarray:
    """Returns the numbers of an output, from its JSON or from its bytes."""
    datatype = output.get("datatype")
    if datatype not in NUMPY:
        raise UserError(
            f"the model's output {output.get('name')!r} contains {datatype}, which are not numbers;"
            " choose another output (config.teacher.oip.output)"
        )
    try:
        shape = tuple(map(int, output["shape"]))
        if tail is None:
            found = as_told(np.asarray(output["data"], np.float64), NUMPY[datatype])
        else:
            found = np.frombuffer(tail, _little_endian(datatype))
        if found.size != math.prod(shape):
            raise ValueError("size")
        return found.astype(np.float64).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unanswered(
            "the reply's numbers do not fill the shape that it states", billed=True, whole=True
        ) from None


def _little_endian(datatype: str) -> np.dtype:
    if datatype == "BF16":
        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(NUMPY[datatype]).newbyteorder("<")
