"""Crops and flips, turns and zooms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.data import augment
from amkd.data.augment import Views
from tests.support import plain

# No two pixels alike and none black: a shift can be told from any other.
IMAGE = (np.arange(6 * 5 * 2) + 1).astype(np.uint8).reshape(6, 5, 2)


def shifts(image, margin):
    height, width, _ = image.shape
    padded = np.zeros((height + 2 * margin, width + 2 * margin, image.shape[2]), np.uint8)
    padded[margin : margin + height, margin : margin + width] = image
    steps = range(2 * margin + 1)
    return {
        padded[r : r + height, c : c + width].tobytes(): (r - margin, c - margin)
        for r in steps
        for c in steps
    }


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


@partial(jax.jit, static_argnums=(1, 2))
def augment_all(batch, margin, flips):
    return jax.vmap(lambda key: augment.augment(jnp.asarray(IMAGE), key, Views(margin, flips)))(
        batch
    )


def many(count, margin, flips, seed=0):
    return np.asarray(augment_all(keys(count, seed), margin, flips))


def test_without_margin_and_flips_nothing_happens():
    np.testing.assert_array_equal(many(8, 0, False), np.stack([IMAGE] * 8))
    np.testing.assert_array_equal(augment.crop(IMAGE, jax.random.key(0), 0), IMAGE)


@pytest.mark.parametrize("margin", [1, 2])
def test_every_crop_is_a_shift_and_every_shift_occurs(margin):
    possible = shifts(IMAGE, margin)
    assert len(possible) == (2 * margin + 1) ** 2
    crops = many(1000, margin, False)
    assert crops.dtype == np.uint8
    found = [possible[crop.tobytes()] for crop in crops]  # KeyError: not one of the shifts
    counts = np.array([found.count(shift) for shift in possible.values()])
    expected = 1000 / len(possible)
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_flip_is_the_image_or_its_mirror():
    flipped = np.asarray(jax.vmap(lambda key: augment.flip(IMAGE, key))(keys(400)))
    mirrored = [np.array_equal(one, IMAGE[:, ::-1]) for one in flipped]
    same = [np.array_equal(one, IMAGE) for one in flipped]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 150 < sum(mirrored) < 250


def test_crop_and_flip_together():
    possible = {**shifts(IMAGE, 1), **shifts(IMAGE[:, ::-1], 1)}
    found = {image.tobytes() for image in many(1000, 1, True)}
    assert found == set(possible)


@given(st.integers(0, 2**31), st.integers(0, 3), st.booleans())
def test_no_pixel_is_invented(seed, margin, flips):
    image = np.asarray(
        augment.augment(jnp.asarray(IMAGE), jax.random.key(seed), Views(margin, flips))
    )
    for channel in range(2):
        kept = image[..., channel][image[..., channel] > 0]
        assert len(set(kept.tolist())) == len(kept) >= (6 - margin) * (5 - margin)
        assert set(kept.tolist()) <= set(IMAGE[..., channel].ravel().tolist())


def test_the_key_decides():
    np.testing.assert_array_equal(many(20, 2, True), many(20, 2, True))
    assert not np.array_equal(many(20, 2, True), many(20, 2, True, seed=1))


QUARTER = np.float32(np.pi / 2)


def square(side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 2), np.uint8)


def test_a_quarter_turn_is_numpys():
    """Counter-clockwise, about the middle, whether that is a pixel or falls between four."""
    for side in (5, 6):
        turned = augment.affine(square(side), QUARTER, np.ones(2, np.float32))
        np.testing.assert_array_equal(turned, np.rot90(square(side)))


def test_a_zoom_by_hand():
    """A row of 0 60 120 180 240, twice as wide about its middle: a pixel lies half way between two
    of it.
    """
    row = np.array([0, 60, 120, 180, 240], np.uint8).reshape(1, 5, 1)
    wide = augment.affine(row, np.float32(0), np.array([1, 2], np.float32))
    np.testing.assert_array_equal(wide.ravel(), [60, 90, 120, 150, 180])
    narrow = augment.affine(row, np.float32(0), np.array([1, 0.5], np.float32))
    np.testing.assert_array_equal(narrow.ravel(), [0, 0, 120, 240, 0])


def test_the_zoom_comes_before_the_turn():
    """A dot one pixel right of the middle: two right after the zoom of the width, two up after the
    turn.
    """
    dot = np.zeros((7, 7, 1), np.uint8)
    dot[3, 4] = 200
    moved = np.asarray(augment.affine(dot, QUARTER, np.array([1, 2], np.float32)))
    assert moved[1, 3] == 200 and moved[..., 0].argmax() == 1 * 7 + 3


@given(st.integers(0, 2**31), st.floats(0, 180), st.floats(0, 3))
def test_a_warp_is_the_plain_reference(seed, rotate, zoom):
    image, key = square(6, seed), jax.random.key(seed)
    for_angle, for_zoom = jax.random.split(key)
    angle = np.radians(rotate) * float(jax.random.uniform(for_angle, minval=-1.0))
    factors = (1 + zoom) ** np.asarray(jax.random.uniform(for_zoom, (2,), minval=-1.0), np.float64)
    assert np.all((factors <= (1 + zoom) * 1.0001) & (factors >= 0.9999 / (1 + zoom)))
    expected = plain.affine(image, angle, factors)
    found = np.asarray(augment.warp(jnp.asarray(image), key, rotate=rotate, zoom=zoom))
    assert found.dtype == np.uint8
    # The edge is sharp: where a pixel comes from just on it, rounding decides between it and black.
    assert np.mean(np.abs(found - expected) <= 1) >= 0.9


def test_an_image_that_is_neither_turned_nor_zoomed_is_itself():
    still = augment.affine(square(6), np.float32(0), np.ones(2, np.float32))
    np.testing.assert_array_equal(still, square(6))
    assert Views().still and not Views().warps
    assert (
        not Views(rotate=1).still and Views(zoom=0.1).warps and not Views(crop=1, flip=True).warps
    )
