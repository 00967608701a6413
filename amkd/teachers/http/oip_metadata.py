"""Reads a model's metadata from an Open Inference Protocol server; checks that the images fit."""

import dataclasses
from typing import Any
from urllib.parse import quote

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OipSettings
from amkd.core.errors import UserError
from amkd.teachers import outputs, tensors
from amkd.teachers.http.client import Client
from amkd.teachers.http.reply_outline import outline
from amkd.teachers.pixels import DTYPES, LAYOUTS
from amkd.teachers.tensors import Tensor

_FIELD = "config.teacher.oip"
NUMPY = {
    **{
        f"{kind.upper()}{bits}": f"{kind}{bits}"
        for kind in ("int", "uint")
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
}  # the protocol's name of a type to NumPy's


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """A model that was found on a server and fits the images.

    Attributes:
      path: path of the model and its version, below the server's address.
      version: version of the model; empty if the server does not name one.
      input: the input tensor.
      output: name of the output tensor; empty for the only one of a reply.
      pixels: what the input expects, without any ``auto``.
    """

    path: str
    version: str
    input: Tensor
    output: str
    pixels: Pixels


def read(
    client: Client,
    model: OipSettings,
    *,
    pixels: Pixels,
    shape: tuple[int, int, int],
    wanted: outputs.Wanted,
    batch: int,
) -> ServedModel:
    """Reads the metadata of a model and checks it.

    Args:
      client: the connections to the server.
      model: which model of the server, and which of its tensors.
      pixels: what the model expects; ``auto`` layout and dtype are taken from the metadata.
      shape: ``(H, W, C)`` of one image.
      wanted: what the model must answer.
      batch: images per request.

    Raises:
      UserError: the model does not exist, or its inputs or outputs do not fit.
    """
    base = f"v2/models/{quote(model.model, safe='')}"
    metadata = client.get(_path(base, model.version))
    version = model.version or _only_version(metadata)
    taken = _input(_tensors(metadata, "inputs"), model.input, pixels)
    resolved = tensors.resolve(pixels, taken, shape)
    tensors.check_batch(taken, batch)
    return ServedModel(
        # Without a version, the path would select a newer model that is loaded during a run.
        path=_path(base, version),
        version=version,
        input=taken,
        pixels=resolved,
        output=_output(
            _tensors(metadata, "outputs"), model.output, wanted, single=tensors.is_single(taken)
        ),
    )


def _path(base: str, version: str) -> str:
    return f"{base}/versions/{quote(version, safe='')}" if version else base


def _only_version(metadata: Any) -> str:
    """Returns the version that the metadata names; empty if it does not name one."""
    versions = [str(version) for version in _list_of(metadata, "versions")]
    if len(versions) > 1:
        raise UserError(
            f"{_FIELD}.version is empty, but the server has the versions {', '.join(versions)}: set"
            " it to one of them"
        )
    return versions[0] if versions else ""


def _list_of(metadata: Any, key: str) -> list[Any]:
    if not isinstance(metadata, dict) or not isinstance(metadata.get(key) or [], list):
        raise UserError(
            f"the model's metadata has another form, {outline(metadata)}: check"
            " config.teacher.http.url"
        )
    return metadata.get(key) or []


def _tensors(metadata: Any, key: str) -> list[Tensor]:
    """Returns the ``inputs`` or ``outputs`` of the metadata; some servers do not list them."""
    try:
        return [
            Tensor(
                tensor["name"],
                NUMPY.get(tensor["datatype"], tensor["datatype"]),
                tuple(map(int, tensor["shape"])),
            )
            for tensor in _list_of(metadata, key)
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(
            f"the model's metadata is {outline(metadata)}, whose {key!r} are not tensors: check"
            " config.teacher.http.url"
        ) from None


def _input(found: list[Tensor], name: str, pixels: Pixels) -> Tensor:
    """Returns the input tensor; the settings describe it if the server does not."""
    if found:
        return tensors.choose(found, name, f"{_FIELD}.input")
    if not name or pixels.layout not in LAYOUTS or pixels.dtype not in DTYPES:
        raise UserError(
            f"the server does not describe the model's inputs: set {_FIELD}.input to the input's"
            f" name, config.teacher.pixels.layout to one of {', '.join(LAYOUTS)} and"
            f" config.teacher.pixels.dtype to one of {', '.join(DTYPES)}"
        )
    return Tensor(name, pixels.dtype, None)


def _output(found: list[Tensor], name: str, wanted: outputs.Wanted, *, single: bool) -> str:
    """Returns the name of the output tensor; empty for the only one of a reply."""
    if not found:
        return name
    output = tensors.choose(found, name, f"{_FIELD}.output")
    outputs.check(output, wanted, single=single)
    return output.name
