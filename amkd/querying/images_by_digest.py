"""Images by their digests; each is accessed only when it is sent."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np


class ImagesByDigest(Mapping[bytes, np.ndarray]):
    """Images to be sent, ``uint8[H, W, C]`` each; there is never a copy of all of them."""

    def __init__(
        self, images: Sequence[np.ndarray] | np.ndarray, places: Mapping[bytes, int]
    ) -> None:
        """Takes the ``images``, and the ``places`` of those to be sent, by digest."""
        self._images, self._places = images, places

    def __getitem__(self, digest: bytes) -> np.ndarray:
        """Returns one image."""
        image: np.ndarray = self._images[self._places[digest]]
        return image

    def __contains__(self, digest: object) -> bool:
        """Returns whether there is an image with this digest; does not make the image."""
        return digest in self._places

    def __iter__(self) -> Iterator[bytes]:
        """Yields the digests, in the order of the images."""
        return iter(self._places)

    def __len__(self) -> int:
        """Returns how many images are to be sent."""
        return len(self._places)
