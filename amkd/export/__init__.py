"""Exports a finished student to files that can be used without amkd, with a model card.

The files are StableHLO and ONNX, and ONNX in 8 bits.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from amkd.core import folders
from amkd.core.errors import UserError
from amkd.export import card, int8, latency, onnx, quantised, same_answers, stablehlo
from amkd.export.int8 import Quantization
from amkd.models.saved_network import SavedNetwork

FORMATS = ("stablehlo", "onnx")  # by default
INT8 = "onnx_int8"
ALL = (*FORMATS, INT8)

_MODULES = {"stablehlo": stablehlo, "onnx": onnx}


def write(
    saved: SavedNetwork,
    folder: Path,
    sample: np.ndarray,
    *,
    formats: tuple[str, ...] = FORMATS,
    license: str = "",
    quantization: Quantization | None = None,
) -> dict[str, Any]:
    """Writes a student's files and its model card into a folder, whole or not at all.

    Every file is read back and run: its probabilities must be the student's within 1e-4. A file in
    8 bits is compared with the student instead, and the card states how much is lost.

    Args:
      saved: the student.
      folder: where to write; an earlier export is replaced, and any other content is refused.
      sample: ``uint8[M, H, W, C]``, real images to check the files on; at least one.
      formats: one or more of ``ALL``.
      license: the license of the student; empty if none is stated.
      quantization: images for the format ``onnx_int8``, which needs them.

    Returns:
      For each format the ``path`` of its file, its ``bytes``, and the ``max_difference`` of a
      probability from the student's; for ``onnx_int8`` also the ``warning``, None if there is none;
      and the path of the model card, ``card``.

    Raises:
      UserError: something is missing, the folder has other content, or a file fails its check.
    """
    _check_formats(formats)
    formats = tuple(sorted(formats, key=ALL.index))
    _check_student(saved, sample)
    _check_folder(folder)
    with folders.replacing(folder) as scratch:
        answers = saved.predict(sample)
        written = {
            name: _write_one(name, saved, scratch, sample=sample, answers=answers)
            for name in formats
            if name != INT8
        }
        if INT8 in formats:
            assert quantization is not None
            written[INT8] = _write_int8(
                saved, scratch, quantization, sample=sample, answers=answers
            )
        card.write(scratch, card.complete(saved.card, written, license))
    paths = {
        name: {
            "path": folder / _file(name),
            "bytes": facts["bytes"],
            "max_difference": facts["max_difference"],
            **({"warning": facts["compared"]["warning"]} if name == INT8 else {}),
        }
        for name, facts in written.items()
    }
    return {**paths, "card": folder / card.TEXT_FILE}


def _file(name: str) -> str:
    return "student.int8.onnx" if name == INT8 else f"student.{name}"


def _write_one(
    name: str, saved: SavedNetwork, folder: Path, *, sample: np.ndarray, answers: np.ndarray
) -> dict[str, Any]:
    """Writes and checks one format; returns what the card says about the file."""
    shape = tuple(saved.card["shape"])
    network = saved.network()
    path = folder / _file(name)
    path.write_bytes(_MODULES[name].dump(network, saved.variables, shape))
    difference = same_answers.check(name, _MODULES[name].load(path), sample, answers=answers)
    return _facts(path, difference)


def _write_int8(
    saved: SavedNetwork,
    folder: Path,
    given: Quantization,
    *,
    sample: np.ndarray,
    answers: np.ndarray,
) -> dict[str, Any]:
    """Writes the file in 8 bits, and compares it; returns what the card says about it."""
    path, full = folder / _file(INT8), folder / _file("onnx")
    model = (
        full.read_bytes()
        if full.exists()
        else onnx.dump(saved.network(), saved.variables, tuple(saved.card["shape"]))
    )
    path.write_bytes(int8.dump(model, given.calibration))
    run = onnx.load(path)
    # Any probabilities are accepted here: the card states their distance from the student's.
    difference = same_answers.check(INT8, run, sample, answers=answers, tolerance=1.0)
    return {
        **_facts(path, difference),
        "latency": latency.measure(path.read_bytes(), sample[0]),
        "calibration_images": min(len(given.calibration), int8.MOST_IMAGES),
        "full": {"bytes": len(model), "latency": latency.measure(model, sample[0])},
        "compared": quantised.compare(saved.predict, run, given),
    }


def _facts(path: Path, difference: float) -> dict[str, Any]:
    """Returns what the card says about any file."""
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "max_difference": difference,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _check_formats(formats: tuple[str, ...]) -> None:
    if not formats or set(formats) - set(ALL):
        raise UserError(
            f"config.export.formats={','.join(formats)!r} must name one or more of {', '.join(ALL)}"
        )
    if {"onnx", INT8} & set(formats):
        onnx.check_installed()
    if INT8 in formats:
        int8.check_installed()


def _check_student(saved: SavedNetwork, sample: np.ndarray) -> None:
    if saved.card["role"] != "student":
        raise UserError(
            f"a saved {saved.card['role']} cannot be exported; give the folder of a saved student"
        )
    shape = tuple(saved.card["shape"])
    if sample.dtype != np.uint8 or sample.shape[1:] != shape or not len(sample):
        raise UserError(
            f"the export is checked on {sample.dtype} images of shape {sample.shape}, but the"
            f" student takes uint8 images of {shape} (H, W, C): use the data set on which it was"
            " distilled (config.dataset, config.data.size)"
        )


def _check_folder(folder: Path) -> None:
    """Refuses a folder that cannot be written, or whose content is not an earlier export."""
    if why := folders.obstacle(folder.parent):
        raise UserError(f"--output={folder}: {why}; choose another folder")
    if not folder.exists():
        return
    ours = {*map(_file, ALL), card.TEXT_FILE, card.DATA_FILE}
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else None
    if found is None or (found and not (found <= ours and card.is_in(folder))):
        raise UserError(
            f"{folder} exists and is not an earlier export: nothing was written; choose a new"
            " folder"
        )
