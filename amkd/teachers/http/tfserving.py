"""A teacher behind TensorFlow Serving: its REST interface, in the row form."""

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import TfservingSettings
from amkd.core.errors import UserError
from amkd.teachers import Teacher, Unanswered, outputs, tensors
from amkd.teachers.http.client import Asked, Client
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.reply_outline import outline
from amkd.teachers.http.request_key import request_key
from amkd.teachers.image_spec import ImageSpec
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
    model: TfservingSettings,
    *,
    connection: Connection,
    pixels: Pixels,
    images: ImageSpec,
    label_map: Mapping[str, int] | None = None,
    identity: str = "",
    hard_labels: bool = False,
    batch: int = 1,
) -> Teacher:
    """Returns the teacher, checked against the server's metadata; no image is sent yet.

    Args:
      model: which model of the server. Without a version, the teacher keeps the version that the
        server reports. The signature is ``serving_default`` if it is empty.
      connection: where the server is.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the metadata.
      images: the images and classes that the model must fit.
      label_map: label of the model to class number.
      identity: identity of the teacher; empty for ``tfserving:{host}/{model}:{version}``.
      hard_labels: whether one label per image is accepted as an answer.
      batch: images per request.

    Raises:
      UserError: the model does not exist, or its inputs or outputs do not fit.
    """
    if not model.model:
        raise UserError(f"{_FIELD}.model is empty: set it to the model's name on the server")
    client = Client(connection)
    try:
        ask = _Ask(client, model, outputs.wanted(images, label_map, hard_labels))
        ask.check(pixels, images, batch=batch)
    except BaseException:
        client.close()
        raise
    version = client.redact(ask.version)
    name = f"tfserving:{client.place}/{model.model}{version and ':' + version}"
    name += outputs.key(ask.output, images)
    return Teacher(identity or name, ask, client.patience)


class _Ask:
    """Asks one served model; may be called from several threads.

    Attributes:
      version: version of the model; empty if the server does not name one.
      output: the model's output.
      close: closes the connections.
    """

    def __init__(self, client: Client, model: TfservingSettings, wanted: outputs.Wanted) -> None:
        """Reads the metadata of the model."""
        self._client, self._wanted = client, wanted
        self._signature = model.signature or "serving_default"
        self.close = client.close
        base = f"v1/models/{quote(model.model, safe='')}"
        metadata = client.get(f"{base}{_versions(model.version)}/metadata")
        self.version = model.version or _version(metadata)
        # Without a version, the path would select a newer model that is loaded during a run.
        self._path = f"{base}{_versions(self.version)}:predict"
        known = _signature(metadata, self._signature)
        taken, given = _tensors(known, "inputs"), _tensors(known, "outputs")
        self._input = tensors.choose(taken, model.input, f"{_FIELD}.input")
        if len(taken) > 1:
            raise UserError(
                f"{_FIELD}.signature={self._signature!r} takes several inputs, but only images can"
                " be given"
            )
        self.output = tensors.choose(given, model.output, f"{_FIELD}.output")

    def check(self, pixels: Pixels, images: ImageSpec, *, batch: int) -> None:
        """Checks that the model fits the images and the classes."""
        self._pixels = tensors.resolve(pixels, self._input, images.shape)
        if tensors.is_single(self._input):
            raise UserError(
                f"the model's input {self._input.name!r} of shape {list(self._input.shape or ())}"
                " has no axis for a batch, but the rows of a request always have one: export the"
                " model with a batch axis"
            )
        tensors.check_batch(self._input, batch)
        outputs.check(self.output, self._wanted)

    def of_run(self, run: str) -> Callable[[np.ndarray], np.ndarray]:
        """Returns this function for the requests of one run."""
        return functools.partial(self, run=run)

    def __call__(self, images: np.ndarray, run: str = "") -> np.ndarray:
        """Answers ``uint8[B, H, W, C]`` by scores ``float64[B, Y]`` or labels ``int64[B]``."""
        filled = tensors.fill(images, self._input)
        message = {
            "signature_name": self._signature,
            "instances": tensors.feed(filled, self._input, self._pixels).tolist(),
        }
        asked = Asked(len(filled), self._wanted.classes, request_key(run, images))
        reply = self._client.post(self._path, json.dumps(message).encode(), asked=asked).json()
        if not isinstance(reply, dict) or not isinstance(reply.get("predictions"), list):
            raise UserError(
                f"the reply has no list 'predictions'; it is {outline(reply)}: check"
                " config.teacher.http.url"
            )
        answer = outputs.read(
            self._values(reply["predictions"]),
            self._wanted,
            images=len(filled),
            dtype=self.output.dtype,
        )
        return answer.first(len(images))

    def _values(self, predictions: list[Any]) -> list[Any]:
        """Returns the wanted output's row of every image.

        If a model has several outputs, each row is an object with one value per output.
        """
        if not any(isinstance(row, dict) for row in predictions):
            return predictions
        try:
            return [row[self.output.name] for row in predictions]
        except TypeError:
            raise Unanswered(
                "the reply mixes rows of several kinds", billed=True, whole=True
            ) from None
        except KeyError:
            raise UserError(
                f"{_FIELD}.output={self.output.name!r} is not in the reply, which has the form"
                f" {outline(predictions)}"
            ) from None


def _versions(version: str) -> str:
    return f"/versions/{quote(version, safe='')}" if version else ""


def _version(metadata: Any) -> str:
    """Returns the version that the metadata is about; empty if it does not state one."""
    spec = metadata.get("model_spec") if isinstance(metadata, dict) else None
    return str(spec.get("version") or "") if isinstance(spec, dict) else ""


def _signature(metadata: Any, name: str) -> dict[str, Any]:
    """Returns the part of the metadata that is about a signature."""
    try:
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        known = sorted(signatures)
    except (KeyError, TypeError):
        raise UserError(
            f"the model's metadata has another form, {outline(metadata)}: check"
            " config.teacher.http.url"
        ) from None
    if name not in known:
        raise UserError(
            f"{_FIELD}.signature={name!r} is not a signature of the model: set it to one of"
            f" {', '.join(known)}"
        )
    return signatures[name]


def _tensors(signature: dict[str, Any], key: str) -> list[Tensor]:
    """Returns the inputs or outputs of a signature, sorted by name."""
    try:
        found = [
            Tensor(
                name,
                _NUMPY.get(tensor["dtype"], tensor["dtype"]),
                _shape(tensor.get("tensor_shape") or {}),
            )
            for name, tensor in sorted(signature[key].items())
        ]
    except (AttributeError, KeyError, TypeError, ValueError):
        found = []
    if not found:
        raise UserError(
            f"the signature's metadata is {outline(signature)}, which does not describe {key}:"
            " check config.teacher.tfserving.signature"
        )
    return found


def _shape(shape: dict[str, Any]) -> tuple[int, ...] | None:
    """Returns a shape; sizes come as text, and an unknown rank as a flag."""
    if shape.get("unknown_rank"):
        return None
    return tuple(int(dim.get("size", FREE)) for dim in shape.get("dim", ()))
