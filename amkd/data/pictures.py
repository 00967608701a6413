"""One picture file, of any size, mode and orientation, decoded to a small square of uint8.

What is done, in this order: the first frame is decoded, transparency is laid over white, 16-bit
grey is divided by 257, the colours become RGB or grey, the picture is resized, and the EXIF
orientation is applied. Floats within 0..1 are taken as shares of white, others as 0..255.

A JPEG much larger than needed is decoded at a half, a quarter or an eighth of its size, of which
at least twice the wanted size is left; that saves most of the time.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from amkd.core.errors import UserError
from amkd.data import resize

VERSION = (
    1  # of what comes out for a given file: raise it when pixels change, and caches are made anew
)
FORMATS = (
    "JPEG",
    "PNG",
    "WEBP",
    "BMP",
    "GIF",
    "TIFF",
)  # no others: some of Pillow's run other programs
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MODES = {"rgb": "RGB", "grey": "L"}  # to Pillow's names
BROKEN = ("skip", "refuse")

_ORIENTATION = 0x0112  # EXIF tag
_TURNS = {  # EXIF orientation to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Policy(NamedTuple):
    """How files become images.

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
    """A file whose bytes are no whole picture; the message is the reason."""


def check(policy: Policy) -> None:
    """Raises a UserError that names the field if the policy is impossible."""
    if policy.size < 1:
        raise UserError(
            f"config.data.size={policy.size}: files differ in size, so pictures from a folder need"
            " one to be brought"
            " to; set --config.data.size=PIXELS"
        )
    for name, valid in (("resize", resize.WAYS), ("mode", tuple(MODES)), ("broken", BROKEN)):
        if getattr(policy, name) not in valid:
            raise UserError(
                f"config.data.{name}={getattr(policy, name)!r}: must be one of {', '.join(valid)}"
            )


def decode(path: Path, policy: Policy) -> np.ndarray:
    """Decodes one file.

    Args:
      path: the file; its suffix does not matter.
      policy: what to make of it.

    Returns:
      ``uint8[size, size, C]``.

    Raises:
      BrokenPictureError: it is no picture, or not a whole one.
      OSError: it cannot be read at all; says nothing about its bytes.
      UserError: an impossible policy.
    """
    check(policy)
    try:
        with Image.open(path, formats=FORMATS) as picture:
            fitted = _fit(picture, policy)
        return np.asarray(resize.letterbox(fitted, policy.size)).reshape(policy.shape)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BrokenPictureError(_reason(path, error)) from error


def _fit(picture: Image.Image, policy: Policy) -> Image.Image:
    """Decodes, flattens, resizes and turns a picture that has been opened."""
    stored = picture.size
    scale = _draft(picture, policy)
    picture.load()
    whole = (
        picture.size if scale == 1 else stored
    )  # Pillow turns TIFFs, some versions while loading
    box, shape = resize.plan(whole, policy.size, policy.resize)
    left, top, right, bottom = (edge / scale for edge in box)
    resized = resize.resample(
        _flatten(picture, MODES[policy.mode]), (left, top, right, bottom), shape
    )
    return _turn(resized, _orientation(picture))


def _draft(picture: Image.Image, policy: Policy) -> int:
    """Has a JPEG decoded smaller, but at least twice as large as it will be; returns by how
    much.
    """
    deciding = max(picture.size) if policy.resize == "pad" else min(picture.size)
    share = min(1.0, 2 * policy.size / deciding)
    width, stored = max(1, round(picture.width * share)), picture.width
    drafted = picture.draft(None, (width, max(1, round(picture.height * share))))
    return round(stored / drafted[1][2]) if drafted else 1


def _flatten(picture: Image.Image, mode: str) -> Image.Image:
    """Eight opaque bits per colour: Pillow's mode ``RGB`` or ``L``."""
    if picture.mode[0] in "IF":
        picture = _eight_bits(picture)
    elif picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return picture if picture.mode == mode else picture.convert(mode)


def _eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit integers and floats to grey; a value declared transparent becomes white."""
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
    """The EXIF orientation, 1..8. Pillow turns TIFFs on its own, and then says 1."""
    try:
        return picture.getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged EXIF data is no reason to lose whole pixels
        return 1


def _turn(picture: Image.Image, orientation: int) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes the EXIF data anew, which fails where they are odd.
    return picture.transpose(_TURNS[orientation]) if orientation in _TURNS else picture


def _reason(path: Path, error: Exception) -> str:
    if path.stat().st_size == 0:
        return "zero bytes"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture ({', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"decompression bomb: {error}"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
