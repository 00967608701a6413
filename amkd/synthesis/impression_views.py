"""The 106 views in which ZSKD's released code shows an impression: scales, shifts, rotations,
flips, noise.

Scales show the middle of an image; shifts are by a fifth of a side, with a white background;
rotations are in ten steps from -90 to 90 degrees, with a black background. If two are combined, the
one named first is applied first.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core import devices
from amkd.core.compilation import compiled
from amkd.data import augment


class View(NamedTuple):
    """One view of an image.

    Attributes:
      scale: share of each side that is shown.
      shift: shift down and right, in shares of a side.
      turn: rotation in degrees, counter-clockwise.
      more: ``mirror`` (left to right), ``flip`` (top to bottom), ``transpose``, ``pepper``,
        ``noise``, ``both`` (the last two), or nothing.
    """

    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    turn: float = 0.0
    more: str = ""


_SCALES = (0.9, 0.75, 0.6)
_SHIFTS = ((0.0, -0.2), (0.0, 0.2), (-0.2, 0.0), (0.2, 0.0))
_TURNS = tuple(float(turn) for turn in np.linspace(-90, 90, 10))

VIEWS = (
    View(),
    *(View(scale=scale) for scale in _SCALES),
    *(View(shift=shift) for shift in _SHIFTS),
    *(View(turn=turn) for turn in _TURNS),
    *(View(more=more) for more in ("mirror", "flip", "transpose", "pepper", "noise", "both")),
    *(View(scale=scale, shift=shift) for scale, shift in itertools.product(_SCALES, _SHIFTS)),
    *(View(shift=shift, turn=turn) for shift, turn in itertools.product(_SHIFTS, _TURNS)),
    *(View(scale=scale, turn=turn) for scale, turn in itertools.product(_SCALES, _TURNS)),
)


def show(images: np.ndarray, views: list[View], rng: np.random.Generator) -> np.ndarray:
    """Returns each image in its own view.

    Args:
      images: ``uint8[M, H, W, C]``; square if a view is a transposition.
      views: M views.
      rng: the generator of the noise.

    Returns:
      ``uint8[M, H, W, C]``.
    """
    scales = np.array([1 / view.scale for view in views], np.float32)
    still = np.zeros(len(views), np.float32)
    images = _turn_and_zoom(images, still, scales)
    images = np.stack(
        [_shifted(image, view.shift) for image, view in zip(images, views, strict=True)]
    )
    images = _turn_and_zoom(
        images, np.radians(np.array([view.turn for view in views], np.float32)), np.ones_like(still)
    )
    return np.stack(
        [_altered(image, view.more, rng) for image, view in zip(images, views, strict=True)]
    )


def _turn_and_zoom(images: np.ndarray, angles: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    """Returns each image rotated by ``float32[M]`` radians and zoomed by ``float32[M]`` factors."""
    found: np.ndarray = devices.in_batches(_affine, None, (images, angles, zooms))
    return found


@compiled(kept=1)
def _affine(_: None, rows: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
    return jax.vmap(
        lambda image, angle, zoom: augment.affine(image, angle, jnp.stack([zoom, zoom]))
    )(*rows)


def _shifted(image: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    down, right = (round(share * side) for share, side in zip(shift, image.shape, strict=False))
    if not (down or right):
        return image
    moved = np.full_like(image, 255)
    height, width = image.shape[:2]
    to = np.s_[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    of = np.s_[max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)]
    moved[to] = image[of]
    return moved


def _altered(image: np.ndarray, more: str, rng: np.random.Generator) -> np.ndarray:
    if more in ("mirror", "flip"):
        return image[:, ::-1] if more == "mirror" else image[::-1]
    if more == "transpose":
        return image.swapaxes(0, 1)
    if more in ("pepper", "both"):  # .4% of the pixels, a fifth of them white
        place = rng.random(image.shape[:2])
        image = np.where((place < 0.004)[..., None], np.uint8(0), image)
        image = np.where((place < 0.0008)[..., None], np.uint8(255), image)
    if more in ("noise", "both"):  # shared by the channels
        noise = rng.uniform(0, 255, (*image.shape[:2], 1))
        image = np.rint(0.75 * image + 0.0625 * noise).astype(np.uint8)
    return image
