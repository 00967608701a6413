"""The model card of an exported student: ``README.md`` for people, ``card.json`` for programs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import amkd
from amkd.core import files
from amkd.reporting import summary_text

TEXT, DATA = "README.md", "card.json"

_KIND = "amkd student"
_UNKNOWN = "not recorded"
_NO_LICENSE = "not stated: set --config.export.license"

Data = dict[str, Any]


def data(card: Data, formats: dict[str, Data], license: str) -> Data:
    """All that the card tells.

    Args:
      card: of the saved student; of what it may tell, only the network itself must be there.
      formats: for each format its ``file``, ``bytes``, ``sha256`` and ``max_difference``.
      license: empty if none was stated.
    """
    return {
        "kind": _KIND,
        "amkd": amkd.__version__,
        "license": license or None,
        **card,
        "formats": formats,
    }


def measured(facts: Data) -> Data:
    """The figures of one format."""
    return {name: facts[name] for name in ("bytes", "max_difference")}


def is_ours(folder: Path) -> bool:
    """Whether a folder holds a card of this module."""
    try:
        found = json.loads((folder / DATA).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == _KIND


def write(folder: Path, found: Data) -> None:
    """Writes both forms of the card."""
    files.write_text(folder / DATA, json.dumps(found, indent=2) + "\n")
    files.write_text(folder / TEXT, text(found))


def text(found: Data) -> str:
    """The card for people, in Markdown.

    Args:
      found: from :func:`data`.
    """
    parts = [
        f"# {found['model']}, a distilled student",
        _ABOUT,
        "## The model\n",
        _table(_model(found)),
        "## Where it comes from\n",
        _table(_origin(found)),
        "## How good it is\n",
        _table(_quality(found)),
        "## Files\n",
        *(_loading(name, found) for name in found["formats"]),
        "## Configuration of the run\n",
        _configuration(found),
    ]
    return "\n".join(parts) + "\n"


_ABOUT = """
An image classifier, distilled from a black-box teacher by Active Mixup. It was trained on the teacher's
answers to real images and mixes of them, and saw no true label: it has learned the teacher's mistakes too.
"""


def _model(found: Data) -> list[tuple[str, str]]:
    size = ", ".join(map(str, found["shape"]))
    return [
        ("Network", found["model"]),
        (
            "Input",
            f"`uint8[B, {size}]`: any number of images, height, width, channels; values 0 to 255"
            " as they are",
        ),
        ("Output", f"`float32[B, {found['classes']}]`: class probabilities"),
        ("Classes", _classes(found)),
        ("SHA-256 of the student", _known(found, "sha256")),
        ("Licence", found["license"] or _NO_LICENSE),
    ]


def _classes(found: Data) -> str:
    names = found.get("class_names")
    if names == [str(number) for number in range(len(names or ()))]:
        return str(found["classes"])  # they have no names but their numbers
    listed = (
        _UNKNOWN
        if names is None
        else ", ".join(f"{place} {name}" for place, name in enumerate(names))
    )
    return f"{found['classes']}; names: {listed}"


def _origin(found: Data) -> list[tuple[str, str]]:
    currency = (found.get("currency") or "") if found.get("cost") is not None else ""
    return [
        ("Teacher", _known(found, "teacher")),
        ("Queries to the teacher", _known(found, "queries")),
        ("Queries for evaluation", _known(found, "evaluation_queries")),
        ("Cost", f"{_known(found, 'cost')} {currency}"),
        ("Data set", _known(found, "dataset")),
        ("Key of the data", _known(found, "data_key")),
        ("Real images", _known(found, "n_real")),
        ("Made by", f"amkd {found['amkd']}"),
    ]


def _quality(found: Data) -> list[tuple[str, str]]:
    images = (
        "" if found.get("agreement") is None else f" (images: {_known(found, 'agreement_images')})"
    )
    return [
        ("Accuracy on test images", _share(found, "test_accuracy")),
        ("Agreement with the teacher", _share(found, "agreement") + images),
    ]


def _share(found: Data, name: str) -> str:
    return summary_text.percent(found[name]) if name in found else _UNKNOWN


def _loading(name: str, found: Data) -> str:
    facts = found["formats"][name]
    shape = ", ".join(map(str, found["shape"]))
    return (
        f"`{facts['file']}`: {facts['bytes']:,} bytes, SHA-256 `{facts['sha256']}`. On real images"
        " its probabilities"
        f" differ from the student's by {facts['max_difference']:.1e} at most.\n\n"
        f"```python\n{_CODE[name].format(file=facts['file'], shape=shape)}```\n"
    )


_CODE = {
    "stablehlo": """\
import numpy as np
from jax import export  # pip install jax flatbuffers
student = export.deserialize(bytearray(np.fromfile("{file}", np.uint8)))
images = np.zeros((2, {shape}), np.uint8)  # yours
probabilities = np.asarray(student.call(images))
""",
    "onnx": """\
import numpy as np
import onnxruntime  # pip install onnxruntime
student = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])
images = np.zeros((2, {shape}), np.uint8)  # yours
(probabilities,) = student.run(["probabilities"], {{"images": images}})
""",
}


def _configuration(found: Data) -> str:
    config = found.get("config")
    return _UNKNOWN if config is None else f"```json\n{json.dumps(config, indent=2)}\n```"


def _known(found: Data, name: str) -> str:
    return _UNKNOWN if found.get(name) is None else str(found[name])


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: str) -> str:
    """Text that stays inside a table's cell."""
    return " ".join(value.split()).replace("|", "\\|")
