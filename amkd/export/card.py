"""The model card of an exported student: ``README.md`` for people, ``card.json`` for programs."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import amkd
from amkd.core import console, files
from amkd.export import photograph, quantised
from amkd.reporting import assistant_text, summary_text

TEXT_FILE, DATA_FILE = "README.md", "card.json"

_KIND = "amkd student"
_UNKNOWN = "not recorded"
_NO_LICENSE = "not stated: set --config.export.license"

# An underscore inside a word, as in lenet5_half, is not Markdown.
_MARKUP = re.compile(r"[\\`*\[\]<>&|~$!#]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(|:(?=//)")
_HTML = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}

Card = dict[str, Any]


def complete(student: Card, formats: dict[str, Card], license: str) -> Card:
    """Completes the card of a saved student to that of an export.

    Args:
      student: its card; only the fields about the network itself are required.
      formats: for each format its ``file``, ``bytes``, ``sha256`` and ``max_difference``.
      license: empty if none was stated.
    """
    return {
        "kind": _KIND,
        "amkd": amkd.__version__,
        "license": license or None,
        **student,
        "formats": formats,
    }


def is_in(folder: Path) -> bool:
    """Returns whether a folder contains a card that this module wrote."""
    try:
        found = json.loads((folder / DATA_FILE).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and found.get("kind") == _KIND


def write(folder: Path, card: Card) -> None:
    """Writes both forms of a complete card."""
    files.write_text(folder / DATA_FILE, json.dumps(card, indent=2) + "\n")
    files.write_text(folder / TEXT_FILE, text(card))


def text(card: Card) -> str:
    """Formats a complete card for people, in Markdown."""
    parts = [
        f"# {_escaped(card['model'])}, a distilled student",
        _about(card),
        "## The model\n",
        _table(_model(card)),
        "## Where it comes from\n",
        _table(_origin(card)),
        "## How good it is\n",
        _table(_quality(card)),
        "## How a photograph becomes its input\n",
        _photograph(card),
        "## Files\n",
        *(_loading(name, card) for name in card["formats"]),
        "## Configuration of the run\n",
        _configuration(card),
    ]
    return "\n".join(parts) + "\n"


_LEARNED = """It was trained on the teacher's answers{images}, without ground-truth labels: it has \
also learned the
teacher's mistakes.
"""
_INSIDE = "The training also used the teacher's network (its weights, features or gradients).\n"
_LABELS = "It was trained on ground-truth labels; there was no teacher.\n"
_ASSISTED = """It was also trained on answers that the teacher did not give. They come from an \
assistant, which is a network
that was trained on the teacher's answers. Their number is given below.
"""


def _about(card: Card) -> str:
    """Describes what the student was trained on, as far as the card knows it."""
    method = f" by the method `{card['method']}` of amkd" if card.get("method") else ""
    if card.get("ground_truth"):
        return f"\nAn image classifier, trained{method}. {_LABELS}"
    kind = "teacher" if card.get("white_box") else "black-box teacher"
    return (
        f"\nAn image classifier, distilled from a {kind}{method}.\n"
        f"{_LEARNED.format(images=_images(card))}{_INSIDE if card.get('white_box') else ''}"
        f"{_ASSISTED if card.get('assistant') else ''}"
    )


def _images(card: Card) -> str:
    """Describes the queried images, where they are not only real images."""
    kinds = (("mixes", "are mixes of two"), ("made", "were made by the method"))
    parts = [f"{card[name]:,} of which {told}" for name, told in kinds if card.get(name)]
    return f" to {card['queries']:,} images, {' and '.join(parts)}" if parts else ""


def _model(card: Card) -> list[tuple[str, str]]:
    size = ", ".join(map(str, card["shape"]))
    return [
        ("Network", _escaped(card["model"])),
        (
            "Input",
            f"`uint8[B, {size}]`: any number of images, height, width, channels; values from 0 to"
            " 255, not scaled",
        ),
        ("Output", f"`float32[B, {card['classes']}]`: class probabilities"),
        ("Classes", _classes(card)),
        ("SHA-256 of the student", _known(card, "sha256")),
        *_first_weights(card),
        ("Licence", _escaped(card["license"]) if card["license"] else _NO_LICENSE),
    ]


def _first_weights(card: Card) -> list[tuple[str, str]]:
    """Returns the rows about the initial weights of the student; none if they were random."""
    found = card.get("student_weights")
    if not found:
        return []
    return [
        ("Initial weights", f"{_known(found, 'source')}, SHA-256 {_known(found, 'sha256')}"),
        ("Licence of the initial weights", _known(found, "license")),
    ]


def _classes(card: Card) -> str:
    names = card.get("class_names")
    if names == [str(number) for number in range(len(names or ()))]:
        return str(card["classes"])  # they have no names, only numbers
    listed = _UNKNOWN
    if names is not None:
        listed = ", ".join(f"{number} {name}" for number, name in enumerate(map(_escaped, names)))
    return f"{card['classes']}; names: {listed}"


def _origin(card: Card) -> list[tuple[str, str]]:
    currency = _escaped(card.get("currency") or "") if card.get("cost") is not None else ""
    return [
        ("Teacher", _known(card, "teacher")),
        ("Queries to the teacher", _known(card, "queries")),
        *_imported(card),
        ("Queries for evaluation", _known(card, "evaluation_queries")),
        *_assistant(card),
        ("Cost of the run", f"{_known(card, 'cost')} {currency}"),
        ("Data set", _known(card, "dataset")),
        ("Key of the data", _known(card, "data_key")),
        ("Real images in round 0", _known(card, "n_real")),
        ("Made by", f"amkd {card['amkd']}"),
    ]


def _imported(card: Card) -> list[tuple[str, str]]:
    count = card.get("queries_imported")
    return [("Imported answers among these", str(count))] if count else []


def _assistant(card: Card) -> list[tuple[str, str]]:
    """Returns the rows about the part of the training set that an assistant answered."""
    told = card.get("assistant")
    if not told:
        return []
    rows = [
        ("Answered by an assistant, not by the teacher", _escaped(assistant_text.sentence(told)))
    ]
    if weights := told.get("weights"):
        first = f"{_known(weights, 'source')}, SHA-256 {_known(weights, 'sha256')}"
        rows.append(("Initial weights of the assistant", first))
        rows.append(("Licence of the assistant's initial weights", _known(weights, "license")))
    return rows


def _quality(card: Card) -> list[tuple[str, str]]:
    return [
        ("Accuracy on test images", _share(card, "test_accuracy", "test_images")),
        ("Agreement with the teacher", _share(card, "agreement", "agreement_images")),
        ("In brackets", "95% intervals (Wilson)"),
    ]


def _share(card: Card, name: str, counted: str) -> str:
    if name not in card:
        return _UNKNOWN
    images = card.get(counted)
    known = card[name] is not None and isinstance(images, int)
    share = summary_text.percent(card[name], images if known else None)
    return f"{share}, on {images:,} images" if known and images else share


def _photograph(card: Card) -> str:
    """Describes how the pixels of a file become the student's input."""
    code = photograph.code(card)
    height, width, channels = card["shape"]
    if height != width and channels in (1, 3) and card.get("pictures"):
        return (
            "`amkd --mode=predict` converts image files to this size in the same way as the"
            f" training: {card['pictures']['resize']}, to a height of {height} and a width of"
            f" {width} pixels. The network itself scales the values.\n"
        )
    if not code:
        return (
            "The network takes images in the form of its data set, not image files: see Input"
            " above. The network itself scales the values.\n"
        )
    what = "In the training, image files of eight bits per colour were converted in this way."
    if not card.get("pictures", {}).get("of_files", True):
        what = (
            "The images of the training did not come from image files. This code converts image"
            " files of eight bits per colour to images of the same size and colours."
        )
    return (
        f"{what} The values stay from 0 to 255: the network itself scales them.\n\n"
        f"```python\n{code}```\n"
    )


