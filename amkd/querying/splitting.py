"""Splits the images to be sent into batches."""

from collections.abc import Container, Iterator


def parts(
    images: list[bytes], known: Container[bytes], paid: Container[bytes], *, size: int
) -> list[list[bytes]]:
    """Splits the images without an answer into batches.

    The first batch is a single image, so that an unusable teacher costs little.

    Args:
      images: digests of all images.
      known: images with an answer.
      paid: known images that an earlier attempt sent: they keep their places, so that the other
        batches are the same as in that attempt.
      size: images in a batch.
    """
    asked = [image for image in images if image not in known or image in paid]
    found = [[image for image in part if image not in known] for part in _batches(asked, size)]
    return _one_first([part for part in found if part])


def _batches(images: list[bytes], size: int) -> Iterator[list[bytes]]:
    if images:
        yield images[:1]
    for start in range(1, len(images), size):
        yield images[start : start + size]


def _one_first(parts: list[list[bytes]]) -> list[list[bytes]]:
    """Puts a single image first: one from the last batch, which was most likely not sent before."""
    if len(parts) < 2 or len(parts[0]) == 1:
        return parts
    *others, last = parts
    return [last[:1], *others, *([last[1:]] if last[1:] else [])]


def first(parts: list[list[bytes]], count: int) -> Iterator[list[bytes]]:
    """Yields the first batches, with this many images in total."""
    for part in parts:
        if kept := part[:count]:
            yield kept
        count -= len(kept)
