"""Loads any TFDS image-classification data set: decoded once, then read from a cache of arrays.

Data prepared as array_record are read without TensorFlow, which is only needed to prepare a
download.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from amkd.config.data import TFDS_FOLDER
from amkd.core.errors import UserError
from amkd.data import resize, seal
from amkd.data.dataset import DataSet

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
_CHUNK = 500  # records read at once

ReadRecord = Callable[[dict[str, Any]], tuple[np.ndarray, int]]


def load(name: str, directory: str, *, size: int, cache_dir: Path) -> DataSet:
    """Loads the splits ``train`` and ``test`` of a TFDS data set.

    Args:
      name: TFDS name, with an optional ``/config`` and ``:version``; or ``tfds:`` and the folder of
        a prepared version, the one that contains ``dataset_info.json``.
      directory: TFDS directory; empty for ``TFDS_DATA_DIR`` or TFDS's own default.
      size: resize to ``size`` x ``size``; 0 does not resize, if all images have one size.
      cache_dir: where decoded arrays are kept.

    Raises:
      UserError: the data set is unknown or not prepared, it has no images or no labels, or its
        images differ in size.
    """
    builder = _builder(name, directory)
    image_key, label_key = _feature_keys(name, builder.info.features)
    info = (Path(builder.data_dir) / "dataset_info.json").read_bytes()
    stamp = hashlib.sha256(
        info + str((Path(builder.data_dir).resolve(), size)).encode()
    ).hexdigest()[:16]
    folder = cache_dir / "arrays" / f"{builder.info.full_name.replace('/', '-')}-{stamp}"
    if not folder.exists():
        read = partial(_read_record, image_key=image_key, label_key=label_key, size=size)
        arrays = [
            *_decode(builder, "train", read),
            *_decode(builder, _evaluation_split(builder), read),
        ]
        _store(folder, dict(zip(_ARRAYS, arrays, strict=True)))
    try:
        if (folder / seal.NAME).exists():  # caches of earlier versions have no seal
            seal.verify(folder, [f"{name}.npy" for name in _ARRAYS])
        train_x, train_y, test_x, test_y = (np.load(folder / f"{name}.npy") for name in _ARRAYS)
    except Exception as error:  # NumPy raises many kinds of errors for a broken file
        raise UserError(
            f"the cached arrays in {folder} are damaged ({error}); delete that folder"
        ) from error
    label = builder.info.features[label_key]
    return DataSet(
        name=name,
        classes=label.num_classes,
        teacher_images=train_x,
        teacher_labels=train_y,
        pool_images=train_x,
        pool_labels=train_y,
        test_images=test_x,
        test_labels=test_y,
        class_names=tuple(label.names),
    )


def _builder(name: str, directory: str) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"reading {name!r} needs tensorflow-datasets ({error}): pip install tensorflow-datasets"
        ) from error
    if name.startswith(TFDS_FOLDER):
        return _prepared(tfds, name)
    data_dir = os.path.expanduser(directory) or os.environ.get("TFDS_DATA_DIR") or None
    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except Exception as error:  # TFDS raises its own errors, and others for a wrong version
        message = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"config.dataset={name!r}: TFDS has no such data set ({message}); see"
            " https://www.tensorflow.org/datasets/catalog, or use 'digits', which is embedded"
        ) from error
    if not Path(builder.data_dir, "dataset_info.json").exists():
        _prepare(name, builder)
    return builder


def _prepared(tfds: Any, name: str) -> Any:
    """Returns the data set in a folder, even if TFDS does not know its name."""
    folder = Path(name.removeprefix(TFDS_FOLDER)).expanduser()
    if not (folder / "dataset_info.json").exists():
        inside = sorted(path.parent for path in folder.glob("**/dataset_info.json"))
        hint = f"; did you mean {inside[0]}?" if inside else ""
        raise UserError(
            f"config.dataset={name!r}: the folder contains no dataset_info.json, so it is not a"
            f" version of a prepared TFDS data set{hint}"
        )
    try:
        return tfds.builder_from_directory(str(folder))
    except Exception as error:  # TFDS raises its own errors
        raise UserError(f"config.dataset={name!r}: cannot be read ({error})") from error


def _evaluation_split(builder: Any) -> str:
    """Returns the split for evaluation: test, or validation if there is no test."""
    splits = builder.info.splits
    return "validation" if "test" not in splits and "validation" in splits else "test"


def _prepare(name: str, builder: Any) -> None:
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"config.dataset={name!r} is not prepared in {builder.data_dir}. Set"
            " --config.data.dir (or TFDS_DATA_DIR) to a directory that contains it, or install"
            " TensorFlow, which downloads and prepares it: pip install 'amkd[prepare]', in a"
            " checkout pip install -e '.[prepare]'"
        ) from error
    try:
        builder.download_and_prepare(file_format="array_record")
    except Exception as error:  # downloads fail in many ways
        raise UserError(
            f"config.dataset={name!r} could not be prepared ({type(error).__name__}: {error})"
        ) from error


def _feature_keys(name: str, features: Any) -> tuple[str, str]:
    """Returns the names of the image and of the label (``label``, or the first one) in a record."""
    import tensorflow_datasets as tfds

    image = [key for key, kind in features.items() if isinstance(kind, tfds.features.Image)]
    label = [key for key, kind in features.items() if isinstance(kind, tfds.features.ClassLabel)]
    if len(image) != 1 or not label:
        raise UserError(
            f"config.dataset={name!r} is not an image-classification data set: it contains"
            f" {list(features)}"
        )
    return image[0], "label" if "label" in label else label[0]


def _decode(builder: Any, split: str, read: ReadRecord) -> tuple[np.ndarray, np.ndarray]:
    """Decodes a split in threads: images ``uint8[M, H, W, C]`` and labels ``int32[M]``."""
    if split not in builder.info.splits:
        raise UserError(
            f"{builder.info.full_name} has no split {split!r}, only {list(builder.info.splits)}"
        )
    try:
        images, labels = _read_all(builder.as_data_source(split), read, f"decode {split}")
    except Exception as error:  # TFDS, array_record and Pillow each raise their own errors
        raise UserError(
            f"{builder.data_dir} cannot be read ({type(error).__name__}: {error}): a file is"
            " missing or damaged, or it was not prepared with"
            " download_and_prepare(file_format='array_record')"
        ) from error
    if len({image.shape for image in images}) > 1:
        raise UserError(
            f"images of {builder.info.full_name} differ in size; set --config.data.size=PIXELS"
        )
    return np.stack(images), np.asarray(labels, np.int32)


def _read_record(
    record: dict[str, Any], *, image_key: str, label_key: str, size: int
) -> tuple[np.ndarray, int]:
    image = record[image_key]
    return resize.square(image, size) if size else image, int(record[label_key])


def _read_all(source: Any, read: ReadRecord, label: str) -> tuple[list[np.ndarray], list[int]]:
    """Reads all records in threads, a chunk at a time, in their order."""

    def read_chunk(start: int) -> list[tuple[np.ndarray, int]]:
        indices = list(range(start, min(start + _CHUNK, len(source))))
        return [read(record) for record in source.__getitems__(indices)]

    images, labels = [], []
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(source), desc=label, unit="img", disable=None) as bar,
    ):
        for records in pool.map(read_chunk, range(0, len(source), _CHUNK)):
            for image, number in records:
                images.append(image)
                labels.append(number)
            bar.update(len(records))
    return images, labels


def _store(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes a whole cache folder or nothing, even with several runs at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    for name, array in arrays.items():
        np.save(scratch / f"{name}.npy", array)
    seal.write(scratch, [f"{name}.npy" for name in arrays])
    try:
        scratch.rename(folder)
    except OSError:  # another run was first
        shutil.rmtree(scratch)
