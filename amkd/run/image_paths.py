"""Finds the files of images by their digests, so that a person can look at them."""

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path

from amkd.config.data import is_of_files
from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.errors import TeacherFailed, UserError
from amkd.data import file_sources


def find(settings: Settings, wanted: Collection[bytes]) -> dict[bytes, str]:
    """Returns the files of images by digest; images that do not come from files are left out.

    Args:
      settings: the configuration, which names the files.
      wanted: the digests.
    """
    found: dict[bytes, str] = {}
    if not wanted or not is_of_files(settings.dataset):
        return found
    cache = Path(settings.cache_dir).expanduser()
    with contextlib.suppress(UserError):  # files that have changed are left out
        for root, paths, images in file_sources.decoded(settings.dataset, settings.data, cache):
            for path, image in zip(paths, images, strict=True):
                digest = image_digest(image)
                if digest in wanted:
                    found.setdefault(digest, str(root / path))
                if len(found) == len(wanted):
                    return found
    return found


def naming_files(settings: Settings, error: TeacherFailed) -> TeacherFailed:
    """Returns an error about refused images with their files; any other error unchanged.

    Args:
      settings: the configuration, which names the files.
      error: the error.
    """
    lines = _lines(settings, error.refused)
    if not lines:
        return error
    named = TeacherFailed("\n".join([str(error), *lines]))
    named.refused, named.others_sent = error.refused, error.others_sent
    named.answered, named.batches = error.answered, error.batches
    return named


def _lines(settings: Settings, refused: Sequence[bytes]) -> list[str]:
    found = find(settings, refused)
    return [f"  image={image.hex()} is {found[image]}" for image in refused if image in found]
