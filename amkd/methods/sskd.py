"""Distillation from each real image and its three rotations (Xu et al., ECCV 2020: SSKD), as far as
a black box allows.

Four fixed views an image, each one query; their mirrors and crops are ``train.flip`` and
``train.crop``, which ask nothing (ours: of each view by itself, where the released code mirrors an
image before it turns it). For each batch of B images the released code adds .9 times the mean
divergence of B upright views (KD) and 2.7 times that of their 3B rotations (TF), of which its ratio
of 1 keeps all: every view weighs .9/B, so that one training set of all views, evenly weighed, has 1
  / 3.6 of the same gradient. Its temperature is 4: ``train.temperature``. Left out: .1 of a
  cross-entropy
with true labels, which a distiller has not. The part that compares features (SS) is
``train.loss=sskd`` (amkd/training/relations.py), for which the teacher must be more than a black
box. With a budget below four for each image, the last views are left out.
"""

from collections.abc import Iterator

import numpy as np

from amkd.methods.base import Method, ViewsOfImages

_TURNS = 4  # quarters: the image as it is, and three rotations


def show(images: np.ndarray) -> np.ndarray:
    """All as they are, then all a quarter turn further, and so on: ``uint8[N, H, H, C]`` to
    ``uint8[4N, H, H, C]``.
    """
    return np.concatenate([np.rot90(images, turn, axes=(1, 2)) for turn in range(_TURNS)])


def misfits(shape: tuple[int, ...]) -> Iterator[str]:
    """A quarter turn of what is not square is of another shape."""
    if shape[0] != shape[1]:
        yield (
            "config.method='sskd': turns images by 90 degrees, and these are"
            f" {shape[0]}x{shape[1]}; set"
            f" --config.data.size={min(shape[:2])}, which crops them to a square"
        )


METHOD = Method(first=ViewsOfImages(_TURNS, show, misfits))
