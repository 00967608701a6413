"""Loads a data set by name: the embedded digits, the roads made here, or any image-classification
data set of TFDS.
"""

import dataclasses
import logging
from pathlib import Path

from amkd.data.dataset import DataSet


def load(
    name: str, *, cache_dir: Path, directory: str = "", size: int = 0, test_images: int = 0
) -> DataSet:
    """Loads a data set.

    Args:
      name: ``digits``, ``roads``, a TFDS name such as ``mnist`` or ``cifar10:3.0.2``, or
        ``tfds:FOLDER``.
      cache_dir: where decoded arrays are kept.
      directory: TFDS directory; empty for TFDS's own default.
      size: resize to ``size`` x ``size`` pixels; 0 does not resize. ``roads`` ignores it.
      test_images: use only this many test images, from the first; 0 for all.

    Raises:
      UserError: the data do not exist, or cannot be read.
    """
    if name == "digits":
        from amkd.data import digits

        data = digits.load(size)
    elif name == "roads":
        from amkd.data import roads

        data = roads.load()
    else:
        from amkd.data import tfds_source

        data = tfds_source.load(name, directory, size=size, cache_dir=cache_dir)
    if test_images:
        labels = None if data.test_labels is None else data.test_labels[:test_images]
        data = dataclasses.replace(
            data, test_images=data.test_images[:test_images], test_labels=labels
        )
    logging.info("%s: %d images to draw from, %s", name, len(data.pool_images), data.shape)
    return data
