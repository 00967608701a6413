"""The user's own images as a data set: a folder of image files, or an array in memory."""

import collections
import dataclasses
import os
from pathlib import Path

import numpy as np

from amkd.config.data import DataSettings
from amkd.core import console, keys
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.core.text import comparable
from amkd.data import class_names, folder, remote
from amkd.data.dataset import DataSet
from amkd.data.decoding import DecodeOptions
from amkd.data.image_files import first_names


def from_folder(settings: DataSettings, seed: int, cache_dir: Path) -> DataSet:
    """Loads a folder of image files; evaluation uses a labelled test folder or held-out images.

    Args:
      settings: the ``data.*`` group.
      seed: the run's seed; decides which images are held out.
      cache_dir: where decoded images are kept.

    Raises:
      UserError: a folder or an image file cannot be used, or there are too few images.
    """
    names = parse_class_names(settings.classes)
    root = remote.local_folder(settings.folder, cache_dir, "config.data.folder")
    options = decode_options(settings)
    found = folder.load(root, options, cache_dir)
    console.say(folder.describe(found, root))
    if not settings.test_folder:
        data = with_holdout(
            "folder", found.images, names, count=settings.held_out, seed=seed, key=found.key
        )
        return limit_test_images(data, settings.test_images)
    test_root = remote.local_folder(settings.test_folder, cache_dir, "config.data.test_folder")
    # All images of a test set count, even duplicates: the user chose them.
    test = folder.load(
        test_root,
        options,
        cache_dir,
        labelled=True,
        classes=names,
        drop_duplicates=False,
        field="config.data.test_folder",
    )
    console.say(folder.describe(test, test_root))
    if not names:
        console.say(class_names.described(test.classes))
    data = unlabeled("folder", found.images, test.classes, key=f"{found.key}+{test.key}")
    data = dataclasses.replace(data, test_images=test.images, test_labels=test.labels)
    return exclude_copies(limit_test_images(data, settings.test_images))


def decode_options(settings: DataSettings) -> DecodeOptions:
    """Returns how image files become the images of a run."""
    return DecodeOptions(
        settings.size, settings.resize, settings.mode, settings.broken, settings.width
    )


def unlabeled(name: str, images: np.ndarray, class_names: tuple[str, ...], *, key: str) -> DataSet:
    """Makes a data set of only unlabelled images: none for a teacher, none for evaluation.

    Args:
      name: the name of the data set.
      images: ``uint8[M, H, W, C]``, all of which may be drawn.
      class_names: names of the Y classes.
      key: identity of the images.
    """
    none, no_labels = images[:0], np.empty(0, np.int32)
    return DataSet(
        name=name,
        classes=len(class_names),
        teacher_images=none,
        teacher_labels=no_labels,
        pool_images=images,
        test_images=none,
        test_labels=None,
        class_names=class_names,
        key=key,
    )


def limit_test_images(data: DataSet, count: int) -> DataSet:
    """Keeps ``count`` test images, drawn from the whole set and so from all classes; 0 for all."""
    total = len(data.test_images)
    if not count or count >= total:
        return data
    kept = np.sort(keys.rng(0, 0, keys.Purpose.HELD_OUT).permutation(total)[:count])
    labels = None if data.test_labels is None else data.test_labels[kept]
    return dataclasses.replace(
        data, test_images=np.asarray(data.test_images[kept]), test_labels=labels
    )


def exclude_copies(data: DataSet) -> DataSet:
    """Removes from the pool each image with the pixels of a test image or of an earlier one.

    Files with other bytes can have the same pixels, such as a PNG and a BMP of one image.
    """
    seen = {image_digest(image) for image in data.test_images}
    test, kept = frozenset(seen), []
    tested = repeated = 0
    for index in data.drawable:
        digest = image_digest(data.pool_images[index])
        if digest in test:
            tested += 1
        elif digest in seen:
            repeated += 1
        else:
            seen.add(digest)
            kept.append(index)
    if not tested and not repeated:
        return data
    if tested:
        console.say(f"{tested:,} images are identical to evaluation images, and are not drawn")
    if repeated:
        console.say(f"{repeated:,} images have the pixels of another image, and are not drawn")
    # Other images are drawn than without this rule, so it is part of what identifies them.
    key = f"{data.key}-distinct" if repeated else data.key
    return dataclasses.replace(data, pool_indices=np.array(kept, np.int64), key=key)


def with_holdout(
    name: str,
    images: np.ndarray,
    class_names: tuple[str, ...],
    *,
    count: int,
    seed: int,
    key: str,
) -> DataSet:
    """Makes a data set without labels: some images are held out, the others can be drawn.

    Args:
      name: the name of the data set.
      images: ``uint8[M, H, W, C]``.
      class_names: names of the Y classes.
      count: number of images to hold out for evaluation.
      seed: the run's seed.
      key: identity of the images.

    Raises:
      UserError: fewer than two images would be left.
    """
    if count > len(images) - 2:
        raise too_many_held_out(count, len(images))
    held_out, left = hold_out(len(images), count, seed)
    data = unlabeled(name, images, class_names, key=key)
    return exclude_copies(
        dataclasses.replace(data, test_images=np.asarray(images[held_out]), pool_indices=left)
    )


def too_many_held_out(count: int, images: int) -> UserError:
    """Returns the error that fewer than two images would be left to draw from."""
    remedy = "set a smaller number (0 for no evaluation images)" if count else "add images"
    return UserError(
        f"config.data.held_out={count}: the number of images is {images}, and at least 2 must be"
        f" left to draw the real ones from; {remedy}"
    )


def hold_out(images: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws ``count`` images to hold out: returns their places, ``int64[count]``, and the places of
    the others, both ascending.
    """
    order = keys.rng(seed, 0, keys.Purpose.HELD_OUT).permutation(images)
    return np.sort(order[:count]), np.sort(order[count:])


def parse_class_names(classes: str) -> tuple[str, ...]:
    """Reads ``config.data.classes``: names, their number, or a file of names; () if empty.

    Raises:
      UserError: there are fewer than two names, a name is repeated, or there is no such file.
    """
    text = classes.strip()
    if not text:
        return ()
    wanted = (
        "must be two or more different names ('cat,dog'), their number, or a file with one name"
        " per line"
    )
    if text.isdecimal():
        names = tuple(str(number) for number in range(int(text)))
    elif (lines := _lines(text)) is not None:
        names = tuple(line.strip() for line in lines if line.strip())
    elif "," not in text or text.lower().endswith((".txt", ".csv")):
        place = Path(os.path.expanduser(text)).absolute()
        raise UserError(f"config.data.classes={classes!r}: there is no file {place}; {wanted}")
    else:
        names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or not all(names):
        raise UserError(f"config.data.classes={classes!r}: {wanted}")
    counts = collections.Counter(map(comparable, names))
    if twice := [repr(name) for name in names if counts[comparable(name)] > 1]:
        raise UserError(
            f"config.data.classes={classes!r}: these names occur more than once:"
            f" {first_names(twice)}; {wanted}"
        )
    return names


def _lines(path: str) -> list[str] | None:
    """Reads the lines of a text file; None if there is no such file."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(
            f"config.data.classes={path!r} is not text in UTF-8 ({error}); save it in UTF-8"
        ) from error
    except (PermissionError, IsADirectoryError) as error:
        raise UserError(
            f"config.data.classes={path!r} cannot be read ({error.strerror}); name a file with one"
            " class name per line"
        ) from error
    except (OSError, ValueError, RuntimeError):  # names may be too long for a path, "~cat" no home
        return None
