"""Decodes one picture file, of any size, mode and orientation, to a small square of uint8.

The steps, in this order: the first frame is decoded, transparency is laid over white, 16-bit
grey is divided by 257, the colours become RGB or grey, the picture is resized, and the EXIF
orientation is applied. Floats within 0..1 are taken as shares of white, others as 0..255.

A JPEG much larger than needed is decoded at a half, a quarter or an eighth of its size, but at
least at twice the wanted size; that saves most of the time.
"""

import dataclasses
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from amkd.core.errors import UserError
from amkd.data import resize

# Raise it when the pixels made from a given file change, so that caches are made again.
VERSION = 1
# No other formats: some of Pillow's decoders run other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MODES = {"rgb": "RGB", "grey": "L"}  # our name to Pillow's
BROKEN = ("skip", "refuse")

_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {  # EXIF orientation to the operation that undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclasses.dataclass(frozen=True)
class DecodeOptions:
    """How picture files become images.

    Attributes:
      size: width and height of the images, in pixels.
      resize: ``crop`` (the middle square), ``pad`` (all of it, letterboxed in black) or
        ``stretch``.
      mode: ``rgb`` (C = 3) or ``grey`` (C = 1).
      broken: ``skip`` files that cannot be decoded, or ``refuse`` the folder.
    """

    size: int
    resize: str
    mode: str
    broken: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(H, W, C)`` of every image."""
        return self.size, self.size, len(MODES[self.mode])


class BrokenPictureError(ValueError):
    """The bytes of a file are not a whole picture; the message says why."""


def check(options: DecodeOptions) -> None:
    """Raises a UserError that names the field if an option is impossible."""
    if options.size < 1:
        raise UserError(
            f"config.data.size={options.size}: files differ in size, so pictures from a folder need"
            " one to be brought to; set --config.data.size=PIXELS"
        )
    for name, valid in (("resize", resize.KINDS), ("mode", tuple(MODES)), ("broken", BROKEN)):
        if getattr(options, name) not in valid:
            raise UserError(
                f"config.data.{name}={getattr(options, name)!r}: must be one of {', '.join(valid)}"
            )


def decode(path: Path, options: DecodeOptions) -> np.ndarray:
    """Decodes one file.

    Args:
      path: the file; its suffix does not matter.
      options: how it becomes an image.

    Returns:
      ``uint8[size, size, C]``.

    Raises:
      BrokenPictureError: it is no picture, or not a whole one.
      OSError: the file cannot be read; this says nothing about its bytes.
      UserError: an impossible option.
    """
    check(options)
    try:
        with Image.open(path, formats=FORMATS) as picture:
            fitted = _fit(picture, options)
        return np.asarray(resize.letterbox(fitted, options.size)).reshape(options.shape)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenPictureError(_reason(path, error)) from error


def _fit(picture: Image.Image, options: DecodeOptions) -> Image.Image:
    """Decodes, flattens, resizes and turns a picture that has been opened."""
    stored = picture.size
    scale = _draft(picture, options)
    picture.load()
    # Pillow turns TIFFs itself, some versions while loading, so their size is read afterwards.
    whole = picture.size if scale == 1 else stored
    box, size = resize.fit(whole, options.size, options.resize)
    left, top, right, bottom = (edge / scale for edge in box)
    flat = _flatten(picture, MODES[options.mode])
    resized = resize.resample(flat, (left, top, right, bottom), size)
    return _turn(resized, _orientation(picture))


def _draft(picture: Image.Image, options: DecodeOptions) -> int:
    """Makes Pillow decode a JPEG smaller, but at least twice as large as needed.

    Returns:
      By what factor it will be smaller; 1 for other formats.
    """
    deciding = max(picture.size) if options.resize == "pad" else min(picture.size)
    share = min(1.0, 2 * options.size / deciding)
    width, stored = max(1, round(picture.width * share)), picture.width
    drafted = picture.draft(None, (width, max(1, round(picture.height * share))))
    return round(stored / drafted[1][2]) if drafted else 1


def _flatten(picture: Image.Image, mode: str) -> Image.Image:
    """Converts to eight opaque bits per colour: Pillow's mode ``RGB`` or ``L``."""
    if picture.mode[0] in "IF":
        picture = _eight_bits(picture)
    elif picture.has_transparency_data:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Converts 16-bit integers and floats to grey; a value declared transparent becomes white."""
    values = np.asarray(picture)
    if picture.mode[0] == "F":
        values = np.nan_to_num(values)
        shares = values.min() >= 0 and values.max() <= 1
        grey = np.rint(values * 255 if shares else values)
    else:
        grey = (values.astype(np.int64) + 128) // 257  # to the nearest; 65535 is 255 * 257
        grey = np.where(values == picture.info.get("transparency", -1), 255, grey)
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _orientation(picture: Image.Image) -> int:
    """Returns the EXIF orientation, 1..8; 1 for TIFFs, which Pillow turns itself."""
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # the pixels are whole although the EXIF data are damaged
        return 1


def _turn(picture: Image.Image, orientation: int) -> Image.Image:
    # Not ImageOps.exif_transpose: it also rewrites the EXIF data, which fails for odd ones.
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _reason(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "zero bytes"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture ({', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"decompression bomb: {error}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
