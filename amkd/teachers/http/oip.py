"""The Open Inference Protocol, version 2: MLServer, Triton, OpenVINO Model Server, KServe and
others.
"""

import json
import math
import uuid
from typing import Any
from urllib.parse import quote

import ml_dtypes
import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import Refused, Teacher, Unanswered, tensors
from amkd.teachers.http.client import Client, Reply
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.outline import outline
from amkd.teachers.pixels import DTYPES, LAYOUTS, prepare
from amkd.teachers.tensors import Tensor

_FIELD = "config.teacher.oip"
_BINARY = "binary_tensor_data"
_JSON_LENGTH = "Inference-Header-Content-Length"
_NUMPY = {
    **{
        f"{kind.upper()}{bits}": f"{kind}{bits}"
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
}
_DATATYPE = {name: datatype for datatype, name in _NUMPY.items()}


def load(
    connection: Connection,
    model: str,
    version: str,
    input: str,
    output: str,
    binary: str,
    pixels: Pixels,
    shape: tuple[int, int, int],
    classes: int,
    identity: str,
    labels: bool = False,
    batch: int = 1,
) -> Teacher:
    """A teacher that speaks the Open Inference Protocol, checked by its metadata; no image is sent
    yet.

    Args:
      connection: where it is.
      model: its name.
      version: of the model; empty for the only one.
      input: name of the input tensor; empty for the only one.
      output: name of the output tensor; empty for the only one.
      binary: whether tensors travel as bytes after the JSON: ``yes``, ``no``, or ``auto`` where the
        server offers it.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the metadata.
      shape: of one image, ``(H, W, C)``.
      classes: scores per image, Y.
      identity: who answers; empty for ``oip:{host}/{model}:{version}``.
      labels: whether the output is one class number per image.
      batch: images per request.

    Raises:
      UserError: the model is not there, or takes or answers something else.
    """
    _check_settings(model, binary)
    client = Client(connection)
    try:
        ask = _Ask(client, model, version, input, output, pixels, shape, classes, labels, batch)
        ask.binary = binary == "yes" or (binary == "auto" and _offers_binary(client))
    except BaseException:
        client.close()
        raise
    return Teacher(
        identity or f"oip:{client.place}/{model}{ask.version and ':' + ask.version}",
        ask,
        client.patience,
    )


def _check_settings(model: str, binary: str) -> None:
    if not model:
        raise UserError(f"{_FIELD}.model is empty: set it to the model's name on the server")
    if binary not in ("auto", "yes", "no"):
        raise UserError(f"{_FIELD}.binary={binary!r} must be auto, yes or no")


def _offers_binary(client: Client) -> bool:
    try:
        server = client.get("v2")
    except Refused:  # a gateway may show the models alone
        return False
    return isinstance(server, dict) and _BINARY in (server.get("extensions") or ())


class _Ask:
    """Asks one served model; safe to call from several threads.

    Attributes:
      version: the model's, empty if the server tells none.
      binary: whether tensors travel as bytes after the JSON.
      close: closes the connections.
    """

    binary = False

    def __init__(
        self,
        client: Client,
        model: str,
        version: str,
        input: str,
        output: str,
        pixels: Pixels,
        shape: tuple[int, int, int],
        classes: int,
        labels: bool,
        batch: int,
    ) -> None:
        self._client, self._classes, self._labels = client, classes, labels
        self.close = client.close
        self._path = (
            f"v2/models/{quote(model, safe='')}{version and '/versions/' + quote(version, safe='')}"
        )
        metadata = client.get(self._path)
        self.version = version or _only_version(metadata)
        if (
            self.version and not version
        ):  # without it a newer one, loaded during a run, would answer in its place
            self._path += f"/versions/{quote(self.version, safe='')}"
        self._input = _input(_tensors(metadata, "inputs"), input, pixels)
        tensors.check_batch(self._input, batch)
        self._pixels = tensors.resolve(pixels, self._input, shape)
        self._output = _output(_tensors(metadata, "outputs"), output, classes, labels)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Scores ``float64[B, Y]`` or labels ``int64[B]`` of ``uint8[B, H, W, C]``."""
        filled = tensors.fill(images, self._input)
        name = uuid.uuid4().hex
        content, headers = self._request(name, prepare(filled, self._pixels))
        reply = self._client.post(f"{self._path}/infer", content, headers)
        message, tail = _split(reply)
        self._check_sender(message, name)
        return tensors.rows(self._values(message, tail), len(filled), self._classes, self._labels)[
            : len(images)
        ]

    def _request(self, name: str, tensor: np.ndarray) -> tuple[bytes, dict[str, str]]:
        """The body and headers that ask for one tensor's answer."""
        given: dict[str, Any] = {
            "name": self._input.name,
            "shape": list(tensor.shape),
            "datatype": _DATATYPE[self._pixels.dtype],
        }
        message: dict[str, Any] = {"id": name, "inputs": [given]}
        if self._output:
            message["outputs"] = [{"name": self._output, "parameters": {"binary_data": True}}]
            if not self.binary:
                del message["outputs"][0]["parameters"]
        if not self.binary:
            given["data"] = tensor.ravel().tolist()
            return json.dumps(message).encode(), {}
        given["parameters"] = {"binary_data_size": tensor.nbytes}
        if not self._output:
            message["parameters"] = {"binary_data_output": True}
        head = json.dumps(message).encode()
        headers = {"Content-Type": "application/octet-stream", _JSON_LENGTH: str(len(head))}
        return head + tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes(), headers

    def _check_sender(self, message: Any, name: str) -> None:
        """Refuses the answer to another request, or of another version of the model."""
        if not isinstance(message, dict) or not isinstance(message.get("outputs"), list):
            raise UserError(
                f"the reply has no list 'outputs' but is {outline(message)}: check"
                " config.teacher.http.url"
            )
        if message.get("id") not in (None, "", name):
            raise Unanswered(
                "the reply has another id than the request: it is someone else's answer",
                billed=True,
            )
        answering = message.get("model_version")
        if self.version and answering and str(answering) != self.version:
            raise UserError(
                f"version {answering} of the model answered instead of version {self.version}: set"
                f" {_FIELD}.version"
                " (and with it the teacher's identity) to the one that is to be distilled"
            )

    def _values(self, message: dict[str, Any], tail: memoryview) -> np.ndarray:
        """The wanted output's numbers, in its shape."""
        outputs, tails = message["outputs"], {}
        for output in outputs:
            size = _binary_size(output)
            if size is not None:
                tails[id(output)], tail = tail[:size], tail[size:]
        names = [output.get("name") for output in outputs if isinstance(output, dict)]
        wanted = [
            output
            for output in outputs
            if isinstance(output, dict) and self._output in ("", output.get("name"))
        ]
        if len(wanted) != 1:
            raise UserError(
                f"{_FIELD}.output={self._output!r}: the reply has the outputs {names}; set it to"
                " one of them"
            )
        return _decode(wanted[0], tails.get(id(wanted[0])))


def _only_version(metadata: Any) -> str:
    """The version that a model's metadata names, empty if none."""
    versions = [str(version) for version in _listed(metadata, "versions")]
    if len(versions) > 1:
        raise UserError(
            f"{_FIELD}.version is empty and the server has the versions {', '.join(versions)}: set"
            " it to one of them"
        )
    return versions[0] if versions else ""


def _listed(metadata: Any, key: str) -> list[Any]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get(key) or [], list):
        raise UserError(
            f"the model's metadata is {outline(metadata)}: check config.teacher.http.url"
        )
    return metadata.get(key) or []


