"""Exports a finished student to files that need no amkd: StableHLO and ONNX, with a model card."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from amkd.core import folders
from amkd.core.errors import UserError
from amkd.export import agreement, card, onnx, stablehlo
from amkd.models.saved_network import SavedNetwork

FORMATS = ("stablehlo", "onnx")

_MODULES = {"stablehlo": stablehlo, "onnx": onnx}


def write(
    saved: SavedNetwork,
    folder: Path,
    sample: np.ndarray,
    *,
    formats: tuple[str, ...] = FORMATS,
    license: str = "",
) -> dict[str, Any]:
    """Writes a student's files and its model card into a folder, whole or not at all.

    Every file is read back and run: its probabilities must be the student's within 1e-4.

    Args:
      saved: the student.
      folder: to write; an earlier export is replaced, anything else is refused.
      sample: ``uint8[M, H, W, C]``, real images to check the files on; at least one.
      formats: at least one of ``FORMATS``.
      license: of the student; empty if none is stated.

    Returns:
      For each format the ``path`` of its file, its ``bytes``, and the ``max_difference`` of a
      probability from the student's; and the path of the model card, ``card``.

    Raises:
      UserError: something is missing, the folder holds something else, or a file fails its check.
    """
    _check_formats(formats)
    _check_student(saved, sample)
    _check_folder(folder)
    with folders.replacing(folder) as scratch:
        answers = saved.predict(sample)
        written = {
            name: _write_one(name, saved, scratch, sample=sample, answers=answers)
            for name in formats
        }
        card.write(scratch, card.complete(saved.card, written, license))
    paths = {
        name: {
            "path": folder / _file(name),
            "bytes": facts["bytes"],
            "max_difference": facts["max_difference"],
        }
        for name, facts in written.items()
    }
    return {**paths, "card": folder / card.TEXT_FILE}


def _file(name: str) -> str:
    return f"student.{name}"


def _write_one(
    name: str, saved: SavedNetwork, folder: Path, *, sample: np.ndarray, answers: np.ndarray
) -> dict[str, Any]:
    """Writes and checks one format; returns what the card says about the file."""
    shape = tuple(saved.card["shape"])
    network = saved.network()
    path = folder / _file(name)
    path.write_bytes(_MODULES[name].dump(network, saved.variables, shape))
    difference = agreement.check(name, _MODULES[name].load(path), sample, answers=answers)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "file": path.name,
        "bytes": path.stat().st_size,
        "max_difference": difference,
        "sha256": digest,
    }


def _check_formats(formats: tuple[str, ...]) -> None:
    if not formats or set(formats) - set(FORMATS):
        raise UserError(
            f"config.export.formats={','.join(formats)!r} must name one or more of"
            f" {', '.join(FORMATS)}"
        )
    if "onnx" in formats:
        onnx.check_installed()


def _check_student(saved: SavedNetwork, sample: np.ndarray) -> None:
    if saved.card["role"] != "student":
        raise UserError(
            f"a saved {saved.card['role']} is not exported; name the folder of a saved student"
        )
    shape = tuple(saved.card["shape"])
    if sample.dtype != np.uint8 or sample.shape[1:] != shape or not len(sample):
        raise UserError(
            f"the export is checked on {sample.dtype} images of shape {sample.shape}, and the"
            f" student takes uint8 images of {shape} (H, W, C): use the data set it was distilled"
            " on (config.dataset, config.data.size)"
        )


def _check_folder(folder: Path) -> None:
    """Refuses what cannot be written, and to replace what is not an earlier export."""
    if why := folders.obstacle(folder.parent):
        raise UserError(f"--output={folder}: {why}; name another folder")
    if not folder.exists():
        return
    ours = {*map(_file, FORMATS), card.TEXT_FILE, card.DATA_FILE}
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else None
    if found is None or (found and not (found <= ours and card.is_in(folder))):
        raise UserError(
            f"{folder} is there and is no earlier export: nothing was written; choose a new folder"
        )
