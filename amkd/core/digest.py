"""Hashes of images and arrays: of their exact bytes and shapes."""

import hashlib
from typing import Any

import numpy as np

_ROWS = 1024  # rows of an array that are hashed at once


def image_digest(image: np.ndarray) -> bytes:
    """Returns the address of one image, from its shape and exact bytes: ``uint8[H, W, C]`` to 32
    bytes.
    """
    return hashlib.sha256(
        repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()
    ).digest()


def array_digest(*arrays: Any, first: bytes = b"") -> str:
    """Returns the SHA-256 of arrays, in hex, from their shapes and exact bytes.

    They are read in parts, since an array may be in a file and larger than the memory.

    Args:
      *arrays: ``[M, ...]`` each.
      first: bytes that are hashed before them.
    """
    hasher = hashlib.sha256(first)
    for array in arrays:
        hasher.update(repr(array.shape).encode())
        for start in range(0, len(array), _ROWS):
            hasher.update(np.ascontiguousarray(array[start : start + _ROWS]).tobytes())
    return hasher.hexdigest()
