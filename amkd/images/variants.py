"""Variants of the real images, to be mixed beside them: the teacher then answers just what the student sees."""

import numpy as np

from amkd import keys


def most(margin: int) -> int:
    """Different shifts of up to ``margin`` pixels either way: so many variants an image has at most."""
    return (2 * margin + 1) ** 2 - 1


def beside(real: np.ndarray, copies: int, margin: int, flips: bool, seed: int) -> np.ndarray:
    """The real images, and after them so many variants of each: shifted, each in another way, and perhaps mirrored.

    Args:
      real: ``uint8[N, H, W, C]``.
      copies: variants of every image, at most :func:`most`.
      margin: shifts are of up to so many pixels either way; what comes in is black.
      flips: whether every second variant is mirrored, at random.
      seed: the run's.

    Returns:
      ``uint8[N * (1 + copies), H, W, C]``.
    """
    rng = keys.rng(seed, 0, keys.Purpose.VARIANTS)
    side, (height, width) = 2 * margin + 1, real.shape[1:3]
    places = np.delete(np.arange(side**2), side**2 // 2)  # but the middle, which is no shift
    shifts = rng.permuted(np.tile(places, (len(real), 1)), axis=1)[:, :copies]
    mirrored = rng.integers(0, 2, shifts.shape) if flips else np.zeros_like(shifts)
    padded = np.pad(real, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
    found = [real]
    for copy in range(copies):
        top, left = np.divmod(shifts[:, copy], side)
        each = zip(padded, top, left, mirrored[:, copy], strict=True)
        found.append(
            np.stack([image[y : y + height, x : x + width][:, :: -1 if back else 1] for image, y, x, back in each])
        )
    return np.concatenate(found)