def _tensors(metadata: Any, key: str) -> list[Tensor]:
    """The tensors of a model's metadata, none if it tells of none."""
    try:
        return [
            Tensor(
                told["name"],
                _NUMPY.get(told["datatype"], told["datatype"]),
                tuple(map(int, told["shape"])),
            )
            for told in _listed(metadata, key)
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(
            f"the model's metadata is {outline(metadata)}, whose {key!r} are no tensors: check"
            " config.teacher.http.url"
        ) from None


def _input(told: list[Tensor], name: str, pixels: Pixels) -> Tensor:
    """The input tensor, as the settings have it where the server tells nothing."""
    if told:
        return tensors.choose(told, name, f"{_FIELD}.input")
    if not name or pixels.layout not in LAYOUTS or pixels.dtype not in DTYPES:
        raise UserError(
            f"the server tells nothing of the model's inputs: set {_FIELD}.input to the"
            " input's name,"
            f" config.teacher.pixels.layout to one of {', '.join(LAYOUTS)} and"
            " config.teacher.pixels.dtype to one of"
            f" {', '.join(DTYPES)}"
        )
    return Tensor(name, pixels.dtype, None)


def _output(told: list[Tensor], name: str, classes: int, labels: bool) -> str:
    """The output tensor's name; empty for the only one that a reply has."""
    if not told:
        return name
    found = tensors.choose(told, name, f"{_FIELD}.output")
    tensors.check_output(found, classes, labels)
    return found.name


def _split(reply: Reply) -> tuple[Any, memoryview]:
    """A reply's JSON and the bytes of tensors after it."""
    length = reply.headers.get(_JSON_LENGTH)
    if length is None:
        return reply.json(), memoryview(b"")
    if not length.isdecimal() or int(length) > len(reply.body):
        raise Unanswered("the reply is cut short", billed=True)
    head, tail = reply.body[: int(length)], memoryview(reply.body)[int(length) :]
    return reply._replace(body=head).json(), tail


def _binary_size(output: Any) -> int | None:
    """Bytes that an output has after the JSON; None if it is in the JSON."""
    parameters = output.get("parameters") if isinstance(output, dict) else None
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    return size if isinstance(size, int) and size >= 0 else None


def _decode(output: dict[str, Any], tail: memoryview | None) -> np.ndarray:
    """An output's numbers, from its JSON or from its bytes."""
    datatype = output.get("datatype")
    if datatype not in _NUMPY:
        raise UserError(
            f"the model's output {output.get('name')!r} holds {datatype}, which are no numbers"
        )
    dtype = (
        np.dtype(ml_dtypes.bfloat16)
        if datatype == "BF16"
        else np.dtype(_NUMPY[datatype]).newbyteorder("<")
    )
    try:
        shape = tuple(map(int, output["shape"]))
        found = (
            np.asarray(output["data"], np.float64) if tail is None else np.frombuffer(tail, dtype)
        )
        if found.size != math.prod(shape):
            raise ValueError("size")
        return found.astype(np.float64).reshape(shape)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Unanswered(
            "the reply's numbers do not fill the shape that it tells", True, whole=True
        ) from None
