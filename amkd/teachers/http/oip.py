"""A teacher behind the Open Inference Protocol, version 2.

MLServer, Triton, OpenVINO Model Server, KServe and others support it.
"""

import functools
from collections.abc import Callable, Mapping

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OipSettings
from amkd.core.errors import UserError
from amkd.teachers import Refused, Teacher, outputs, tensors
from amkd.teachers.http import oip_message, oip_metadata
from amkd.teachers.http.client import Asked, Client
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.oip_metadata import ServedModel
from amkd.teachers.http.request_key import request_key
from amkd.teachers.image_spec import ImageSpec

_FIELD = "config.teacher.oip"


def load(
    model: OipSettings,
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
      model: which model of the server, and which of its tensors.
      connection: where the server is.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the metadata.
      images: the images and classes that the model must fit.
      label_map: label of the model to class number.
      identity: identity of the teacher; empty for ``oip:{host}/{model}:{version}``.
      hard_labels: whether one label per image is accepted as an answer.
      batch: images per request.

    Raises:
      UserError: the model does not exist, or its inputs or outputs do not fit.
    """
    if not model.model:
        raise UserError(f"{_FIELD}.model is empty: set it to the model's name on the server")
    if model.binary not in ("auto", "yes", "no"):
        raise UserError(f"{_FIELD}.binary={model.binary!r} must be auto, yes or no")
    wanted = outputs.wanted(images, label_map, hard_labels)
    client = Client(connection)
    try:
        served = oip_metadata.read(
            client, model, pixels=pixels, shape=images.shape, wanted=wanted, batch=batch
        )
        binary = model.binary == "yes" or (model.binary == "auto" and _offers_binary(client))
    except BaseException:
        client.close()
        raise
    version = client.redact(served.version)
    name = f"oip:{client.place}/{model.model}{version and ':' + version}"
    ask = _Ask(client, served, wanted, binary=binary)
    return Teacher(identity or name, ask, client.patience)


def _offers_binary(client: Client) -> bool:
    try:
        server = client.get("v2")
    except Refused:  # a gateway may expose only the models
        return False
    return isinstance(server, dict) and oip_message.BINARY in (server.get("extensions") or ())


class _Ask:
    """Asks one served model; may be called from several threads.

    Attributes:
      close: closes the connections.
    """

    def __init__(
        self, client: Client, served: ServedModel, wanted: outputs.Wanted, *, binary: bool
    ) -> None:
        self._client, self._served, self._wanted = client, served, wanted
        self._binary = binary
        self.close = client.close

    def of_run(self, run: str) -> Callable[[np.ndarray], np.ndarray]:
        """Returns this function for the requests of one run."""
        return functools.partial(self, run=run)

    def __call__(self, images: np.ndarray, run: str = "") -> np.ndarray:
        """Answers ``uint8[B, H, W, C]`` by scores ``float64[B, Y]`` or labels ``int64[B]``."""
        served = self._served
        filled = tensors.fill(images, served.input)
        asked = Asked(len(filled), self._wanted.classes, request_key(run, images))
        content, headers = oip_message.request(
            served,
            tensors.feed(filled, served.input, served.pixels),
            name=asked.key,
            binary=self._binary,
        )
        reply = self._client.post(f"{served.path}/infer", content, headers, asked=asked)
        answer = outputs.read(
            oip_message.values(reply, served, asked.key),
            self._wanted,
            images=len(filled),
            dtype="",
            single=tensors.is_single(served.input),
        )
        return answer.first(len(images))
