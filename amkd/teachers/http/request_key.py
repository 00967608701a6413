"""Names for requests and images that are the same on every attempt, and after a restart."""

import hashlib

import numpy as np

from amkd.core.digest import image_digest


def request_key(run: str, images: np.ndarray) -> str:
    """Returns the key of a request: different for another run, other images or another order.

    Args:
      run: identity of the run; empty for none.
      images: ``uint8[B, H, W, C]``, the images of the request.
    """
    parts = (run.encode(), *(image_digest(image) for image in images))
    return hashlib.sha256(b"\n".join(parts)).hexdigest()[:32]


def image_names(key: str, count: int) -> list[str]:
    """Returns a name for each image of a request, which no image of another request has."""
    return [hashlib.sha256(f"{key}/{place}".encode()).hexdigest()[:32] for place in range(count)]
