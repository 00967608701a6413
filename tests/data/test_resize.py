"""From any image to an image of a given size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from amkd.data import folder, resize
from tests.support.image_files import RGB, SIDE


def test_a_square_of_the_right_size_is_left_alone() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert np.array_equal(resize.square(image, 8), image)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(8, 14), (14, 8)])
def test_the_middle_square_is_what_is_kept(shape: tuple[int, int], channels: int) -> None:
    """The margins are garish, and nothing of them may be seen."""
    image = np.full((*shape, channels), 255, np.uint8)
    image[(slice(3, 11), slice(None))[:: 1 if shape[0] > 8 else -1]] = 40
    for size in (4, 8, 16):
        found = resize.square(image, size)
        assert found.shape == (size, size, channels)
        assert found.dtype == np.uint8
        assert np.all(found == 40)


def test_an_odd_margin() -> None:
    image = np.arange(15, dtype=np.uint8).reshape(3, 5, 1)
    assert np.array_equal(resize.square(image, 3), image[:, 1:4])


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_and_orientation_are_kept(channels: int) -> None:
    image = np.zeros((8, 8, channels), np.uint8)
    image[:4, :, 0] = 200  # the upper half
    image[:, :4, -1] += 50  # the left half
    for size in (4, 16):
        found = resize.square(image, size).astype(int)
        for top, left in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
            assert np.array_equal(found[top, left], image[top, left])


def test_resizing_is_bilinear() -> None:
    image = np.array([[0, 100], [100, 200]], np.uint8)[..., None]
    assert resize.square(image, 4)[..., 0].tolist() == [
        [0, 25, 75, 100],
        [25, 50, 100, 125],
        [75, 100, 150, 175],
        [100, 125, 175, 200],
    ]


def test_rectangles_have_a_cache_of_their_own(root: Path, cache: Path) -> None:
    square = folder.load(root, RGB, cache)
    assert folder.load(root, replace(RGB, width=SIDE), cache).key == square.key
    wide = folder.load(root, replace(RGB, width=2 * SIDE), cache)
    assert wide.images.shape == (len(square.paths), SIDE, 2 * SIDE, 3)
    assert wide.key != square.key
