"""Pictures of one's own as a data set: a folder of files, or an array in memory."""

import hashlib
from pathlib import Path

import numpy as np

from amkd.config.data import DataSettings
from amkd.core import keys
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data import folder
from amkd.data.dataset import DataSet


def policy(data: DataSettings) -> folder.Policy:
    """How files become images."""
    return folder.Policy(data.size, data.resize, data.mode, data.broken)


def from_folder(data: DataSettings, seed: int, cache_dir: Path) -> DataSet:
    """A folder of pictures, and labeled test pictures or held-out ones to judge by.

    Args:
      data: the ``data.*`` group.
      seed: the run's, for which pictures are held out.
      cache_dir: where decoded pictures are kept.

    Raises:
      UserError: a folder or a picture is not as it should be, or there are too few.
    """
    root = Path(data.folder).expanduser()
    pictures = folder.load(root, policy(data), cache_dir)
    print(folder.describe(pictures, root), flush=True)
    names = class_names(data.classes)
    if not data.test_folder:
        judged = held_out("folder", pictures.images, names, data.held_out, seed, pictures.key)
        return _some_test_images(judged, data.test_images)
    place = Path(data.test_folder).expanduser()
    # Every picture of a test set counts, copies of one another too: it is the user's yardstick.
    test = folder.load(
        place, policy(data), cache_dir, True, names, False, "config.data.test_folder"
    )
    print(folder.describe(test, place), flush=True)
    none = pictures.images[:0], np.empty(0, np.int32)
    key = f"{pictures.key}+{test.key}"
    whole = DataSet(
        "folder",
        len(test.classes),
        *none,
        pictures.images,
        test.images,
        test.labels,
        test.classes,
        key,
    )
    return apart(_some_test_images(whole, data.test_images))


def _some_test_images(data: DataSet, count: int) -> DataSet:
    """So many test images, drawn alike from all classes' order on disk; 0 takes all."""
    if not count or count >= len(data.test_images):
        return data
    places = np.sort(
        keys.rng(0, 0, keys.Purpose.HELD_OUT).permutation(len(data.test_images))[:count]
    )
    labels = None if data.test_labels is None else data.test_labels[places]
    return data._replace(test_images=np.asarray(data.test_images[places]), test_labels=labels)


def apart(data: DataSet) -> DataSet:
    """A data set from whose pool no image is drawn that judges the student."""
    judges = {image_digest(image) for image in data.test_images}
    places = np.arange(len(data.pool_images)) if data.pool_places is None else data.pool_places
    alike = [image_digest(data.pool_images[place]) in judges for place in places] if judges else []
    if any(alike):
        print(
            f"{sum(alike)} pictures equal one that judges the student, and are not drawn",
            flush=True,
        )
        return data._replace(pool_places=places[~np.array(alike)])
    return data


def held_out(
    name: str, pictures: np.ndarray, names: tuple[str, ...], count: int, seed: int, key: str
) -> DataSet:
    """A data set without labels: some pictures are held out, and the others may be drawn.

    Raises:
      UserError: none would be left.
    """
    if count > len(pictures) - 2:
        raise UserError(
            f"config.data.held_out={count}: there are only {len(pictures)} pictures, and at least"
            " 2 must be left to"
            " draw the real ones from; hold out fewer (0 for none: then nothing judges the student)"
        )
    order = keys.rng(seed, 0, keys.Purpose.HELD_OUT).permutation(len(pictures))
    judges = np.asarray(pictures[np.sort(order[:count])])
    none = pictures[:0], np.empty(0, np.int32)
    left = np.sort(order[count:])
    return apart(DataSet(name, len(names), *none, pictures, judges, None, names, key, left))


def key_of(pictures: np.ndarray) -> str:
    """Identity of an array, such as images ``uint8[M, H, W, C]``."""
    return hashlib.sha256(
        repr(pictures.shape).encode() + np.ascontiguousarray(pictures).tobytes()
    ).hexdigest()


def class_names(classes: str) -> tuple[str, ...]:
    """The classes' names of ``config.data.classes``: names, their number, or a file of names; () if
    empty.

    Raises:
      UserError: fewer than two, or one name twice.
    """
    text = classes.strip()
    if not text:
        return ()
    if text.isdecimal():
        names = tuple(str(number) for number in range(int(text)))
    elif (lines := _lines(text)) is not None:
        names = tuple(line.strip() for line in lines if line.strip())
    else:
        names = tuple(name.strip() for name in text.split(","))
    if len(names) < 2 or len(set(names)) != len(names) or not all(names):
        raise UserError(
            f"config.data.classes={classes!r}: must be two or more different names ('cat,dog'),"
            " their number, or a"
            " file with one name a line"
        )
    return names


def _lines(path: str) -> list[str] | None:
    """Lines of a text file; None if it is none."""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(
            f"config.data.classes={path!r} is no text in UTF-8 ({error}); save it as that"
        ) from error
    except (
        OSError,
        ValueError,
        RuntimeError,
    ):  # many names are too long for a path, "~cat" is no home
        return None