def _loading(name: str, card: Card) -> str:
    facts = card["formats"][name]
    shape = ", ".join(map(str, card["shape"]))
    code = _CODE[name.removesuffix("_int8")]
    own = f"np.zeros((2, {shape}), np.uint8)  # replace with your images"
    if photograph.code(card):
        own = 'np.stack([image_of("photo.jpg")])  # image_of is above'
    return (
        f"`{facts['file']}`: {facts['bytes']:,} bytes, SHA-256 `{facts['sha256']}`. On real images"
        " its probabilities differ from the student's by"
        f" {facts['max_difference']:.1e} at most.\n\n{_precision(facts)}"
        f"```python\n{code.format(file=facts['file'], images=own)}```\n"
    )


def _precision(facts: Card) -> str:
    """Returns the effect of 8 bits, for a quantised file."""
    if "compared" not in facts:
        return ""
    warning = facts["compared"]["warning"]
    calibrated = f"Calibrated on {facts['calibration_images']} real images."
    return "\n".join(
        [
            *([f"**Warning:** {warning}.\n"] if warning else []),
            f"{calibrated} {quantised.sentence(facts)}\n",
            "| | full precision | 8 bits |",
            "|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in quantised.rows(facts)),
            "\n",
        ]
    )


_CODE = {
    "stablehlo": """\
import numpy as np
from jax import export  # pip install jax flatbuffers
student = export.deserialize(bytearray(np.fromfile("{file}", np.uint8)))
images = {images}
probabilities = np.asarray(student.call(images))
""",
    "onnx": """\
import numpy as np
import onnxruntime  # pip install onnxruntime
student = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])
images = {images}
(probabilities,) = student.run(["probabilities"], {{"images": images}})
""",
}


def _configuration(card: Card) -> str:
    config = card.get("config")
    return _UNKNOWN if config is None else f"```json\n{json.dumps(config, indent=2)}\n```"


def _known(card: Card, name: str) -> str:
    return _UNKNOWN if card.get(name) is None else _escaped(card[name])


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = ["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in rows)]
    return "\n".join(lines) + "\n"


def _cell(value: str) -> str:
    """Returns text on a single line, for a cell of a table."""
    return " ".join(value.split())


def _escaped(name: object) -> str:
    """Returns a name, which may come from other people, as text without meaning in Markdown and
    HTML.
    """
    text = console.visible(" ".join(str(name).split()))
    return _MARKUP.sub(lambda found: _HTML.get(found[0], f"\\{found[0]}"), text)
