"""Files of weights on the Hugging Face hub: ``hf:owner/name`` or ``hf:owner/name@COMMIT``."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core.errors import UserError
from amkd.core.extras import require

_NAME = re.compile(r"hf:([\w.-]+/[\w.-]+?)(?:@([0-9a-f]{40}))?")
_LICENSE = re.compile(r"^license:\s*[\"']?([\w.-]+)", re.MULTILINE)

WEIGHTS = "model.safetensors"


class HubFiles(NamedTuple):
    """Files of a model on this machine.

    Attributes:
      weights: the safetensors file.
      config: timm's description; None if the model does not have one.
      license: the license that its page states; empty if it states none.
      source: ``hf:owner/name@COMMIT``.
    """

    weights: Path
    config: Path | None
    license: str
    source: str


def is_name(spec: str) -> bool:
    """Returns whether a value has the form of a name on the hub."""
    return spec.startswith("hf:")


def problem(spec: str, name: str = "student_weights") -> str:
    """Returns why ``spec`` is not a name on the hub, empty if it is one; ``name``: its field."""
    if _NAME.fullmatch(spec):
        return ""
    return (
        f"config.{name}={spec!r}: must be hf:OWNER/NAME, such as"
        " hf:timm/resnet18.a1_in1k, or hf:OWNER/NAME@COMMIT with all 40 digits of a commit"
    )


def fetch(spec: str, name: str = "student_weights") -> HubFiles:
    """Downloads a model's files, or finds them in the hub's cache.

    Args:
      spec: the value of a field.
      name: the name of that field.

    Raises:
      UserError: the files cannot be loaded, or a package is missing.
    """
    field = f"config.{name}={spec!r}"
    found = _NAME.fullmatch(spec)
    if not found:
        raise UserError(problem(spec, name))
    hub = require(
        "huggingface_hub",
        extra="pretrained",
        field=field,
        instead="download model.safetensors and config.json by hand and set the field to the file",
    )
    repository, commit = found.groups()
    try:
        weights = Path(hub.hf_hub_download(repository, WEIGHTS, revision=commit))
    except Exception as error:  # of many kinds; most come from the connection
        raise UserError(
            f"{field}: {WEIGHTS} cannot be loaded ({type(error).__name__}: {error}); check the name"
            " and the network connection, or download model.safetensors and config.json by hand and"
            f" set --config.{name}=FILE.safetensors"
        ) from error
    commit = weights.parent.name  # the cache keeps each commit in a folder with its name
    config = _optional(hub, repository, "config.json", commit)
    page = _optional(hub, repository, "README.md", commit)
    stated = _LICENSE.search(page.read_text(encoding="utf-8")) if page else None
    return HubFiles(weights, config, stated[1] if stated else "", f"hf:{repository}@{commit}")


def _optional(hub: Any, repository: str, name: str, commit: str) -> Path | None:
    try:
        return Path(hub.hf_hub_download(repository, name, revision=commit))
    except Exception:  # the model has no such file, or it is not in the cache
        return None
