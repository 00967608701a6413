"""TensorFlow Serving's REST interface, in the row form."""

import json
from typing import Any
from urllib.parse import quote

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers import Teacher, Unanswered, tensors
from amkd.teachers.http.client import Client
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.outline import outline
from amkd.teachers.pixels import prepare
from amkd.teachers.tensors import FREE, Tensor

_FIELD = "config.teacher.tfserving"
_NUMPY = {
    "DT_UINT8": "uint8",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_HALF": "float16",
    "DT_BFLOAT16": "bfloat16",
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
}


def load(
    connection: Connection,
    model: str,
    version: str,
    signature: str,
    input: str,
    output: str,
    pixels: Pixels,
    shape: tuple[int, int, int],
    classes: int,
    identity: str,
    labels: bool = False,
    batch: int = 1,
) -> Teacher:
    """A teacher behind TensorFlow Serving, checked by its metadata; no image is sent yet.

    Args:
      connection: where it is.
      model: its name.
      version: of the model; empty for the one that the server tells of, to which the teacher then
        keeps.
      signature: of the model; empty for ``serving_default``.
      input: name of the signature's input; empty for the only one.
      output: name of the signature's output; empty for the only one.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the metadata.
      shape: of one image, ``(H, W, C)``.
      classes: scores per image, Y.
      identity: who answers; empty for ``tfserving:{host}/{model}:{version}``.
      labels: whether the output is one class number per image.
      batch: images per request.

    Raises:
      UserError: the model is not there, or takes or answers something else.
    """
    if not model:
        raise UserError(f"{_FIELD}.model is empty: set it to the model's name on the server")
    client = Client(connection)
    try:
        ask = _Ask(client, model, version, signature or "serving_default", input, output)
        ask.check(pixels, shape, classes, labels, batch)
    except BaseException:
        client.close()
        raise
    name = f"tfserving:{client.place}/{model}{ask.version and ':' + ask.version}"
    return Teacher(identity or name, ask, client.patience)


class _Ask:
    """Asks one served model; safe to call from several threads.

    Attributes:
      version: the model's.
      close: closes the connections.
    """

    def __init__(
        self, client: Client, model: str, version: str, signature: str, input: str, output: str
    ) -> None:
        self._client, self._signature = client, signature
        self.close = client.close
        base = f"v1/models/{quote(model, safe='')}"
        metadata = client.get(f"{base}{_versions(version)}/metadata")
        self.version = version or _version(metadata)
        # Without its version a newer one, loaded during a run, would answer in its place.
        self._path = f"{base}{_versions(self.version)}:predict"
        known = _signature(metadata, signature)
        self._input = tensors.choose(_tensors(known, "inputs"), input, f"{_FIELD}.input")
        if len(_tensors(known, "inputs")) > 1:
            raise UserError(
                f"{_FIELD}.signature={signature!r} takes several inputs, and only images can"
                " be given"
            )
        self._output = tensors.choose(_tensors(known, "outputs"), output, f"{_FIELD}.output")

    def check(
        self, pixels: Pixels, shape: tuple[int, int, int], classes: int, labels: bool, batch: int
    ) -> None:
        """Holds the model against the images and the classes."""
        tensors.check_batch(self._input, batch)
        self._pixels = tensors.resolve(pixels, self._input, shape)
        tensors.check_output(self._output, classes, labels)
        self._classes, self._labels = classes, labels

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Scores ``float64[B, Y]`` or labels ``int64[B]`` of ``uint8[B, H, W, C]``."""
        filled = tensors.fill(images, self._input)
        message = {
            "signature_name": self._signature,
            "instances": prepare(filled, self._pixels).tolist(),
        }
        reply = self._client.post(self._path, json.dumps(message).encode()).json()
        if not isinstance(reply, dict) or not isinstance(reply.get("predictions"), list):
            raise UserError(
                f"the reply has no list 'predictions' but is {outline(reply)}: check"
                " config.teacher.http.url"
            )
        return tensors.rows(
            self._values(reply["predictions"]), len(filled), self._classes, self._labels
        )[: len(images)]

    def _values(self, predictions: list[Any]) -> list[Any]:
        """The wanted output's row of every image; rows go by outputs' names where a model has
        several.
        """
        if not any(isinstance(row, dict) for row in predictions):
            return predictions
        try:
            return [row[self._output.name] for row in predictions]
        except TypeError:
            raise Unanswered("the reply mixes rows of several kinds", billed=True) from None
        except KeyError:
            raise UserError(
                f"{_FIELD}.output={self._output.name!r} is not in the reply, which is"
                f" {outline(predictions)}"
            ) from None


def _versions(version: str) -> str:
    return f"/versions/{quote(version, safe='')}" if version else ""


def _version(metadata: Any) -> str:
    """The version that metadata is about, empty if it does not say."""
    spec = metadata.get("model_spec") if isinstance(metadata, dict) else None
    return str(spec.get("version") or "") if isinstance(spec, dict) else ""


def _signature(metadata: Any, name: str) -> dict[str, Any]:
    """What metadata tells of a signature."""
    try:
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        known = sorted(signatures)
    except (KeyError, TypeError):
        raise UserError(
            f"the model's metadata is {outline(metadata)}: check config.teacher.http.url"
        ) from None
    if name not in known:
        raise UserError(
            f"{_FIELD}.signature={name!r} is none of the model's: set it to one of"
            f" {', '.join(known)}"
        )
    return signatures[name]


def _tensors(signature: dict[str, Any], key: str) -> list[Tensor]:
    """The inputs or outputs of a signature."""
    try:
        found = [
            Tensor(
                name,
                _NUMPY.get(told["dtype"], told["dtype"]),
                _shape(told.get("tensor_shape") or {}),
            )
            for name, told in sorted(signature[key].items())
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        found = []
    if not found:
        raise UserError(
            f"the signature's metadata is {outline(signature)}, which tells of no {key}"
        )
    return found


def _shape(told: dict[str, Any]) -> tuple[int, ...] | None:
    """A shape; sizes come as text, and an unknown rank as a flag."""
    if told.get("unknown_rank"):
        return None
    return tuple(int(dim.get("size", FREE)) for dim in told.get("dim", ()))
