"""A folder of pictures through a saved student, to CSV: ``--mode=predict``."""

import contextlib
import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.data import folder
from amkd.models.saved_network import SavedNetwork

_BLOCK = 4096  # images in memory at once


class Written(NamedTuple):
    """What came of a folder.

    Attributes:
      pictures: rows in the file.
      broken: files that could not be read, as (relative path, reason).
      ignored: files that are no pictures by name.
    """

    pictures: int
    broken: list[tuple[str, str]]
    ignored: int


def policy(saved: SavedNetwork, resize: str) -> folder.Policy:
    """How files become the images that a network was made for.

    Args:
      saved: the network; its card says how its own pictures were made.
      resize: for a network that does not say.

    Raises:
      UserError: it was made for images that no picture file is turned into.
    """
    height, width, channels = saved.card["shape"]
    if height != width or channels not in (1, 3):
        raise UserError(
            f"the network takes images of {height}x{width}x{channels}; pictures become square,"
            " grey or RGB"
        )
    way = saved.card.get("pictures", {}).get("resize", resize)
    return folder.Policy(height, way, "rgb" if channels == 3 else "grey", "skip")


def write(saved: SavedNetwork, root: Path, output: Path, resize: str, cache_dir: Path) -> Written:
    """Predicts every picture of a folder tree; copies of one picture have a row each.

    Args:
      saved: the network.
      root: the folder.
      output: CSV file, made whole or not at all: file (relative to ``root``), class, probability.
      resize: how pictures become square, for a network that does not say how its own did.
      cache_dir: where decoded pictures are kept.

    Raises:
      UserError: no pictures, or a file that cannot be written.
    """
    pictures = folder.load(
        root, policy(saved, resize), cache_dir, drop_duplicates=False, field="--images"
    )
    names = saved.card.get("class_names") or [
        str(number) for number in range(saved.card["classes"])
    ]
    scratch = output.with_name(output.name + ".part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as lines:
            table = csv.writer(lines)
            table.writerow(("file", "class", "probability"))
            table.writerows(_rows(saved, pictures, names))
        os.replace(scratch, output)
    except OSError as error:
        raise UserError(
            f"--output={output} cannot be written ({error}); name another file"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
    return Written(len(pictures.paths), pictures.broken, pictures.ignored)


def _rows(
    saved: SavedNetwork, pictures: folder.Pictures, names: list[str]
) -> Iterator[tuple[str, str, str]]:
    for start in range(0, len(pictures.paths), _BLOCK):
        block = slice(start, start + _BLOCK)
        answers = saved.predict(np.asarray(pictures.images[block]))
        for path, row in zip(pictures.paths[block], answers, strict=True):
            best = int(np.argmax(row))
            yield path, names[best], f"{row[best]:.6f}"
