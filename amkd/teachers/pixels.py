"""Converts 8-bit images to the input of a model from another source."""

import math

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError

LAYOUTS = ("nhwc", "nchw")
DTYPES = ("uint8", "float16", "float32", "float64")


def prepare(images: np.ndarray, pixels: Pixels) -> np.ndarray:
    """Returns the input tensor of a model.

    Args:
      images: ``uint8[B, H, W, C]``.
      pixels: what the model expects.

    Returns:
      ``pixels.dtype[B, H, W, C]``, or ``[B, C, H, W]`` for ``nchw``; contiguous.

    Raises:
      UserError: ``pixels`` contradicts itself or the number of channels.
    """
    check(pixels, images.shape[-1])
    if pixels.dtype == "uint8":
        return _arrange(images, pixels.layout)
    # Half precision: computed in float32 and rounded once, at the end.
    exact = np.dtype(np.float64 if pixels.dtype == "float64" else np.float32)
    values: np.ndarray = images.astype(exact) / exact.type(pixels.divide)
    if pixels.mean:
        values = values - np.asarray(pixels.mean, values.dtype)
    if pixels.std:
        values = values / np.asarray(pixels.std, values.dtype)
    return _arrange(values, pixels.layout).astype(pixels.dtype, copy=False)


def check(pixels: Pixels, channels: int) -> None:
    """Refuses settings that are invalid or do not fit the number of channels.

    Raises:
      UserError: a field is wrong; the message names it.
    """
    if pixels.layout not in LAYOUTS:
        raise UserError(
            f"config.teacher.pixels.layout={pixels.layout!r} must be one of {', '.join(LAYOUTS)}"
        )
    if pixels.dtype not in DTYPES:
        raise UserError(
            f"config.teacher.pixels.dtype={pixels.dtype!r} must be one of {', '.join(DTYPES)}"
        )
    if not (math.isfinite(pixels.divide) and pixels.divide > 0):
        raise UserError(
            f"config.teacher.pixels.divide={pixels.divide!r} must be positive, usually 1 or 255"
        )
    for name, values in (("mean", pixels.mean), ("std", pixels.std)):
        _check_numbers(name, values, channels)
    if 0 in pixels.std:
        raise UserError(
            f"config.teacher.pixels.std={pixels.std} must not contain 0: pixels are divided by it"
        )
    if pixels.dtype == "uint8" and (pixels.divide != 1 or pixels.mean or pixels.std):
        raise UserError(
            "config.teacher.pixels.dtype='uint8' passes bytes on unchanged: set"
            " config.teacher.pixels.divide to 1 and leave config.teacher.pixels.mean and .std"
            " empty, or choose dtype float32"
        )


def _check_numbers(name: str, values: tuple[float, ...], channels: int) -> None:
    if len(values) not in (0, 1, channels):
        raise UserError(
            f"config.teacher.pixels.{name}={values} has {len(values)} numbers, but the images have"
            f" {channels} channel(s): give no number, one, or one per channel"
        )
    if not all(math.isfinite(value) for value in values):
        raise UserError(f"config.teacher.pixels.{name}={values} must be finite numbers")


def _arrange(values: np.ndarray, layout: str) -> np.ndarray:
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if layout == "nchw" else values)
