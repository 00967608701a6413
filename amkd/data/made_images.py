"""Images made from the real ones, each different from all others: no query is made twice."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from amkd.core.digest import image_digest

_TRIES = 20  # images made for each one that is wanted, before giving up


def append_different(
    real: np.ndarray,
    made: Iterable[np.ndarray],
    count: int,
    *,
    progress: Callable[[int], None] = lambda step: None,
) -> np.ndarray:
    """Returns the real images, followed by the first made images that differ from all before them.

    Args:
      real: ``uint8[N, H, W, C]``.
      made: ``uint8[H, W, C]`` each; at most 20 are tried for each image that is wanted.
      count: how many made images are wanted.
      progress: is called with the number of images found since the last call.

    Returns:
      ``uint8[N + M, H, W, C]``; M is less than ``count`` if no more are found.
    """
    images = np.empty((len(real) + count, *real.shape[1:]), np.uint8)
    images[: len(real)] = real
    known, end = {image_digest(image) for image in real}, len(real)
    for image in itertools.islice(made, _TRIES * count):
        digest = image_digest(image)
        if digest not in known:
            known.add(digest)
            images[end] = image
            end += 1
            progress(1)
        if end == len(images):
            break
    return images[:end]


def turns(n: int, rng: np.random.Generator) -> Iterator[int]:
    """Yields places of N images without end; each occurs once before any occurs again."""
    while True:
        yield from rng.permutation(n).tolist()
