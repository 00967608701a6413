"""One image file: colours, transparency, bit depth, orientation, and the way to a square."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amkd.core.errors import UserError
from amkd.data import decoding, folder, pixel_limit, resize
from amkd.data.decoding import DecodeOptions, decode
from tests.support.image_files import GREY, RGB, SIDE, colours, orientation, write_photo


def test_grey(tmp_path: Path) -> None:
    colour = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]] * 4, np.uint8)
    Image.fromarray(colour).save(tmp_path / "a.png")
    found = decode(tmp_path / "a.png", replace(GREY, size=4))
    assert found.shape == (4, 4, 1)
    assert found[0, :, 0].tolist() == [76, 150, 29, 90]  # ITU-R 601: 0.299, 0.587, 0.114


def test_half_transparent_black_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", replace(RGB, size=2)).ravel().tolist() == [127] * 12


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257], [385, 386, 32896, 65535]], np.uint16).repeat(2, 0)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    found = decode(tmp_path / f"a.{suffix}", replace(GREY, size=4))
    assert found[::2, :, 0].tolist() == [[0, 0, 1, 1], [1, 2, 128, 255]]


def test_a_transparent_value_of_sixteen_bits(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257], [514, 514]], np.uint16)).save(
        tmp_path / "a.png", transparency=257
    )
    assert decode(tmp_path / "a.png", replace(GREY, size=2)).ravel().tolist() == [
        0,
        255,
        2,
        2,
    ]


def test_integers_and_floats_out_of_range_are_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-300, 0], [70_000, 257]], np.int32)).save(tmp_path / "i.tif")
    Image.fromarray(np.array([[-3, np.nan], [300, 1.6]], np.float32)).save(tmp_path / "f.tif")
    assert decode(tmp_path / "i.tif", replace(GREY, size=2)).ravel().tolist() == [
        0,
        0,
        255,
        1,
    ]
    assert decode(tmp_path / "f.tif", replace(GREY, size=2)).ravel().tolist() == [
        0,
        0,
        255,
        2,
    ]


UPRIGHT: dict[
    int, Callable[[np.ndarray], np.ndarray]
] = {  # what is stored, to what is to be seen (EXIF 2.3)
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation(tmp_path: Path, value: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(colours(value)).save(path, exif=orientation(value), **options)
    assert np.array_equal(decode(path, RGB), UPRIGHT[value](colours(value)))


@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation_of_a_large_jpeg(tmp_path: Path, value: int) -> None:
    """No side is as long as another, it is decoded smaller than it is, and letterboxed."""
    write_photo(tmp_path / "a.jpg", 400, 200, exif=orientation(value))
    write_photo(tmp_path / "b.jpg", 400, 200)
    options = DecodeOptions(32, "pad", "rgb", "skip")
    turned, stored = (decode(tmp_path / name, options).astype(int) for name in ("a.jpg", "b.jpg"))
    assert np.array_equal(turned, UPRIGHT[value](stored))


@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation_of_a_long_tiff(tmp_path: Path, value: int) -> None:
    stored = np.hstack([colours(1), colours(2)])
    Image.fromarray(stored).save(tmp_path / "a.tif", exif=orientation(value))
    found = decode(tmp_path / "a.tif", replace(RGB, resize="pad", size=2 * SIDE))
    bar = np.zeros((SIDE // 2, 2 * SIDE, 3), np.uint8)
    assert np.array_equal(found, UPRIGHT[value](np.vstack([bar, stored, bar])))


def test_damaged_exif_data_do_not_matter(root: Path, cache: Path) -> None:
    Image.new("RGB", (4, 4), "white").save(
        root / "d.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05garbage"
    )
    found = folder.load(root, RGB, cache)
    assert (found.paths[-1], found.broken) == ("d.jpg", [])
    assert found.images[-1].min() == 255


def resized(kind: str, image: list[list[int]], size: int, *, tmp_path: Path) -> list[list[int]]:
    Image.fromarray(np.array(image, np.uint8)).save(tmp_path / "a.bmp")
    return decode(tmp_path / "a.bmp", DecodeOptions(size, kind, "grey", "skip"))[..., 0].tolist()


def test_the_kinds_of_square(tmp_path: Path) -> None:
    image = [[9, 0, 140, 7], [9, 0, 140, 7]]
    assert resized("crop", image, 2, tmp_path=tmp_path) == [[0, 140], [0, 140]]
    assert resized("pad", image, 4, tmp_path=tmp_path) == [[0] * 4, *image, [0] * 4]
    # Each result sees three pixels, at 0.5, 0.5 and 1.5 of its own width: weights 3, 3 and 1 of 7.
    assert resized("stretch", [[0, 0, 140, 140]] * 2, 2, tmp_path=tmp_path) == [
        [20, 120],
        [20, 120],
    ]
    assert resized("pad", [[50]] * 5, 5, tmp_path=tmp_path) == [[0, 0, 50, 0, 0]] * 5
    assert resized("pad", [[50] * 1000], 3, tmp_path=tmp_path) == [
        [0] * 3,
        [50] * 3,
        [0] * 3,
    ]  # not less than a pixel
    assert resized("crop", [[50] * 30 + [60] + [70] * 30], 1, tmp_path=tmp_path) == [[60]]


def test_the_kinds_of_rectangle(tmp_path: Path) -> None:
    """Images of 2 rows and 4 columns."""

    def wide(kind: str, image: list[list[int]]) -> list[list[int]]:
        Image.fromarray(np.array(image, np.uint8)).save(tmp_path / "a.bmp")
        options = DecodeOptions(2, kind, "grey", "skip", width=4)
        assert options.shape == (2, 4, 1)
        return decode(tmp_path / "a.bmp", options)[..., 0].tolist()

    image = [[9, 0, 140, 7], [8, 1, 141, 6]]
    for kind in resize.KINDS:
        assert wide(kind, image) == image
    tall = [[1] * 4, *image, [2] * 4]
    assert wide("crop", tall) == image
    assert wide("crop", [[5, *row, 5] for row in image]) == image
    assert wide("pad", [row[:2] for row in image]) == [[0, 9, 0, 0], [0, 8, 1, 0]]
    assert wide("pad", [[50] * 8]) == [[50] * 4, [0] * 4]  # half a row is a row


@pytest.mark.parametrize("value", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_orientation_of_rectangles(tmp_path: Path, value: int, suffix: str) -> None:
    """What is to be seen is 8 rows by 16 columns, however it is stored."""
    turned = value >= 5
    stored = np.vstack if turned else np.hstack
    image = stored([colours(1), colours(2)])
    Image.fromarray(image).save(tmp_path / f"a.{suffix}", exif=orientation(value))
    for kind in resize.KINDS:
        options = DecodeOptions(SIDE, kind, "rgb", "skip", width=2 * SIDE)
        assert np.array_equal(decode(tmp_path / f"a.{suffix}", options), UPRIGHT[value](image))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30), st.integers(1, 30))
def test_a_crop_has_the_wanted_proportions(width: int, height: int, across: int, down: int) -> None:
    """It lies inside, in the middle, and is as large as that allows."""
    (left, top, right, bottom), size = resize.fit((width, height), (across, down), "crop")
    assert size == (across, down)
    assert (right - left) * down == pytest.approx((bottom - top) * across)
    assert (right - left, bottom - top) >= (0, 0) and min(left, top) >= 0
    assert right <= width + 1e-9 and bottom <= height + 1e-9
    assert right - left == pytest.approx(width) or bottom - top == pytest.approx(height)
    assert 0 <= (width - right) - left < 2 and 0 <= (height - bottom) - top < 2


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_letterboxing(width: int, height: int, size: int) -> None:
    """All of a white image is seen, in proportion, in the middle; the rest is black."""
    whole = Image.new("L", (width, height), 255)
    padded = np.asarray(
        resize.letterbox(whole.resize(resize.fit(whole.size, (size, size), "pad")[1]), (size, size))
    )
    assert padded.shape == (size, size) and set(np.unique(padded)) <= {0, 255}
    rows, columns = (padded.any(axis) for axis in (1, 0))
    longer = max(width, height)
    for seen, length in ((rows, height), (columns, width)):
        assert abs(seen.sum() - max(1, length * size / longer)) <= 0.5
        places = np.flatnonzero(seen)
        assert len(places) == places[-1] - places[0] + 1
        assert 0 <= (size - 1 - places[-1]) - places[0] <= 1


@pytest.mark.parametrize("kind", resize.KINDS)
@pytest.mark.parametrize("wanted", [(64, 64), (96, 64)])
@pytest.mark.parametrize("shape", [(1200, 900), (500, 1300), (257, 300)])
def test_decoding_smaller_hardly_shows(
    tmp_path: Path, shape: tuple[int, int], wanted: tuple[int, int], kind: str
) -> None:
    write_photo(tmp_path / "a.jpg", *shape)
    found = decode(tmp_path / "a.jpg", DecodeOptions(64, kind, "rgb", "skip", wanted[0]))
    with Image.open(tmp_path / "a.jpg") as image:
        resized = resize.resample(image, *resize.fit(image.size, wanted, kind))
        whole = np.asarray(resize.letterbox(resized, wanted))
    off = np.abs(found.astype(int) - whole)
    assert off.mean() < 0.75
    assert off.max() <= 6


def test_fine_lines_do_not_alias(tmp_path: Path) -> None:
    """Black and white lines a pixel wide are grey from afar."""
    lines = np.zeros((512, 512), np.uint8)
    lines[:, ::2] = 255
    for name in ("a.png", "a.jpg"):
        Image.fromarray(lines).save(
            tmp_path / name, **({"quality": 95} if name.endswith("jpg") else {})
        )
        found = decode(tmp_path / name, DecodeOptions(30, "stretch", "grey", "skip")).astype(int)
        assert np.abs(found - 127.5).max() < 3


def test_broken_bytes_say_so_and_a_missing_file_is_none_of_them(root: Path) -> None:
    (root / "a.png").write_bytes((root / "a.png").read_bytes()[:60])
    with pytest.raises(decoding.BrokenImageError):
        decode(root / "a.png", RGB)
    with pytest.raises(FileNotFoundError):
        decode(root / "none.png", RGB)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (replace(RGB, size=0), "config.data.size=0: .*--config.data.size=PIXELS"),
        (replace(RGB, resize="fit"), "config.data.resize='fit': must be one of crop, pad, stretch"),
        (replace(RGB, mode="RGB"), "config.data.mode='RGB': must be one of rgb, grey"),
        (replace(RGB, broken="drop"), "config.data.broken='drop': must be one of skip, refuse"),
    ],
)
def test_impossible_options(root: Path, cache: Path, options: DecodeOptions, message: str) -> None:
    with pytest.raises(UserError, match=message):
        folder.load(root, options, cache)
    with pytest.raises(UserError, match=message):
        decode(root / "a.png", options)


def test_large_images_do_not_warn(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Pillow warns above the half of it.
    monkeypatch.setattr(pixel_limit, "MOST_PIXELS", 2 * SIDE * SIDE - 2)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert len(folder.load(root, RGB, cache).paths) == 3
    assert seen == []


@pytest.mark.parametrize("own", [1, 2**40, None])
def test_pillows_limit_is_raised_only_while_an_image_is_decoded(
    root: Path, monkeypatch: pytest.MonkeyPatch, own: int | None
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", own)
    assert decode(root / "a.png", RGB).shape == RGB.shape
    assert decoding.size_as_shown(root / "a.png") == (SIDE, SIDE)
    assert own == Image.MAX_IMAGE_PIXELS


def test_the_last_of_two_threads_restores_pillows_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    first, second = pixel_limit.raised(), pixel_limit.raised()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert Image.MAX_IMAGE_PIXELS == 2**28
    second.__exit__(None, None, None)
    assert Image.MAX_IMAGE_PIXELS == 5


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("most", "fits"), [(SIDE * SIDE, True), (SIDE * SIDE - 2, False)])
def test_a_file_of_too_many_pixels_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, most: int, fits: bool
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    monkeypatch.setattr(pixel_limit, "MOST_PIXELS", most)
    if fits:
        assert decode(root / "a.png", RGB).shape == RGB.shape
    else:
        with pytest.raises(decoding.BrokenImageError, match="decompression bomb: Image size"):
            decode(root / "a.png", RGB)


@pytest.mark.parametrize(("most", "version"), [(SIDE * SIDE, 1), (SIDE * SIDE - 1, 2)])
def test_a_file_that_version_1_refused_gives_a_new_image(
    root: Path, monkeypatch: pytest.MonkeyPatch, most: int, version: int
) -> None:
    monkeypatch.setattr(decoding, "_MOST_AT_FIRST", most)
    assert decoding.read(root / "a.png", RGB).version == version
