"""Distillation from each real image and its three rotations (SSKD), for a black box.

Source: Xu et al., ECCV 2020. Four fixed views of each image are queried; each is one query. If the
budget allows fewer than four views for each image, the last views are left out. ``train.flip`` and
``train.crop`` flip and crop a view and cost no query. The paper's temperature is 4:
``train.temperature``.

What is the same: for each batch of B images the released code adds .9 times the mean divergence of
B upright views (KD) and 2.7 times the mean divergence of their 3B rotations (TF); its ratio of 1
keeps all of them. So every view has the weight .9/B. One training set of all views, equally
weighted, has 1/3.6 of the same gradient.

Departures from the released code:

- Every view is flipped independently; the released code flips an image before it rotates it.
- The share of .1 of a cross-entropy with ground-truth labels is left out: in distillation there are
  none.
- The part that compares features (SS) is ``train.loss=sskd`` (amkd/training/relations.py). It needs
  a teacher that is not a black box.
"""

from collections.abc import Iterator

import numpy as np

from amkd.methods.base import Method, ViewsOfImages

_TURNS = 4  # quarter turns: the image as it is, and three rotations


def show(images: np.ndarray) -> np.ndarray:
    """Returns all images as they are, then all rotated by one, two and three quarter turns.

    Args:
      images: ``uint8[N, H, H, C]``.

    Returns:
      ``uint8[4N, H, H, C]``.
    """
    return np.concatenate([np.rot90(images, turn, axes=(1, 2)) for turn in range(_TURNS)])


def misfits(shape: tuple[int, ...]) -> Iterator[str]:
    """Refuses images that are not square: a quarter turn would change their shape."""
    if shape[0] != shape[1]:
        yield (
            "config.method='sskd': rotates images by 90 degrees, but these images are"
            f" {shape[0]}x{shape[1]}, which is not square; set"
            f" --config.data.size={min(shape[:2])} and --config.data.width=0, which crops them to a"
            " square"
        )


METHOD = Method(first=ViewsOfImages(_TURNS, show, misfits))
