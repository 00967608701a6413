"""Variants of the real images, to be mixed beside them: the teacher then answers just what the
student sees.
"""

import numpy as np

from amkd.core import keys
from amkd.data.augment import Views, random_views

_PLENTY = 2**16  # of variants that are interpolated: no two are alike


def most(views: Views) -> int:
    """Different variants an image has at most: one for each shift, unless it is turned or zoomed as
    well.
    """
    return _PLENTY if views.warps else (2 * max(views.crop, 0) + 1) ** 2 - 1


def beside(real: np.ndarray, copies: int, views: Views, seed: int) -> np.ndarray:
    """The real images, and after them so many variants of each.

    Without turns and zooms no two variants of an image have the same shift, and none stands still.

    Args:
      real: ``uint8[N, H, W, C]``.
      copies: variants of every image, at most :func:`most`.
      views: how far a variant may be moved; what comes in is black.
      seed: the run's.

    Returns:
      ``uint8[N * (1 + copies), H, W, C]``.
    """
    if not copies:
        return real
    found = (
        _warped(real, copies, views, seed) if views.warps else _shifted(real, copies, views, seed)
    )
    return np.concatenate([real, *found])


def _warped(real: np.ndarray, copies: int, views: Views, seed: int) -> list[np.ndarray]:
    key = keys.key(seed, 0, keys.Purpose.VARIANTS)
    return [random_views(real, views, key=key, first=copy * len(real)) for copy in range(copies)]


def _shifted(real: np.ndarray, copies: int, views: Views, seed: int) -> list[np.ndarray]:
    rng = keys.rng(seed, 0, keys.Purpose.VARIANTS)
    margin, (height, width) = views.crop, real.shape[1:3]
    side = 2 * margin + 1
    places = np.delete(np.arange(side**2), side**2 // 2)  # but the middle, which is no shift
    shifts = rng.permuted(np.tile(places, (len(real), 1)), axis=1)[:, :copies]
    mirrored = rng.integers(0, 2, shifts.shape) if views.flip else np.zeros_like(shifts)
    padded = np.pad(real, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    found = []
    for copy in range(copies):
        top, left = np.divmod(shifts[:, copy], side)
        each = zip(padded, top, left, mirrored[:, copy], strict=True)
        found.append(
            np.stack(
                [
                    image[y : y + height, x : x + width][:, :: -1 if back else 1]
                    for image, y, x, back in each
                ]
            )
        )
    return found
