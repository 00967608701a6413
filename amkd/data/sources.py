"""Where images come from: the embedded digits, TFDS, a folder of pictures, or an array in
memory.
"""

import logging
from pathlib import Path

from amkd.data.dataset import DataSet


def load(name: str, directory: str, size: int, test_images: int, cache_dir: Path) -> DataSet:
    """Loads a data set.

    Args:
      name: ``digits``, or a TFDS name such as ``mnist`` or ``cifar10:3.0.2``.
      directory: TFDS directory; empty for TFDS's own default.
      size: resize to ``size`` x ``size`` pixels; 0 keeps images as they are.
      test_images: use only so many test images; 0 for all.
      cache_dir: where decoded arrays are kept.

    Raises:
      UserError: the data are not there, or cannot be read.
    """
    if name == "digits":
        from amkd.data import digits

        data = digits.load(size)
    else:
        from amkd.data import tfds_source

        data = tfds_source.load(name, directory, size, cache_dir)
    if test_images:
        labels = None if data.test_labels is None else data.test_labels[:test_images]
        data = data._replace(test_images=data.test_images[:test_images], test_labels=labels)
    logging.info("%s: %d images to draw from, %s", name, len(data.pool_images), data.shape)
    return data
