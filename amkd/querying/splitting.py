"""Splits the images that are to be sent into batches."""

from collections.abc import Container, Iterator


def parts(
    images: list[bytes], known: Container[bytes], paid: Container[bytes], *, size: int
) -> list[list[bytes]]:
    """Splits the images that are not known into batches.

    A single image comes first, so that a useless teacher costs little.

    Args:
      images: digests of all images.
      known: those with an answer.
      paid: those of them that an attempt before this one sent: they keep their places, so that the
        other batches are the same as in that attempt.
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
    """Puts a single image in front: one of the last batch, most likely not sent before."""
    if len(parts) < 2 or len(parts[0]) == 1:
        return parts
    *others, last = parts
    return [last[:1], *others, *([last[1:]] if last[1:] else [])]


def first(parts: list[list[bytes]], count: int) -> Iterator[list[bytes]]:
    """Yields the first batches, with so many images in all."""
    for part in parts:
        if kept := part[:count]:
            yield kept
        count -= len(kept)
