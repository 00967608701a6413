"""Predicts a folder of image files with a saved student, to CSV: ``--mode=predict``."""

import contextlib
import csv
import dataclasses
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from amkd.core import csv_text, devices
from amkd.core.errors import UserError
from amkd.data import decoded_blocks, decoding, folder
from amkd.data.decoding import DecodeOptions
from amkd.models.saved_network import SavedNetwork

_BLOCK = 4096  # images in memory at once, but not more than these bytes
_BLOCK_BYTES = 2**28
_HEAD = ("file", "class", "probability")


@dataclasses.dataclass(frozen=True)
class Predicted:
    """Counts of a predicted folder.

    Attributes:
      images: rows in the file.
      broken: files that could not be read, as (relative path, reason).
      ignored: how many files are not image files by their names.
    """

    images: int
    broken: list[tuple[str, str]]
    ignored: int


def decode_options(saved: SavedNetwork, resize: str) -> DecodeOptions:
    """Returns how image files are converted to a network's input.

    Args:
      saved: the network; its card says how the image files of its training were converted.
      resize: how images are resized if the network's card does not say it.

    Raises:
      UserError: image files cannot be converted to its input.
    """
    height, width, channels = saved.card["shape"]
    if channels not in (1, 3):
        raise UserError(
            f"the network takes images of {height}x{width}x{channels}, but image files are"
            " converted to grey or RGB images"
        )
    kind = saved.card.get("pictures", {}).get("resize", resize)
    return DecodeOptions(height, kind, "rgb" if channels == 3 else "grey", "skip", width)


def write(
    saved: SavedNetwork,
    root: Path,
    output: Path,
    *,
    resize: str,
    plain: bool = False,
) -> Predicted:
    """Predicts every image file of a folder and its subfolders; each copy of an image has a row.

    Decoded images are not cached: a folder to predict has other files each time, and the cache
    would only grow.

    Args:
      saved: the network.
      root: the folder.
      output: CSV file, written whole or not at all: file (relative to ``root``), class,
        probability. Earlier predictions are replaced, any other file is refused.
      resize: how images are resized if the network's card does not say it.
      plain: write names without a change; else as ``amkd.core.csv_text`` protects them.

    Raises:
      UserError: there are no image files, or none can be decoded; the output cannot be written, or
        is another file.
    """
    _check_output(output)
    options = decode_options(saved, resize)
    decoding.check(options)
    listing = folder.list_images(root, "--images")
    files = decoded_blocks.Files(root, listing.paths, options)
    scratch = output.with_name(f"{output.name}.{os.getpid()}.part")
    shown = str if plain else csv_text.protect
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as lines:
            table = csv.writer(lines)
            table.writerow(_HEAD)
            table.writerows(map(shown, row) for row in _rows(saved, files))
        files.report()
        os.replace(scratch, output)
    except OSError as error:
        raise UserError(
            f"--output={output} cannot be written ({error}); choose another file"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
    return Predicted(len(listing.paths) - len(files.broken), files.broken, listing.ignored)


def _check_output(output: Path) -> None:
    """Refuses to replace a file that is not an earlier output."""
    if not output.exists():
        return
    if not output.is_file():
        raise UserError(
            f"--output={output} cannot be written (it is not a file); choose another file"
        )
    with output.open(newline="", encoding="utf-8", errors="surrogateescape") as lines:
        first = lines.readline(100)
    if first.rstrip("\r\n") != ",".join(_HEAD):
        raise UserError(
            f"--output={output} exists and does not contain earlier predictions: nothing was"
            " written; choose a new file"
        )


def _rows(saved: SavedNetwork, files: decoded_blocks.Files) -> Iterator[tuple[str, str, str]]:
    names = saved.card.get("class_names") or list(map(str, range(saved.card["classes"])))
    saved = saved._replace(variables=devices.place(saved.variables))
    most = max(min(_BLOCK, _BLOCK_BYTES // math.prod(saved.card["shape"])), 1)
    for paths, images in files.blocks(most):
        for path, row in zip(paths, saved.predict(images), strict=True):
            best = int(np.argmax(row))
            yield path, names[best], f"{row[best]:.6f}"
