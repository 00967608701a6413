"""Random views of one 8-bit image: rotated, zoomed, shifted, flipped.

In training, a view keeps the teacher's answer to the image before augmentation, so it costs no
query. The paper's Algorithm 1 does not do this; its released code does, with crops and flips. The
variants of the real images (amkd/data/variants.py) are views, too. They are mixed like real images,
and the mixes are sent to the teacher.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import ndimage

from amkd.config.recipe import Recipe
from amkd.core.compilation import compiled
from amkd.core.devices import in_batches


class Views(NamedTuple):
    """How far an image may be moved.

    Attributes:
      crop: largest shift, in pixels.
      flip: whether an image is flipped left to right with probability 1/2.
      rotate: largest rotation in degrees, in both directions.
      zoom: largest factor of each side, minus 1: at .25, factors are from .8 to 1.25.
    """

    crop: int = 0
    flip: bool = False
    rotate: float = 0.0
    zoom: float = 0.0

    @property
    def warps(self) -> bool:
        """Whether pixels are interpolated."""
        return bool(self.rotate or self.zoom)

    @property
    def still(self) -> bool:
        """Whether images are not changed at all."""
        return not (self.crop or self.flip or self.warps)


def views_of(recipe: Recipe) -> Views:
    """Returns how a recipe moves images in training."""
    return Views(recipe.crop, recipe.flip, recipe.rotate, recipe.zoom)


def crop(image: jax.Array, key: jax.Array, margin: int) -> jax.Array:
    """Pads with black by ``margin`` pixels and crops back at random: a shift of up to ``margin``.

    Args:
      image: ``uint8[H, W, C]``.
      key: randomness.
      margin: pixels; 0 does not change the image.
    """
    padded = jnp.pad(image, [(margin, margin), (margin, margin), (0, 0)])
    row, column = jax.random.randint(key, (2,), 0, 2 * margin + 1)
    return jax.lax.dynamic_slice(padded, (row, column, 0), image.shape)


def flip(image: jax.Array, key: jax.Array) -> jax.Array:
    """Flips left to right with probability 1/2: ``uint8[H, W, C]`` to the same."""
    return jnp.where(jax.random.bernoulli(key), image[:, ::-1], image)


def affine(image: jax.Array, angle: jax.Array, zoom: jax.Array) -> jax.Array:
    """Rotates and zooms an image around its centre; bilinear, and black outside its edges.

    Args:
      image: ``uint8[H, W, C]``.
      angle: ``float32[]``, radians, counter-clockwise.
      zoom: ``float32[2]``, factors of height and width, applied before the rotation.

    Returns:
      ``uint8[H, W, C]``; without rotation and zoom, the image itself.
    """
    height, width, _ = image.shape
    middle = (height - 1) / 2, (width - 1) / 2
    down, right = jnp.meshgrid(
        jnp.arange(height, dtype=jnp.float32) - middle[0],
        jnp.arange(width, dtype=jnp.float32) - middle[1],
        indexing="ij",
    )
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    # Where each pixel comes from: the inverse rotation, then the inverse zoom.
    source = [
        (cos * down + sin * right) / zoom[0] + middle[0],
        (cos * right - sin * down) / zoom[1] + middle[1],
    ]
    planes = image.astype(jnp.float32)
    moved = jax.vmap(lambda plane: ndimage.map_coordinates(plane, source, 1, "constant"), -1, -1)(
        planes
    )
    return jnp.rint(moved).astype(jnp.uint8)


def warp(image: jax.Array, key: jax.Array, *, rotate: float, zoom: float) -> jax.Array:
    """Rotates by a uniform angle, and zooms each side by a log-uniform factor.

    Args:
      image: ``uint8[H, W, C]``.
      key: randomness.
      rotate: degrees, in both directions.
      zoom: largest factor minus 1; the smallest factor is its inverse.
    """
    for_angle, for_zoom = jax.random.split(key)
    angle = math.radians(rotate) * jax.random.uniform(for_angle, minval=-1.0)
    factors = jnp.exp(math.log1p(zoom) * jax.random.uniform(for_zoom, (2,), minval=-1.0))
    return affine(image, angle, factors)


def augment(image: jax.Array, key: jax.Array, views: Views) -> jax.Array:
    """Returns a random view, ``uint8[H, W, C]``: warped, then shifted, then flipped.

    Args:
      image: ``uint8[H, W, C]``.
      key: randomness of this image in this step.
      views: how far the image may be moved.
    """
    for_crop, for_flip = jax.random.split(key)
    if views.warps:
        for_warp = jax.random.fold_in(key, 2)  # 0 and 1 are the split's
        image = warp(image, for_warp, rotate=views.rotate, zoom=views.zoom)
    if views.crop:
        image = crop(image, for_crop, views.crop)
    return flip(image, for_flip) if views.flip else image


def random_views(images: np.ndarray, views: Views, *, key: jax.Array, first: int) -> np.ndarray:
    """Returns a random view of every image, ``uint8[M, H, W, C]``.

    Args:
      images: ``uint8[M, H, W, C]``.
      views: how far they may be moved.
      key: randomness.
      first: number of the first image in the key's stream.
    """
    number = np.arange(first, first + len(images), dtype=np.int32)
    return views_by_number(images, number, views, key=key)


def views_by_number(
    images: np.ndarray, number: np.ndarray, views: Views, *, key: jax.Array
) -> np.ndarray:
    """Returns a random view of every image, ``uint8[M, H, W, C]``.

    Args:
      images: ``uint8[M, H, W, C]``.
      number: ``int32[M]``, number of each image in the key's stream.
      views: how far they may be moved.
      key: randomness.
    """
    found: np.ndarray = in_batches(functools.partial(_random_views, views), key, (images, number))
    return found


@compiled(static=("views",))
def _random_views(
    views: Views, key: jax.Array, images_and_number: tuple[jax.Array, jax.Array]
) -> jax.Array:
    images, number = images_and_number
    each = jax.vmap(lambda n: jax.random.fold_in(key, n))(number)
    return jax.vmap(lambda image, k: augment(image, k, views))(images, each)
