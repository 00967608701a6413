"""Any TFDS image-classification data set, decoded once and then read from a cache of arrays.

Data prepared as array_record are read without TensorFlow; preparing a download needs it.
"""

import hashlib
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from amkd.core.errors import UserError
from amkd.data import resize
from amkd.data.dataset import DataSet

_PARTS = ("train_images", "train_labels", "test_images", "test_labels")


def load(name: str, directory: str, size: int, cache_dir: Path) -> "DataSet":
    """Loads the splits ``train`` and ``test`` of a TFDS data set.

    Args:
      name: TFDS name, with an optional ``/config`` and ``:version``.
      directory: TFDS directory; empty for ``TFDS_DATA_DIR`` or TFDS's own default.
      size: resize to ``size`` x ``size``; 0 keeps images as they are, if all are alike.
      cache_dir: where decoded arrays are kept.

    Raises:
      UserError: unknown or unprepared data set, no image or label in it, images of many sizes.
    """
    builder = _builder(name, directory)
    image_key, label_key = _feature_keys(name, builder.info.features)
    info = (Path(builder.data_dir) / "dataset_info.json").read_bytes()
    stamp = hashlib.sha256(
        info + str((Path(builder.data_dir).resolve(), size)).encode()
    ).hexdigest()[:16]
    folder = cache_dir / "arrays" / f"{builder.info.full_name.replace('/', '-')}-{stamp}"
    if not folder.exists():
        splits = [
            _decode(builder, split, image_key, label_key, size) for split in ("train", "test")
        ]
        _store(folder, dict(zip(_PARTS, [*splits[0], *splits[1]], strict=True)))
    try:
        train_x, train_y, test_x, test_y = (np.load(folder / f"{part}.npy") for part in _PARTS)
    except Exception as error:  # NumPy raises many kinds for a broken file
        raise UserError(
            f"the cached arrays in {folder} are damaged ({error}); delete that folder"
        ) from error
    label = builder.info.features[label_key]
    names = tuple(label.names)
    return DataSet(
        name,
        label.num_classes,
        train_x,
        train_y,
        train_x,
        test_x,
        test_y,
        names,
        pool_labels=train_y,
    )


def _builder(name: str, directory: str) -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UserError(
            f"reading {name!r} needs tensorflow-datasets: make install ({error})"
        ) from error
    place = os.path.expanduser(directory) or os.environ.get("TFDS_DATA_DIR") or None
    try:
        builder = tfds.builder(name, data_dir=place)
    except Exception as error:  # TFDS raises its own kinds, and others for a wrong version
        message = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"config.dataset={name!r}: TFDS knows no such data set ({message}); see"
            " https://www.tensorflow.org/datasets/catalog, or use 'digits', which is embedded"
        ) from error
    if not Path(builder.data_dir, "dataset_info.json").exists():
        _prepare(name, builder)
    return builder


def _prepare(name: str, builder: Any) -> None:
    try:
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"config.dataset={name!r} is not prepared in {builder.data_dir}. Point"
            " --config.data.dir (or TFDS_DATA_DIR) to a directory that holds it, or install"
            " TensorFlow, which downloads and prepares it: pip install -e '.[prepare]'"
        ) from error
    try:
        builder.download_and_prepare(file_format="array_record")
    except Exception as error:  # downloads fail in many ways
        raise UserError(
            f"config.dataset={name!r} could not be prepared ({type(error).__name__}: {error})"
        ) from error


def _feature_keys(name: str, features: Any) -> tuple[str, str]:
    """Names of the one image and the one label of a record."""
    import tensorflow_datasets as tfds

    image = [key for key, kind in features.items() if isinstance(kind, tfds.features.Image)]
    label = [key for key, kind in features.items() if isinstance(kind, tfds.features.ClassLabel)]
    if len(image) != 1 or not label:
        raise UserError(
            f"config.dataset={name!r} is no image-classification data set: it holds"
            f" {list(features)}"
        )
    return image[0], "label" if "label" in label else label[0]


def _decode(
    builder: Any, split: str, image_key: str, label_key: str, size: int
) -> tuple[np.ndarray, Any]:
    """All images and labels of a split, decoded in threads."""
    if split not in builder.info.splits:
        raise UserError(
            f"{builder.info.full_name} has no split {split!r}; only {list(builder.info.splits)}"
        )
    try:
        pictures, labels = _read(
            builder.as_data_source(split), f"decode {split}", image_key, label_key, size
        )
    except Exception as error:  # TFDS, array_record and Pillow each raise their own
        raise UserError(
            f"{builder.data_dir} cannot be read ({type(error).__name__}: {error}): a file is"
            " missing or damaged, or it"
            " was not prepared with download_and_prepare(file_format='array_record')"
        ) from error
    if len({picture.shape for picture in pictures}) > 1:
        raise UserError(
            f"images of {builder.info.full_name} differ in size; set --config.data.size=PIXELS"
        )
    return np.stack(pictures), np.asarray(labels, np.int32)


def _read(
    source: Any, what: str, image_key: str, label_key: str, size: int
) -> tuple[list[np.ndarray], list[int]]:
    def read(places: range) -> tuple[list[np.ndarray], list[int]]:
        records = source.__getitems__(list(places))
        pictures = [record[image_key] for record in records]
        if size:
            pictures = [resize.square(picture, size) for picture in pictures]
        return pictures, [int(record[label_key]) for record in records]

    chunks = [range(start, min(start + 500, len(source))) for start in range(0, len(source), 500)]
    pictures, labels = [], []
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(source), desc=what, unit="img", disable=None) as bar,
    ):
        for some_pictures, some_labels in pool.map(read, chunks):
            pictures += some_pictures
            labels += some_labels
            bar.update(len(some_labels))
    return pictures, labels


def _store(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes a cache folder whole or not at all, even with several runs at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    for part, array in arrays.items():
        np.save(scratch / f"{part}.npy", array)
    try:
        scratch.rename(folder)
    except OSError:  # another run was first
        shutil.rmtree(scratch)
