"""Crops and flips."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd import augment

# No two pixels alike and none black: a shift can be told from any other.
IMAGE = (np.arange(6 * 5 * 2) + 1).astype(np.uint8).reshape(6, 5, 2)


def shifts(image, margin):
    height, width, _ = image.shape
    padded = np.zeros((height + 2 * margin, width + 2 * margin, image.shape[2]), np.uint8)
    padded[margin : margin + height, margin : margin + width] = image
    steps = range(2 * margin + 1)
    return {padded[r : r + height, c : c + width].tobytes(): (r - margin, c - margin) for r in steps for c in steps}


def keys(count, seed=0):
    return jax.random.split(jax.random.key(seed), count)


@partial(jax.jit, static_argnums=(1, 2))
def augment_all(batch, margin, flips):
    return jax.vmap(lambda key: augment.augment(jnp.asarray(IMAGE), key, margin, flips))(batch)


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
    image = np.asarray(augment.augment(jnp.asarray(IMAGE), jax.random.key(seed), margin, flips))
    for channel in range(2):
        kept = image[..., channel][image[..., channel] > 0]
        assert len(set(kept.tolist())) == len(kept) >= (6 - margin) * (5 - margin)
        assert set(kept.tolist()) <= set(IMAGE[..., channel].ravel().tolist())


def test_the_key_decides():
    np.testing.assert_array_equal(many(20, 2, True), many(20, 2, True))
    assert not np.array_equal(many(20, 2, True), many(20, 2, True, seed=1))
