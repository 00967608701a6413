"""Image files that a table lists, with or without ground-truth labels, as a data set."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core import console
from amkd.core.errors import UserError
from amkd.data import folder, image_files, own_images
from amkd.data.dataset import DataSet
from amkd.data.decoding import DecodeOptions, check
from amkd.data.image_cache import CachedImages
from amkd.data.image_files import ImageFile
from amkd.data.manifest import Listed
from amkd.data.row_faults import RowFaults


class _Part(NamedTuple):
    """The decoded images of one split, and ``int32[M]`` labels, -1 for none."""

    cached: CachedImages
    labels: np.ndarray

    @property
    def labelled(self) -> bool:
        """Whether every image has a label."""
        return bool(len(self.labels)) and bool((self.labels >= 0).all())


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListOptions:
    """How listed image files become a data set.

    Attributes:
      name: the name of the data set.
      field: what names the table, for messages.
      decode: how the files become images.
      cache_dir: where decoded images are kept.
      held_out: number of evaluation images, if no image is of the split test.
      test_images: maximum number of images of the split test; 0 for all.
      seed: decides which images are held out.
      strict: refuse an image with two labels; otherwise report it, and keep the first label.
    """

    name: str
    field: str
    decode: DecodeOptions
    cache_dir: Path
    held_out: int
    test_images: int
    seed: int
    strict: bool = True


def load(listed: Listed, options: ListOptions) -> DataSet:
    """Returns the listed images as a data set.

    A local teacher can be trained on them if all have labels and some are of the split test.

    Args:
      listed: the images.
      options: how they become a data set.

    Raises:
      UserError: an image file is broken or has two labels, there are too few, or the classes are
        not known.
    """
    check(options.decode)
    if len(listed.classes) < 2:
        raise UserError(
            f"{options.field}: its labels name {len(listed.classes)} classes, but a classifier"
            " needs at least two: set the class names, in the teacher's order, with"
            " --config.data.classes"
        )
    order, files = _by_path(listed, options)
    _check_labels(listed, order, files, options)
    pool = _decoded(listed, order, files, options, is_test=False)
    if pool is None:
        raise UserError(f"{options.field}: lists no image of the split train")
    test = _decoded(listed, order, files, options, is_test=True)
    _tell(listed, pool, test, options)
    data = (
        _held_out(listed, pool, options)
        if test is None
        else _with_test_split(listed, pool, test, options)
    )
    return dataclasses.replace(data, pool_labels=pool.labels if pool.labelled else None)


def _by_path(listed: Listed, options: ListOptions) -> tuple[list[int], list[ImageFile]]:
    """Returns the rows in the order of their paths, and their files."""
    order = sorted(range(len(listed.paths)), key=listed.paths.__getitem__)
    paths = [listed.paths[row] for row in order]
    return order, image_files.identify(listed.root, paths, options.cache_dir)


def decoded(listed: Listed, options: ListOptions) -> list[CachedImages]:
    """Returns the decoded images of each split that has any."""
    order, files = _by_path(listed, options)
    parts = (_decoded(listed, order, files, options, is_test=split) for split in (False, True))
    return [part.cached for part in parts if part is not None]


def _decoded(
    listed: Listed,
    order: Sequence[int],
    files: Sequence[ImageFile],
    options: ListOptions,
    *,
    is_test: bool,
) -> _Part | None:
    """Returns the decoded images of a split; None if there are none."""
    own = [place for place, row in enumerate(order) if listed.is_test[row] == is_test]
    if not own:
        return None
    found = [files[place] for place in own]
    # All images of a test set count, even duplicates: the user chose them.
    cached = folder.decoded(
        listed.root, found, options.decode, options.cache_dir, drop_duplicates=not is_test
    )
    labels = {
        file.path: listed.labels[order[place]] for file, place in zip(found, own, strict=True)
    }
    return _Part(cached, np.array([labels[path] for path in cached.paths], np.int32))


def _check_labels(
    listed: Listed, order: Sequence[int], files: Sequence[ImageFile], options: ListOptions
) -> None:
    """Refuses or reports the same bytes with two labels: one of them is wrong."""
    faults, count = RowFaults(options.field), 0
    first: dict[str, int] = {}
    for row, file in zip(order, files, strict=True):
        if not file.digest or listed.labels[row] < 0:
            continue
        earlier = first.setdefault(file.digest, row)
        if listed.labels[earlier] != listed.labels[row]:
            count += 1
            one, other = (listed.classes[listed.labels[place]] for place in (earlier, row))
            number = int(listed.numbers[earlier])
            faults.add(
                int(listed.numbers[row]),
                f"{listed.paths[row]!r} is the same image as in row {number},"
                f" {listed.paths[earlier]!r}, but the labels are {other!r} and {one!r}",
            )
    if options.strict:
        faults.refuse("Keep the row with the right label, and remove the other")
    elif count:
        console.say(
            f"warning: {options.field}: {count:,} images have a different label in another row",
            error=True,
        )


def _tell(listed: Listed, pool: _Part, test: _Part | None, options: ListOptions) -> None:
    parts = [f"{options.field}: {len(pool.labels):,} images"]
    if test is not None:
        parts.append(f"{len(test.labels):,} for evaluation")
    if listed.left_out:
        parts.append(f"{listed.left_out:,} of a validation split left out")
    if pool.cached.duplicates:
        parts.append(f"{pool.cached.duplicates:,} duplicates dropped")
    broken = len(pool.cached.broken) + (len(test.cached.broken) if test else 0)
    if broken:
        parts.append(f"{broken:,} broken skipped")
    console.say(", ".join(parts))


def _with_test_split(listed: Listed, pool: _Part, test: _Part, options: ListOptions) -> DataSet:
    """Returns the data set with the images of the split test for evaluation."""
    images = pool.cached.images
    data = own_images.unlabeled(
        options.name, images, listed.classes, key=_key([pool, test], listed.classes)
    )
    if pool.labelled:
        data = dataclasses.replace(data, teacher_images=images, teacher_labels=pool.labels)
    data = dataclasses.replace(
        data,
        test_images=test.cached.images,
        test_labels=test.labels if test.labelled else None,
    )
    return own_images.exclude_copies(own_images.limit_test_images(data, options.test_images))


def _held_out(listed: Listed, pool: _Part, options: ListOptions) -> DataSet:
    """Returns the data set with some of its own images for evaluation."""
    images = pool.cached.images
    data = own_images.with_holdout(
        options.name,
        images,
        listed.classes,
        count=options.held_out,
        seed=options.seed,
        key=_key([pool], listed.classes),
    )
    if pool.labelled and options.held_out:
        places, _ = own_images.hold_out(len(images), options.held_out, options.seed)
        data = dataclasses.replace(data, test_labels=pool.labels[places])
    return own_images.limit_test_images(data, options.test_images)


def _key(parts: Sequence[_Part], classes: tuple[str, ...]) -> str:
    """Returns the identity of images and labels; without labels, only that of the images."""
    key = "+".join(part.cached.key for part in parts)
    if all((part.labels < 0).all() for part in parts):
        return key
    hasher = hashlib.sha256(repr((key, classes)).encode())
    for part in parts:
        hasher.update(part.labels.astype("<i4").tobytes())
    return hasher.hexdigest()
