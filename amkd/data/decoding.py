"""Decodes one image file, of any mode and orientation, to uint8 of one size.

The steps, in this order: the first frame is decoded, transparent parts become white, more than
eight bits become eight (:mod:`amkd.data.brightness`), the colours become RGB or grey, the image is
resized, and the EXIF orientation is applied.

A JPEG that is much larger than needed is decoded at a half, a quarter or an eighth of its size, but
at least at twice the wanted size; this saves most of the time.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from amkd.core.errors import UserError
from amkd.data import brightness, pixel_limit, resize

# Increase it when the pixels of a given file change, so that caches are made again. If all images
# are the same as in version 1, they keep their identity.
VERSION = 2
# No other formats: some of Pillow's decoders run other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MODES = {"rgb": "RGB", "grey": "L"}  # our name to Pillow's
BROKEN = ("skip", "refuse")
TURNS = {  # EXIF orientation to the operation that reverses it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_MOST_AT_FIRST = 178_956_970  # pixels of a file; version 1 refused more
_ONE_COLOUR = 16  # of 256 steps: in an image of one colour, 98% of the pixels differ by less
_ORIENTATION = 0x0112  # EXIF tag
_ON_THEIR_SIDE = (5, 6, 7, 8)  # orientations with width and height exchanged


@dataclasses.dataclass(frozen=True)
class DecodeOptions:
    """How image files become images of one size.

    Attributes:
      size: height of the images in pixels, and their width if ``width`` is 0.
      resize: ``crop`` (the largest part in the middle that has the wanted proportions), ``pad``
        (the whole image, with black borders) or ``stretch``.
      mode: ``rgb`` (C = 3) or ``grey`` (C = 1).
      broken: ``skip`` files that cannot be decoded, or ``refuse`` the folder.
      width: width of the images in pixels; 0 for squares.
    """

    size: int
    resize: str
    mode: str
    broken: str
    width: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(H, W, C)`` of every image."""
        return self.size, self.width or self.size, len(MODES[self.mode])


class Decoded(NamedTuple):
    """A decoded image.

    Attributes:
      image: ``uint8[H, W, C]``.
      one_colour: whether nearly all pixels have one colour, as when the values are misinterpreted.
      version: the earliest :data:`VERSION` that gives this image.
    """

    image: np.ndarray
    one_colour: bool
    version: int


class BrokenImageError(ValueError):
    """Raised if the bytes of a file are not a complete image; the message states why."""


def check(options: DecodeOptions) -> None:
    """Raises a UserError that names the field if an option is impossible."""
    if options.size < 1:
        raise UserError(
            f"config.data.size={options.size}: files differ in size, so images from a folder must"
            " be resized to one size; set --config.data.size=PIXELS"
        )
    for name, valid in (("resize", resize.KINDS), ("mode", tuple(MODES)), ("broken", BROKEN)):
        if getattr(options, name) not in valid:
            raise UserError(
                f"config.data.{name}={getattr(options, name)!r}: must be one of {', '.join(valid)}"
            )


def decode(path: Path, options: DecodeOptions) -> np.ndarray:
    """Returns the image of one file, ``uint8[H, W, C]``; otherwise as :func:`read`."""
    return read(path, options).image


def read(path: Path, options: DecodeOptions) -> Decoded:
    """Decodes one file.

    Args:
      path: the file; its suffix does not matter.
      options: how it becomes an image.

    Raises:
      BrokenImageError: it is not an image, or not a complete one.
      OSError: the file cannot be read; its bytes may be correct.
      UserError: an option is impossible.
    """
    check(options)
    try:
        with pixel_limit.raised(), Image.open(path, formats=FORMATS) as opened:
            fitted, version = _fit(opened, options)
        height, width, _ = options.shape
        image = np.asarray(resize.letterbox(fitted, (width, height))).reshape(options.shape)
        return Decoded(image, _has_one_colour(fitted), version)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind of error
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenImageError(_reason(path, error)) from error


def _fit(image: Image.Image, options: DecodeOptions) -> tuple[Image.Image, int]:
    """Decodes, flattens, resizes and rotates an opened image.

    Returns:
      The resulting image, and the earliest version of the decoder that gives the same image.
    """
    stored = image.size
    scale = _draft(image, options)
    image.load()
    # Pillow rotates TIFFs itself, some versions while loading, so their size is read afterwards.
    whole = image.size if scale == 1 else stored
    box, size = resize.fit(whole, _wanted(image, options), options.resize)
    left, top, right, bottom = (edge / scale for edge in box)
    flat, version = _flatten(image, MODES[options.mode])
    if stored[0] * stored[1] > _MOST_AT_FIRST:
        version = VERSION
    resized = resize.resample(flat, (left, top, right, bottom), size)
    return _turn(resized, _orientation(image)), version


def _wanted(image: Image.Image, options: DecodeOptions) -> resize.Size:
    """Returns width and height of the image before it is rotated."""
    height, width, _ = options.shape
    # Cameras store some images on their side; these are rotated last.
    lying = height != width and _orientation(image) in _ON_THEIR_SIDE
    return (height, width) if lying else (width, height)


def _draft(image: Image.Image, options: DecodeOptions) -> int:
    """Lets Pillow decode a JPEG at a smaller size, but at least twice as large as needed.

    Returns:
      The factor by which it will be smaller; 1 for other formats.
    """
    wanted = _wanted(image, options)
    shares = [2 * one / own for one, own in zip(wanted, image.size, strict=True)]
    share = min(1.0, min(shares) if options.resize == "pad" else max(shares))
    width, stored = max(1, round(image.width * share)), image.width
    drafted = image.draft(None, (width, max(1, round(image.height * share))))
    return round(stored / drafted[1][2]) if drafted else 1


def _flatten(image: Image.Image, mode: str) -> tuple[Image.Image, int]:
    """Converts an image to eight opaque bits per colour: Pillow's mode ``RGB`` or ``L``.

    Returns:
      The resulting image, and the earliest version of the decoder that gives the same image.
    """
    version = 1
    if image.mode[0] in "IF":
        image, as_before = brightness.eight_bits(image)
        version = 1 if as_before else VERSION
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image if image.mode == mode else image.convert(mode), version


def _has_one_colour(image: Image.Image) -> bool:
    """Returns whether 98% of the pixels differ by only a few steps, in every colour."""
    counts = np.reshape(image.histogram(), (-1, 256)).cumsum(axis=1)
    share = counts / counts[:, -1:]
    spread = (share < 0.99).sum(axis=1) - (share <= 0.01).sum(axis=1)
    return bool((spread < _ONE_COLOUR).all())


def size_as_shown(path: Path) -> tuple[int, int]:
    """Returns width and height of an image file, turned as its EXIF orientation says."""
    with pixel_limit.raised(), Image.open(path) as image:
        if image.format == "TIFF":  # Pillow turns it
            image.load()
            return image.size
        width, height = image.size
        return (height, width) if _orientation(image) in _ON_THEIR_SIDE else (width, height)


def _orientation(image: Image.Image) -> int:
    """Returns the EXIF orientation, 1..8; 1 for TIFFs, which Pillow rotates itself."""
    try:
        return image.getexif().get(_ORIENTATION, 1)
    except Exception:  # the pixels are complete although the EXIF data are damaged
        return 1


def _turn(image: Image.Image, orientation: int) -> Image.Image:
    # Not ImageOps.exif_transpose: it also rewrites the EXIF data, which fails for unusual ones.
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _reason(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "zero bytes"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image ({', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"decompression bomb: {error}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
