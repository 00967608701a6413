"""Crops, pastes and mirrored images: what is made of real images, and that no two are the same."""

import numpy as np
import pytest

from amkd.config.search import SearchSettings
from amkd.core.errors import UserError
from amkd.data import boxes
from amkd.data.dataset import DataSet
from amkd.methods import METHODS, pastes, random_crops
from tests.support import command
from tests.support.small import configured, digits

REAL = np.random.default_rng(0).integers(0, 256, (12, 10, 14, 3), np.uint8)
MADE = ("random_crops", "pastes", "flips")


def rows(images):
    return [image.tobytes() for image in images]


def made(name, real=REAL, seed=0, **fields):
    """What a method makes of real images for a budget of twice their number."""
    count = len(real)
    chosen = {"method": name, "seed": seed, "n_real": count, "budget": 2 * count, "rounds": 1}
    config = configured(**{**command.TINY, **chosen, **fields})
    none = np.empty(0, np.int32)
    data = DataSet("some", 3, real[:0], none, real, real[:0], None)
    return METHODS[name].selector.images(data, real, config)


@pytest.mark.parametrize("name", MADE)
def test_every_image_made_is_a_new_one_by_seed(name):
    images = made(name)
    assert images.shape == (24, 10, 14, 3)
    np.testing.assert_array_equal(images[:12], REAL)
    assert len(set(rows(images))) == 24
    np.testing.assert_array_equal(images, made(name))
    assert set(rows(images[12:])) != set(rows(made(name, seed=1)[12:])) or name == "flips"
    assert rows(images) != rows(made(name, seed=1))


@pytest.mark.parametrize(("name", "count"), [("random_crops", 3), ("pastes", 3)])
def test_digits_have_dark_margins_and_yet_no_two_questions_are_the_same(name, count):
    """A paste of black on black is the image itself, and is made anew."""
    real, _ = digits(0, 40)
    images = made(name, real, budget=40 * (1 + count))
    assert len(set(rows(images))) == 40 * (1 + count) == len(images)


def test_mirrored_images_are_mirrored_exactly_and_each_once():
    found = made("flips")
    assert sorted(rows(found[12:])) == sorted(rows(REAL[:, :, ::-1]))


def test_crops_are_parts_of_every_image_in_turn():
    """Without stretch each is a crop of its image by a box that is drawn for it."""
    fields = SearchSettings(crop_area=(0.25, 0.25), crop_stretch=1.0)
    stream = random_crops.make(REAL, fields, np.random.default_rng(3))
    found = [next(stream) for _ in range(24)]
    places = [  # a quarter of 10x14 is 5x7: 6 rows and 8 columns where it may begin
        boxes.Box(top, left, 5, 7) for top in range(6) for left in range(8)
    ]
    owners = {
        boxes.crop(image, box).tobytes(): number
        for number, image in enumerate(REAL)
        for box in places
    }
    numbers = [owners[crop.tobytes()] for crop in found]
    assert sorted(numbers[:12]) == sorted(numbers[12:]) == list(range(12))


def test_every_second_crop_is_mirrored_where_that_is_wanted():
    """Images that rise to the right: their crops do too, unless they are mirrored."""
    rising = np.tile(np.arange(0, 140, 10, dtype=np.uint8)[:, None], (5, 10, 1, 1))
    for flip, share in ((False, 0.0), (True, 0.5)):
        fields = SearchSettings(crop_flip=flip, crop_area=(0.3, 0.9))
        stream = random_crops.make(rising, fields, np.random.default_rng(0))
        falls = [
            crop[0, 0, 0] > crop[0, -1, 0] for crop, _ in zip(stream, range(200), strict=False)
        ]
        assert abs(np.mean(falls) - share) < 0.12 if flip else not any(falls)


def test_a_paste_is_one_image_and_a_rectangle_of_another():
    flat = np.arange(12, dtype=np.uint8).repeat(40 * 30).reshape(12, 40, 30, 1)
    stream = pastes.make(flat, SearchSettings(paste_area=(0.2, 0.5)), np.random.default_rng(0))
    around, inside = [], []
    for image, _ in zip(stream, range(240), strict=False):
        counts = {value: np.sum(image == value) for value in np.unique(image)}
        assert len(counts) == 2  # never the image itself
        # The rectangle is the value whose bounding box it fills.
        for value, count in counts.items():
            down, across, _ = np.nonzero(image == value)
            if np.ptp(down) + 1 < 40 and np.ptp(across) + 1 < 30:
                assert (np.ptp(down) + 1) * (np.ptp(across) + 1) == count
                assert 0.17 < count / 1200 < 0.53  # within half a pixel of each side
                inside.append(value)
                around += [other for other in counts if other != value]
    assert len(inside) == 240
    assert np.bincount(around, minlength=12).tolist() == [20] * 12
    assert np.bincount(inside, minlength=12).min() >= 8


def test_images_that_cannot_be_made_are_told_of_before_anything_is_asked():
    even = REAL.copy()
    even[:2, :, 7:] = even[:2, :, 6::-1]  # two are their own mirrored images
    with pytest.raises(
        UserError, match="needs 12 different flipped images of 12 real images, but only 10 could"
    ):
        made("flips", even)
    with pytest.raises(UserError, match="needs 24 different crops of 12 real images, but only 12"):
        made(
            "random_crops", budget=36, **{"search.crop_area": (1.0, 1.0), "search.crop_flip": True}
        )
