"""Variants of the real images, which are added to the images that mixes are made from.

The teacher then answers exactly what the student is trained on.
"""

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core import keys
from amkd.data.augment import Views, random_views

_UNLIMITED = 2**16  # rotated or zoomed variants are interpolated: no two are the same


def views_of(search: SearchSettings) -> Views:
    """Returns how variants differ from the real images."""
    return Views(
        search.variant_crop, search.variant_flip, search.variant_rotate, search.variant_zoom
    )


def max_copies(views: Views) -> int:
    """Returns the maximum number of different variants of an image.

    Without rotation and zoom, each shift gives one variant; with them, there is no practical limit.
    """
    return _UNLIMITED if views.warps else (2 * max(views.crop, 0) + 1) ** 2 - 1


def append_variants(real: np.ndarray, copies: int, views: Views, *, seed: int) -> np.ndarray:
    """Returns the real images followed by variants of each.

    Without rotation and zoom no two variants of an image have the same shift, and every variant is
    shifted.

    Args:
      real: ``uint8[N, H, W, C]``.
      copies: variants of every image, at most :func:`max_copies`.
      views: how far a variant may be moved; pixels from outside the image are black.
      seed: the run's seed.

    Returns:
      ``uint8[N * (1 + copies), H, W, C]``.
    """
    if not copies:
        return real
    make = _warped if views.warps else _shifted
    return np.concatenate([real, *make(real, copies, views, seed=seed)])


def _warped(real: np.ndarray, copies: int, views: Views, *, seed: int) -> list[np.ndarray]:
    key = keys.key(seed, 0, keys.Purpose.VARIANTS)
    return [random_views(real, views, key=key, first=copy * len(real)) for copy in range(copies)]


def _shifted(real: np.ndarray, copies: int, views: Views, *, seed: int) -> list[np.ndarray]:
    rng = keys.rng(seed, 0, keys.Purpose.VARIANTS)
    margin = views.crop
    side = 2 * margin + 1
    choices = np.delete(np.arange(side**2), side**2 // 2)  # without the middle: it is not a shift
    shifts = rng.permuted(np.tile(choices, (len(real), 1)), axis=1)[:, :copies]
    flips = rng.integers(0, 2, shifts.shape) if views.flip else np.zeros_like(shifts)
    padded = np.pad(real, [(0, 0), (margin, margin), (margin, margin), (0, 0)])

    def one(image: np.ndarray, top: int, left: int, flip: int) -> np.ndarray:
        shifted = image[top : top + real.shape[1], left : left + real.shape[2]]
        return shifted[:, ::-1] if flip else shifted

    return [
        np.stack(list(map(one, padded, *np.divmod(shifts[:, copy], side), flips[:, copy])))
        for copy in range(copies)
    ]
