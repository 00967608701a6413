"""Images are resized inside the network, as Pillow and JAX resize them."""

import jax
import numpy as np
import pytest
from PIL import Image

from amkd.models.resizing import resized, weights

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 24, 20, 3), np.uint8)


def test_weights_by_hand():
    # 4 pixels to 2: centers 1 and 3, distances .5, .5, 1.5 over a width of 2.
    row = np.array([0.75, 0.75, 0.25, 0.0])
    assert weights(4, 2) == pytest.approx(np.stack([row, row[::-1]]) / 1.75, abs=1e-7)
    # 2 pixels to 4: centers .25, .75, 1.25, 1.75 over a width of 1, cut at the edges.
    assert weights(2, 4) == pytest.approx(
        np.array([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]), abs=1e-7
    )
    assert np.array_equal(weights(5, 5), np.eye(5, dtype=np.float32))


@pytest.mark.parametrize("side", [7, 10, 24, 33, (7, 33), (24, 10)])
def test_it_is_the_resize_of_jax_and_of_pillow(side):
    found = resized(IMAGES, side)
    height, width = side if isinstance(side, tuple) else (side, side)
    assert found.shape == (3, height, width, 3) and found.dtype == np.float32
    pixels = IMAGES.astype(np.float32)
    np.testing.assert_allclose(
        found, jax.image.resize(pixels, (3, height, width, 3), "linear", antialias=True), atol=2e-3
    )
    pillow = [np.asarray(Image.fromarray(one).resize((width, height), 2)) for one in IMAGES]
    np.testing.assert_allclose(found, np.stack(pillow), atol=1.01)  # Pillow rounds twice to bytes


def test_a_mix_is_resized_like_its_ends():
    first, second = IMAGES[:1].astype(np.float32), IMAGES[1:2].astype(np.float32)
    mixed = resized(0.3 * first + 0.7 * second, 9)
    np.testing.assert_allclose(mixed, 0.3 * resized(first, 9) + 0.7 * resized(second, 9), atol=1e-4)


@pytest.mark.parametrize("side", [0, 24, (24, 24)])
def test_images_of_the_right_size_are_left_as_they_are(side):
    square = IMAGES[:, :, :20].repeat(2, 2)[:, :, :24]
    assert resized(square, side) is square
