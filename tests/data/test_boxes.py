"""Boxes of crops and pastes: by hand, and against loops over pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.data import boxes, made_images
from amkd.data.boxes import Box

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 12, 9, 3), np.uint8)


@pytest.mark.parametrize(
    ("shape", "share", "stretch", "down", "across", "expected"),
    [
        # A quarter of the area has half of each side; 51 places are left for its top.
        ((100, 200), 0.25, 1.0, 0.5, 0.5, Box(25, 50, 50, 100)),
        # Stretched fourfold, sqrt(.25 / 4) and sqrt(.25 * 4) of the sides.
        ((100, 200), 0.25, 4.0, 0.999, 0.999, Box(75, 0, 25, 200)),
        ((100, 200), 0.25, 0.25, 0.0, 0.999, Box(0, 150, 100, 50)),
        ((100, 200), 1.0, 1.0, 0.7, 0.7, Box(0, 0, 100, 200)),
        ((10, 10), 0.09, 1.0, 0.0, 0.99, Box(0, 7, 3, 3)),
        ((8, 8), 0.001, 1.0, 0.99, 0.5, Box(7, 4, 1, 1)),  # never without a pixel
    ],
)
def test_boxes_by_hand(shape, share, stretch, down, across, expected):
    assert boxes.box_of(shape, share, stretch, down=down, across=across) == expected


@given(
    height=st.integers(4, 300),
    width=st.integers(4, 300),
    low=st.floats(0.05, 1),
    stretch=st.floats(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_crops_lie_inside_and_have_their_share(height, width, low, stretch, seed):
    rng = np.random.default_rng(seed)
    box = boxes.draw_crop((height, width, 3), (low, 1.0), stretch, rng)
    assert 0 <= box.top <= height - box.height and 0 <= box.left <= width - box.width
    # Each side is rounded by half a pixel at most.
    tall, wide = (box.height + 0.5) / height, (box.width + 0.5) / width
    assert tall * wide >= low * (1 - 1e-9)
    assert (box.width - 0.5) / width <= stretch * tall * (1 + 1e-9)
    assert (box.height - 0.5) / height <= stretch * wide * (1 + 1e-9)


def test_shares_of_pastes_are_as_drawn():
    """Uniform at beta 1; near the middle of the range at a large one; never outside the image."""
    shares = {}
    for beta in (1.0, 200.0):
        rng = np.random.default_rng(1)
        found = [boxes.draw_paste((64, 32, 3), (0.2, 0.6), beta, rng) for _ in range(500)]
        shares[beta] = np.array([box.height * box.width / (64 * 32) for box in found])
        assert all(0 <= box.top <= 64 - box.height for box in found)
        assert all(0 <= box.left <= 32 - box.width for box in found)
    even = shares[1.0]
    assert 0.18 < even.min() < 0.22 and 0.58 < even.max() < 0.62  # within a pixel of each side
    assert abs(np.mean(even < 0.3) - 0.25) < 0.1 and abs(even.mean() - 0.4) < 0.02
    assert np.all(np.abs(shares[200.0] - 0.4) < 0.07)


def test_places_reach_every_edge():
    rng = np.random.default_rng(0)
    found = [boxes.draw_paste((4, 4, 1), (0.2, 0.3), 1.0, rng) for _ in range(200)]
    assert {(box.top, box.left) for box in found} == {(a, b) for a in range(3) for b in range(3)}


def plain_line(pixels, size):
    """A line of pixels resized by a triangle as wide as a new pixel, or as an old one."""
    scale = len(pixels) / size
    result = []
    for place in range(size):
        center = (place + 0.5) * scale
        weights = [
            max(0.0, 1 - abs(old + 0.5 - center) / max(scale, 1)) for old in range(len(pixels))
        ]
        result.append(sum(w * p for w, p in zip(weights, pixels, strict=True)) / sum(weights))
    return result


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("box", [Box(2, 1, 6, 5), Box(0, 3, 12, 4), Box(11, 8, 1, 1)], ids=str)
def test_a_crop_is_its_part_alone_resized(box, channels):
    image = np.concatenate([IMAGES[0], IMAGES[1][..., :1]], -1)[..., :channels]
    part = image[box.top : box.top + box.height, box.left : box.left + box.width]
    across = np.apply_along_axis(plain_line, 1, part.astype(float), 9)
    found = boxes.crop(image, box)
    assert found.shape == (12, 9, channels) and found.dtype == np.uint8
    # Pillow rounds to bytes twice.
    np.testing.assert_allclose(found, np.apply_along_axis(plain_line, 0, across, 12), atol=1.01)


def test_a_crop_of_all_is_the_image():
    np.testing.assert_array_equal(boxes.crop(IMAGES[0], Box(0, 0, 12, 9)), IMAGES[0])


def test_a_paste_by_hand():
    image, other = np.zeros((3, 4, 1), np.uint8), np.full((3, 4, 1), 7, np.uint8)
    found = boxes.paste(image, other, Box(1, 2, 2, 1))
    assert found[..., 0].tolist() == [[0, 0, 0, 0], [0, 0, 7, 0], [0, 0, 7, 0]]
    assert not image.any()  # it is left as it was


# No two are the same.


def test_images_seen_before_are_left_out():
    real = np.uint8([1, 2]).reshape(2, 1, 1, 1)
    made = np.uint8([2, 5, 5, 1, 6, 7]).reshape(6, 1, 1, 1)
    steps = []
    found = made_images.append_different(real, made, 2, progress=steps.append)
    assert found.ravel().tolist() == [1, 2, 5, 6] and steps == [1, 1]
    assert made_images.append_different(real, made, 9).ravel().tolist() == [1, 2, 5, 6, 7]
    same = iter(lambda: made[0], None)  # endless: it is given up
    assert made_images.append_different(real, same, 3).ravel().tolist() == [1, 2]


def test_every_image_takes_its_turn():
    order = made_images.turns(5, np.random.default_rng(0))
    found = [[next(order) for _ in range(5)] for _ in range(4)]
    assert all(sorted(turn) == list(range(5)) for turn in found)
    assert len({tuple(turn) for turn in found}) > 1
