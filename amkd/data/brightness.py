"""Converts a grey image of more than eight bits to eight: finds the values of black and white.

* Unsigned 16-bit (and 12-bit) values have the range of their depth: 0 to 65535 (4095).
* Floats have the range 0..1, 0..255 or 0..65535. Integers of 32 bits and signed integers have the
  range 0..255, 0..65535 or that of their depth. The smallest range is used that contains nearly
  all values of the image. A few outliers, and values slightly outside the range, do not count:
  they are clipped.
* A TIFF whose PhotometricInterpretation states that 0 is white is inverted.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

# Tags of a TIFF.
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _UNSIGNED = 0, 1

_NEARLY_ALL = 0.995  # the share of the values that a range must contain
_BEYOND = 0.25  # of a range, at both ends: sharpening and resizing overshoot by less


class Grey(NamedTuple):
    """A grey image of eight bits.

    Attributes:
      image: the image, in Pillow's mode ``L``.
      as_before: whether version 1 of :data:`amkd.data.decoding.VERSION` gave the same image.
    """

    image: Image.Image
    as_before: bool


def eight_bits(image: Image.Image) -> Grey:
    """Returns a loaded image of Pillow's modes ``I``, ``I;16...`` or ``F`` in eight bits.

    NaN becomes black, and a value that is declared transparent becomes white.
    """
    values = _values(image)
    white = _white(image, values)
    inverted = _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
    shown = np.clip(values, 0, white)
    shown = white - shown if inverted else shown
    if values.dtype.kind == "f":
        grey = np.rint(np.nan_to_num(shown * (255 / white)))
    else:
        grey = (shown * 255 + white // 2) // white  # rounded to the nearest
        if (transparent := image.info.get("transparency")) is not None:
            grey = np.where(values == transparent, 255, grey)
    return Grey(
        Image.fromarray(grey.astype(np.uint8)), not inverted and white == _white_before(values)
    )


def _values(image: Image.Image) -> np.ndarray:
    """Returns the stored values, as floats or as ``int64``."""
    values = np.asarray(image)
    if image.mode[0] == "F":
        return values
    if image.mode == "I" and _tag(image, _SAMPLE_FORMAT, 2) == _UNSIGNED:
        values = values.view(np.uint32)  # Pillow shows them as signed
    return values.astype(np.int64)


def _white(image: Image.Image, values: np.ndarray) -> int:
    """Returns the value that is white."""
    bits = _tag(image, _BITS, 16)
    if image.mode[0] == "F":
        return _smallest_range(values, (1, 255, 65535))
    if image.mode != "I":
        return 2**bits - 1
    if image.format != "TIFF":
        return 65535  # 16-bit PNG, in some versions of Pillow
    signed = _tag(image, _SAMPLE_FORMAT, _UNSIGNED) != _UNSIGNED
    full = 2 ** (bits - signed) - 1
    return _smallest_range(values, (*(white for white in (255, 65535) if white < full), full))


def _smallest_range(values: np.ndarray, whites: Sequence[int]) -> int:
    """Returns the first white whose range contains nearly all finite values, or the last."""
    finite = values[np.isfinite(values)]
    for white in whites:
        inside = (finite >= -_BEYOND * white) & (finite <= (1 + _BEYOND) * white)
        if inside.sum() >= _NEARLY_ALL * len(finite):
            return white
    return whites[-1]


def _white_before(values: np.ndarray) -> int:
    """Returns the value that version 1 used as white.

    Version 1 also showed the integer -1 as white. If -1 occurs, this returns 0, which is never the
    white of the present version.
    """
    if values.dtype.kind != "f":
        return 0 if (values == -1).any() else 65535
    return 1 if np.nan_to_num(values).min() >= 0 and np.nan_to_num(values).max() <= 1 else 255


def _tag(image: Image.Image, number: int, default: int) -> int:
    """Returns the first value of a TIFF's tag; the default if it has none or is not a TIFF."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)
