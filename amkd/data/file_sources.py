"""Data sets whose images are decoded from image files: a folder, a manifest, Hugging Face, or a
folder of a lane benchmark.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from amkd.config.data import DataSettings, is_of_lanes, source_of
from amkd.core.errors import UserError
from amkd.data import (
    folder,
    hub,
    image_files,
    lane_folders,
    listed_images,
    manifest,
    own_images,
    remote,
)
from amkd.data.dataset import DataSet
from amkd.data.image_files import ImageFile
from amkd.data.listed_images import ListOptions
from amkd.data.manifest import Listed

_MANIFEST = "config.data.manifest"


def load(dataset: str, settings: DataSettings, *, seed: int, cache_dir: Path) -> DataSet:
    """Loads a data set of image files.

    Args:
      dataset: its name: ``folder``, ``manifest``, ``hf:...``, ``tusimple`` or ``culane``.
      settings: the ``data.*`` group.
      seed: the run's seed; decides which images are held out.
      cache_dir: where decoded images are kept.

    Raises:
      UserError: a folder, a table or an image file cannot be used, or there are too few images.
    """
    if source_of(dataset) == "folder":
        return own_images.from_folder(settings, seed, cache_dir)
    if is_of_lanes(dataset):
        return lane_folders.load(dataset, settings, seed=seed, cache_dir=cache_dir)
    listed = _listed(dataset, settings, cache_dir)
    return listed_images.load(listed, _listing(dataset, settings, seed, cache_dir))


def _listing(dataset: str, settings: DataSettings, seed: int, cache_dir: Path) -> ListOptions:
    of_hub = source_of(dataset) == "hf"
    return ListOptions(
        name=dataset,
        field=f"config.dataset={dataset!r}" if of_hub else f"{_MANIFEST}={settings.manifest!r}",
        decode=own_images.decode_options(settings),
        cache_dir=cache_dir,
        held_out=settings.held_out,
        test_images=settings.test_images,
        seed=seed,
        strict=not of_hub,
    )


def decoded(
    dataset: str, settings: DataSettings, cache_dir: Path
) -> Iterator[tuple[Path, Sequence[str], np.ndarray]]:
    """Yields the decoded images of a data set, those of the training split first.

    Each part is the root of its paths, the paths, and ``uint8[M, H, W, C]``.

    Args:
      dataset: its name: ``folder``, ``manifest`` or ``hf:...``.
      settings: the ``data.*`` group.
      cache_dir: where decoded images are kept.

    Raises:
      UserError: the image files cannot be listed or decoded.
    """
    if source_of(dataset) == "folder":
        options = own_images.decode_options(settings)
        for name in ("folder", "test_folder"):
            if place := getattr(settings, name):
                root = remote.local_folder(place, cache_dir, f"config.data.{name}")
                found = folder.load(root, options, cache_dir, drop_duplicates=name == "folder")
                yield root, found.paths, found.images
        return
    listed = _listed(dataset, settings, cache_dir)
    for part in listed_images.decoded(listed, _listing(dataset, settings, 0, cache_dir)):
        yield listed.root, part.paths, part.images


def _listed(dataset: str, settings: DataSettings, cache_dir: Path) -> Listed:
    names = own_images.parse_class_names(settings.classes)
    if source_of(dataset) == "hf":
        found = hub.read(
            dataset,
            cache_dir,
            image_column=settings.image_column,
            label_column=settings.label_column,
        )
        return _with_classes(found, names, dataset)
    path = manifest_file(settings, cache_dir)
    found = manifest.read(
        path,
        classes=names,
        path_column=settings.image_column,
        label_column=settings.label_column,
        base=settings.manifest if remote.is_remote(settings.manifest) else "",
    )
    return _fetched(found, cache_dir)


def manifest_file(settings: DataSettings, cache_dir: Path) -> Path:
    """Returns the manifest's file; for a manifest in a bucket, its copy."""
    return remote.local_file(settings.manifest, cache_dir, _MANIFEST)


def _with_classes(found: Listed, names: tuple[str, ...], dataset: str) -> Listed:
    """Gives classes to a data set that does not name its classes."""
    if not names:
        return found
    if found.classes and found.classes != names:
        raise UserError(
            f"config.data.classes: config.dataset={dataset!r} has its own classes, the first of"
            f" which is {found.classes[0]!r}; leave config.data.classes empty"
        )
    return Listed(**{**vars(found), "classes": names})


def _fetched(found: Listed, cache_dir: Path) -> Listed:
    """Replaces addresses among the paths by their copies in the cache."""
    far = [path for path in found.paths if remote.is_remote(path)]
    if not far:
        return found
    copies = iter(remote.local_files(far, cache_dir, _MANIFEST))
    paths = [
        str(next(copies).absolute()) if remote.is_remote(path) else path for path in found.paths
    ]
    return Listed(**{**vars(found), "paths": paths})


def files(dataset: str, settings: DataSettings, cache_dir: Path) -> tuple[Path, list[ImageFile]]:
    """Returns the image files of a data set, each with the SHA-256 of its bytes, and their root.

    Raises:
      UserError: they cannot be listed.
    """
    if source_of(dataset) == "folder":
        root = remote.local_folder(settings.folder, cache_dir, "config.data.folder")
        return root, image_files.identify(root, folder.list_images(root).paths, cache_dir)
    listed = _listed(dataset, settings, cache_dir)
    return listed.root, image_files.identify(listed.root, sorted(listed.paths), cache_dir)
