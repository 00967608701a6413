"""Decodes many image files a block at a time, without keeping them on disk."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from amkd.core.errors import UserError
from amkd.data import decoding, folder, threads
from amkd.data.decoding import Decoded, DecodeOptions
from amkd.data.image_cache import list_broken


class Files:
    """Image files that are decoded once, in order.

    Attributes:
      broken: files that could not be decoded so far, as (relative path, reason).
      one_colour: files so far in which nearly all pixels have the same colour.
    """

    def __init__(self, root: Path, paths: list[str], options: DecodeOptions) -> None:
        """Takes the files of a folder; opens none of them.

        Args:
          root: the folder.
          paths: the files, relative to the folder.
          options: how they become images.
        """
        self._root, self._paths, self._options = root, paths, options
        self.broken: list[tuple[str, str]] = []
        self.one_colour: list[str] = []

    def blocks(self, most: int) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yields paths and images, ``uint8[M, H, W, C]``, of at most ``most`` files at a time.

        An array is only valid until the next one.

        Raises:
          UserError: none of the files can be decoded.
        """
        images = np.empty((min(most, len(self._paths)), *self._options.shape), np.uint8)
        paths: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about unusual metadata and large images
            decoded = threads.map_in_order(self._read, self._paths, "decode images")
            for path, found in zip(self._paths, decoded, strict=True):
                if isinstance(found, str):
                    self.broken.append((path, found))
                    continue
                if found.one_colour:
                    self.one_colour.append(path)
                images[len(paths)] = found.image
                paths.append(path)
                if len(paths) == most:
                    yield paths, images
                    paths = []
        if paths:
            yield paths, images[: len(paths)]
        if len(self.broken) == len(self._paths):
            raise UserError(
                f"none of the {len(self._paths)} image files in {self._root} can be decoded:"
                f" {list_broken(self.broken)}"
            )

    def _read(self, path: str) -> Decoded | str:
        """Returns the decoded image of a file, or why there is none."""
        try:
            return decoding.read(self._root / path, self._options)
        except decoding.BrokenImageError as error:
            return str(error)
        except OSError as error:
            return error.strerror or type(error).__name__

    def report(self) -> None:
        """Warns of the files that were broken, or have one colour."""
        if self.broken:
            folder.warn(
                f"{len(self.broken):,} of the {len(self._paths):,} image files in {self._root}"
                f" cannot be decoded: {list_broken(self.broken)}. They are skipped"
            )
        folder.warn_of_one_colour(self.one_colour, len(self._paths) - len(self.broken), self._root)
