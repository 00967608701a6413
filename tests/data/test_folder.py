"""A folder of pictures: every kind of file, every way to a square, labels, and the cache."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from amkd.core.errors import UserError
from amkd.data import folder, picture_cache, picture_files, pictures, resize, threads
from amkd.data.folder import Policy
from tests.support.pictures import SIDE, colours, write_bomb, write_messy, write_photo, write_png

RGB = Policy(SIDE, "stretch", "rgb", "skip")
GREY = Policy(SIDE, "stretch", "grey", "skip")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three pictures."""
    place = tmp_path / "root"
    place.mkdir()
    for seed, name in enumerate("abc"):
        write_png(place / f"{name}.png", seed)
    return place


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    place = tmp_path / "labelled"
    for seed, name in enumerate(("cat/1.png", "cat/deep/er/2.png", "dog/1.png", "eel/1.png")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(place / name, seed)
    (place / ".hidden").mkdir()
    (place / "README.txt").write_text("hello")
    return place


def forbidden(*_: object) -> None:
    raise AssertionError("must not be called")


def caches(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "pictures").iterdir() if path.is_dir())


# A messy folder.


def test_everything_in_a_messy_folder(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messy = write_messy(tmp_path / "messy")
    found = folder.load(tmp_path / "messy", RGB, cache)
    assert found.paths == sorted(messy.good)
    assert (found.images.shape, found.images.dtype) == ((len(messy.good), SIDE, SIDE, 3), np.uint8)
    for image, path in zip(found.images, found.paths, strict=True):
        expected, tolerance = messy.good[path]
        assert np.abs(image.astype(int) - expected).max() <= tolerance, path
    assert [path for path, _ in found.broken] == list(messy.broken)
    for path, reason in found.broken:
        assert messy.broken[path] in reason
    assert (found.duplicates, found.ignored) == (messy.duplicates, messy.ignored)
    assert (found.labels, found.classes) == (None, ())
    warning = capsys.readouterr().err
    assert (
        warning.startswith("warning: skipped 6 of the ")
        and "'truncated.jpg' (image file is truncated" in warning
    )

    again = folder.load(tmp_path / "messy", RGB, cache)
    assert capsys.readouterr().err == warning  # of a cache hit, too
    assert np.array_equal(again.images, found.images) and again[1:] == found[1:]


def test_images_are_mapped_and_read_only(root: Path, cache: Path) -> None:
    images = folder.load(root, RGB, cache).images
    assert isinstance(images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_grey(tmp_path: Path) -> None:
    colour = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]] * 4, np.uint8)
    Image.fromarray(colour).save(tmp_path / "a.png")
    found = folder.decode(tmp_path / "a.png", GREY._replace(size=4))
    assert found.shape == (4, 4, 1)
    assert found[0, :, 0].tolist() == [76, 150, 29, 90]  # ITU-R 601: 0.299, 0.587, 0.114


def test_half_transparent_black_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (0, 0, 0, 128)).save(tmp_path / "a.png")
    assert folder.decode(tmp_path / "a.png", RGB._replace(size=2)).ravel().tolist() == [127] * 12


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257], [385, 386, 32896, 65535]], np.uint16).repeat(2, 0)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    found = folder.decode(tmp_path / f"a.{suffix}", GREY._replace(size=4))
    assert found[::2, :, 0].tolist() == [[0, 0, 1, 1], [1, 2, 128, 255]]


def test_a_transparent_value_of_sixteen_bits(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257], [514, 514]], np.uint16)).save(
        tmp_path / "a.png", transparency=257
    )
    assert folder.decode(tmp_path / "a.png", GREY._replace(size=2)).ravel().tolist() == [
        0,
        255,
        2,
        2,
    ]


def test_integers_and_floats_out_of_range_are_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.array([[-300, 0], [70_000, 257]], np.int32)).save(tmp_path / "i.tif")
    Image.fromarray(np.array([[-3, np.nan], [300, 1.6]], np.float32)).save(tmp_path / "f.tif")
    assert folder.decode(tmp_path / "i.tif", GREY._replace(size=2)).ravel().tolist() == [
        0,
        0,
        255,
        1,
    ]
    assert folder.decode(tmp_path / "f.tif", GREY._replace(size=2)).ravel().tolist() == [
        0,
        0,
        255,
        2,
    ]


# Orientation.

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


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation(tmp_path: Path, value: int, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(colours(value)).save(path, exif=orientation(value), **options)
    assert np.array_equal(folder.decode(path, RGB), UPRIGHT[value](colours(value)))


@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation_of_a_large_jpeg(tmp_path: Path, value: int) -> None:
    """No side is as long as another, it is decoded smaller than it is, and letterboxed."""
    write_photo(tmp_path / "a.jpg", 400, 200, exif=orientation(value))
    write_photo(tmp_path / "b.jpg", 400, 200)
    policy = Policy(32, "pad", "rgb", "skip")
    turned, stored = (
        folder.decode(tmp_path / name, policy).astype(int) for name in ("a.jpg", "b.jpg")
    )
    assert np.array_equal(turned, UPRIGHT[value](stored))


@pytest.mark.parametrize("value", UPRIGHT)
def test_exif_orientation_of_a_long_tiff(tmp_path: Path, value: int) -> None:
    stored = np.hstack([colours(1), colours(2)])
    Image.fromarray(stored).save(tmp_path / "a.tif", exif=orientation(value))
    found = folder.decode(tmp_path / "a.tif", RGB._replace(resize="pad", size=2 * SIDE))
    bar = np.zeros((SIDE // 2, 2 * SIDE, 3), np.uint8)
    assert np.array_equal(found, UPRIGHT[value](np.vstack([bar, stored, bar])))


def test_damaged_exif_data_do_not_matter(root: Path, cache: Path) -> None:
    Image.new("RGB", (4, 4), "white").save(
        root / "d.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05garbage"
    )
    found = folder.load(root, RGB, cache)
    assert (found.paths[-1], found.broken) == ("d.jpg", [])
    assert found.images[-1].min() == 255


# To a square.


def sizes(way: str, image: list[list[int]], size: int, tmp_path: Path) -> list[list[int]]:
    Image.fromarray(np.array(image, np.uint8)).save(tmp_path / "a.bmp")
    return folder.decode(tmp_path / "a.bmp", Policy(size, way, "grey", "skip"))[..., 0].tolist()


def test_the_ways_to_a_square(tmp_path: Path) -> None:
    image = [[9, 0, 140, 7], [9, 0, 140, 7]]
    assert sizes("crop", image, 2, tmp_path) == [[0, 140], [0, 140]]
    assert sizes("pad", image, 4, tmp_path) == [[0] * 4, *image, [0] * 4]
    # Each result sees three pixels, at 0.5, 0.5 and 1.5 of its own width: weights 3, 3 and 1 of 7.
    assert sizes("stretch", [[0, 0, 140, 140]] * 2, 2, tmp_path) == [[20, 120], [20, 120]]
    assert sizes("pad", [[50]] * 5, 5, tmp_path) == [[0, 0, 50, 0, 0]] * 5
    assert sizes("pad", [[50] * 1000], 3, tmp_path) == [
        [0] * 3,
        [50] * 3,
        [0] * 3,
    ]  # not less than a pixel
    assert sizes("crop", [[50] * 30 + [60] + [70] * 30], 1, tmp_path) == [[60]]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 30))
def test_letterboxing(width: int, height: int, size: int) -> None:
    """All of a white picture is seen, in proportion, in the middle; the rest is black."""
    whole = Image.new("L", (width, height), 255)
    padded = np.asarray(
        resize.letterbox(whole.resize(resize.plan(whole.size, size, "pad")[1]), size)
    )
    assert padded.shape == (size, size) and set(np.unique(padded)) <= {0, 255}
    rows, columns = (padded.any(axis) for axis in (1, 0))
    longer = max(width, height)
    for seen, length in ((rows, height), (columns, width)):
        assert abs(seen.sum() - max(1, length * size / longer)) <= 0.5
        places = np.flatnonzero(seen)
        assert len(places) == places[-1] - places[0] + 1
        assert 0 <= (size - 1 - places[-1]) - places[0] <= 1


@pytest.mark.parametrize("way", resize.WAYS)
@pytest.mark.parametrize("shape", [(1200, 900), (500, 1300), (257, 300)])
def test_decoding_smaller_hardly_shows(tmp_path: Path, shape: tuple[int, int], way: str) -> None:
    write_photo(tmp_path / "a.jpg", *shape)
    found = folder.decode(tmp_path / "a.jpg", Policy(64, way, "rgb", "skip"))
    with Image.open(tmp_path / "a.jpg") as picture:
        resized = resize.resample(picture, *resize.plan(picture.size, 64, way))
        whole = np.asarray(resize.letterbox(resized, 64))
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
        found = folder.decode(tmp_path / name, Policy(30, "stretch", "grey", "skip")).astype(int)
        assert np.abs(found - 127.5).max() < 3


# Files that are no pictures.


def test_broken_pictures_are_refused(root: Path, cache: Path) -> None:
    (root / "a.jpg").touch()
    with pytest.raises(
        UserError, match=r"config.data.broken='refuse': 1 of the 4 .* 'a.jpg' \(zero bytes\)"
    ) as refusal:
        folder.load(root, RGB._replace(broken="refuse"), cache)
    assert "--config.data.broken=skip" in str(refusal.value)
    place = str(refusal.value).split("all are listed in ")[1].split(". Mend")[0]
    assert list(csv.reader(Path(place).read_text().splitlines())) == [
        ["path", "reason"],
        ["a.jpg", "zero bytes"],
    ]


def test_ten_broken_pictures_are_shown_and_all_are_listed(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(13):
        (root / f"no {number:02d}.jpg").write_text(f"{number}")
    found = folder.load(root, RGB, cache)
    shown = capsys.readouterr().err
    assert "'no 09.jpg'" in shown and "'no 10.jpg'" not in shown and "and 3 more" in shown
    assert len(found.broken) == 13
    assert len((cache / "pictures" / found.key / "broken.csv").read_text().splitlines()) == 14


def test_the_good_ones_stay_in_order(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_cache, "_COPIED", 3)
    monkeypatch.setattr(picture_cache, "_MAPPED", 2 * SIDE * SIDE * 3)
    root = tmp_path / "root"
    root.mkdir()
    for number in range(20):
        write_png(root / f"{number:02d}.png", number)
    for number in (0, 1, 7, 12, 19):
        (root / f"{number:02d}.png").write_text(f"{number}")
    found = folder.load(root, RGB, cache)
    good = [number for number in range(20) if number not in (0, 1, 7, 12, 19)]
    assert found.paths == [f"{number:02d}.png" for number in good]
    assert np.array_equal(found.images, [colours(number) for number in good])


def test_a_folder_without_one_good_picture(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "a.jpg").touch()
    write_bomb(tmp_path / "b.png")
    with pytest.raises(
        UserError,
        match=r"none of the 2 pictures .* 'a.jpg' \(zero bytes\), 'b.png' \(decompression",
    ):
        folder.load(tmp_path, RGB, cache)
    assert caches(cache) == []


def test_broken_bytes_say_so_and_a_missing_file_is_none_of_them(root: Path) -> None:
    (root / "a.png").write_bytes((root / "a.png").read_bytes()[:60])
    with pytest.raises(pictures.BrokenPictureError):
        folder.decode(root / "a.png", RGB)
    with pytest.raises(FileNotFoundError):
        folder.decode(root / "none.png", RGB)


def test_an_unreadable_file_is_broken(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = picture_files._hash
    denied = picture_files.File("b.png", (0, 0, 0), "", "Permission denied")
    monkeypatch.setattr(
        picture_files, "_hash", lambda root, path: denied if path == "b.png" else hashed(root, path)
    )
    found = folder.load(root, RGB, cache)
    assert (found.paths, found.broken) == (["a.png", "c.png"], [("b.png", "Permission denied")])


def test_pipes_are_not_opened(root: Path, cache: Path) -> None:
    os.mkfifo(root / "pipe.png")
    found = folder.load(root, RGB, cache)
    assert (found.paths, found.ignored) == (["a.png", "b.png", "c.png"], 1)


def test_a_name_that_is_no_unicode(
    root: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = os.fsdecode(b"bad \xff\nname.png")
    shutil.copy(root / "a.png", root / odd)
    (root / os.fsdecode(b"\xfe.png")).touch()
    for _ in range(2):
        found = folder.load(root, RGB, cache, drop_duplicates=False)
        assert odd in found.paths
        assert "\\udcfe.png" in capsys.readouterr().err
        folder.describe(found, root).encode()


def test_links_to_folders_are_followed_once(tmp_path: Path, cache: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    for place in (outside, root / "zz real"):
        place.mkdir(parents=True)
    write_png(outside / "1.png", 1)
    write_png(root / "zz real" / "2.png", 2)
    (root / "a link").symlink_to("zz real")  # comes first, but the real folder's name is used
    (root / "b out").symlink_to(outside)
    (root / "c out").symlink_to(outside)
    (outside / "back").symlink_to(root)
    assert folder.load(root, RGB, cache).paths == ["b out/1.png", "zz real/2.png"]


# Duplicates and labels.


def test_duplicates_may_be_kept(root: Path, cache: Path) -> None:
    shutil.copy(root / "b.png", root / "d.png")
    dropped, kept = (folder.load(root, RGB, cache, drop_duplicates=drop) for drop in (True, False))
    assert (dropped.paths, dropped.duplicates) == (["a.png", "b.png", "c.png"], 1)
    assert (kept.paths, kept.duplicates) == (["a.png", "b.png", "c.png", "d.png"], 0)
    assert np.array_equal(kept.images[3], colours(1))
    assert dropped.key != kept.key


def test_labels_are_the_subfolders_in_order(labelled: Path, cache: Path) -> None:
    found = folder.load(labelled, RGB, cache, labelled=True)
    assert found.classes == ("cat", "dog", "eel")
    assert found.paths == ["cat/1.png", "cat/deep/er/2.png", "dog/1.png", "eel/1.png"]
    assert found.labels is not None
    assert (found.labels.tolist(), found.labels.dtype) == ([0, 0, 1, 2], np.int32)
    assert [np.array_equal(found.images[i], colours(i)) for i in range(4)] == [True] * 4


def test_labels_follow_given_classes(labelled: Path, cache: Path) -> None:
    found = folder.load(
        labelled, RGB, cache, labelled=True, classes=("eel", "ape", "dog", "cat", "gnu")
    )
    assert found.labels is not None
    assert found.labels.tolist() == [3, 3, 2, 0]
    assert (
        folder.describe(found, labelled).splitlines()[1] == "5 classes, no picture of 'ape', 'gnu'"
    )


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("kat", "dog", "eel"), "none of the 3 classes: 'cat' \\(did you mean 'kat'\\?\\)"),
        (("x", "dog"), "none of the 2 classes: 'cat', 'eel'; rename or remove them"),
        (("cat", "dog", "eel", "dog"), "more than once: 'dog'"),
    ],
)
def test_impossible_classes(
    labelled: Path, cache: Path, classes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        folder.load(labelled, RGB, cache, labelled=True, classes=classes)


def test_a_picture_beside_the_subfolders_is_refused(labelled: Path, cache: Path) -> None:
    write_png(labelled / "lost.png", 9)
    with pytest.raises(
        UserError, match=r"config.data.test='.*labelled': .* 'lost.png'; move them into subfolders"
    ):
        folder.load(labelled, RGB, cache, labelled=True, field="config.data.test")
    assert folder.load(labelled, RGB, cache).labels is None


def test_the_same_picture_in_two_classes_is_refused(labelled: Path, cache: Path) -> None:
    shutil.copy(labelled / "cat/1.png", labelled / "cat/3.png")  # in one class: dropped
    (labelled / "cat/zero.png").touch()
    (labelled / "dog/zero.png").touch()  # no picture at all: no matter
    assert folder.load(labelled, RGB, cache, labelled=True).duplicates == 1
    shutil.copy(labelled / "cat/1.png", labelled / "eel/9.png")
    for drop in (True, False):
        with pytest.raises(UserError, match=r"two classes: 'cat/1.png' = 'eel/9.png'; keep"):
            folder.load(labelled, RGB, cache, labelled=True, drop_duplicates=drop)


# The cache.


def test_a_hit_decodes_nothing(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = folder.load(root, RGB, cache)
    monkeypatch.setattr(pictures, "decode", forbidden)
    for path in root.iterdir():
        os.utime(path)  # touched, not changed
    (root / "another.txt").touch()
    second = folder.load(root, RGB, cache)
    assert np.array_equal(first.images, second.images)
    assert (second.key, second.ignored) == (first.key, 1)
    with pytest.raises(AssertionError):
        folder.load(root, RGB._replace(size=9), cache)


def test_unchanged_files_are_not_read_again(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "_SETTLED", 0)
    time.sleep(0.02)  # more than one tick of the file system's clock
    first = folder.load(root, RGB, cache)
    with monkeypatch.context() as patch:
        patch.setattr(picture_files, "_hash", forbidden)
        assert folder.load(root, GREY, cache).paths == first.paths  # any policy
    (root / "b.png").unlink()
    write_png(root / "d.png", 3)
    hashed = picture_files._hash
    read: list[str] = []
    monkeypatch.setattr(
        picture_files, "_hash", lambda root, path: (read.append(path), hashed(root, path))[1]
    )
    assert folder.load(root, RGB, cache).paths == ["a.png", "c.png", "d.png"]
    assert read == ["d.png"]


def test_what_has_just_been_written_is_read_again(root: Path, cache: Path) -> None:
    folder.load(root, RGB, cache)
    assert list((cache / "pictures").glob("index-*")) == []


def test_a_damaged_index_is_made_anew(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "_SETTLED", 0)
    time.sleep(0.02)
    key = folder.load(root, RGB, cache).key
    (index,) = (cache / "pictures").glob("index-*")
    whole = json.loads(index.read_text())
    index.write_text(index.read_text()[:50])
    assert folder.load(root, RGB, cache).key == key
    assert json.loads(index.read_text()) == whole


def test_a_change_that_hides_is_seen(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same name, same size, same time of change: another picture was copied over it with its
    times.
    """
    monkeypatch.setattr(picture_files, "_SETTLED", 0)
    root = tmp_path / "root"
    root.mkdir()
    write_png(root / "a.bmp", 1)
    before = (root / "a.bmp").stat()
    time.sleep(0.02)
    first = folder.load(root, RGB, cache)
    write_png(root / "a.bmp", 2)
    os.utime(root / "a.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / "a.bmp").stat().st_size == before.st_size
    second = folder.load(root, RGB, cache)
    assert first.key != second.key
    assert np.array_equal(first.images[0], colours(1)) and np.array_equal(
        second.images[0], colours(2)
    )


def test_what_the_key_depends_on(root: Path, cache: Path) -> None:
    def key(policy: Policy = RGB) -> str:
        return folder.load(root, policy, cache).key

    keys = [key(), key(GREY), key(RGB._replace(size=9)), key(RGB._replace(resize="pad"))]
    assert key(RGB._replace(broken="refuse")) == keys[0]
    (root / "a.png").rename(root / "z.png")
    keys.append(key())
    (root / "z.png").unlink()
    keys.append(key())
    assert len(set(keys)) == len(keys)
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)
    assert caches(cache) == sorted(keys)


def test_an_interrupted_fill_leaves_nothing(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, policy: Policy) -> np.ndarray:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pictures, "decode", stop)
        with pytest.raises(KeyboardInterrupt):
            folder.load(root, RGB, cache)
    assert list((cache / "pictures").iterdir()) == []
    assert len(folder.load(root, RGB, cache).paths) == 3


def test_what_a_kill_left_is_removed_in_the_end(root: Path, cache: Path) -> None:
    key = folder.load(root, RGB, cache).key
    shutil.rmtree(cache / "pictures" / key)
    old, new = (cache / "pictures" / f".{key}-{name}" for name in ("old", "new"))
    for place in (old, new):
        place.mkdir()
        (place / "images.npy").touch()
    for path in (old / "images.npy", old):
        os.utime(path, (0, 0))
    folder.load(root, RGB, cache)
    assert caches(cache) == sorted([new.name, key])


def test_a_damaged_cache_is_refused(root: Path, cache: Path) -> None:
    key = folder.load(root, RGB, cache).key
    array = cache / "pictures" / key / "images.npy"
    array.write_bytes(array.read_bytes()[:-1])
    with pytest.raises(UserError, match=f"{key} are damaged .*; delete that folder"):
        folder.load(root, RGB, cache)
    np.save(array, np.zeros((2, SIDE, SIDE, 3), np.uint8))
    with pytest.raises(UserError, match=r"holds uint8\[2, 8, 8, 3\]"):
        folder.load(root, RGB, cache)


def test_a_full_disk_is_refused_before_it_kills(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(
        UserError, match=r"no room for 3 MiB .*No space left on device.*--config.cache_dir"
    ):
        folder.load(root, RGB._replace(size=600), cache)
    assert list((cache / "pictures").iterdir()) == []


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"more"), Path.unlink])
def test_a_file_that_changes_meanwhile(
    root: Path, cache: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = pictures.decode

    def changing(path: Path, policy: Policy) -> np.ndarray:
        if path.name == "b.png":
            change(path)
        return decode(path, policy)

    monkeypatch.setattr(pictures, "decode", changing)
    with pytest.raises(
        UserError, match=r"b.png was changed or removed while it was read; run again"
    ):
        folder.load(root, RGB, cache)
    assert list((cache / "pictures").iterdir()) == []


def test_two_processes_fill_the_cache_at_once(root: Path, cache: Path) -> None:
    for number in range(60):
        write_photo(root / f"{number}.jpg", 200, 150, number)
    code = (
        "import pathlib, sys, time; from amkd.data.dataset import folder\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        f"found = folder.load(pathlib.Path({str(root)!r}), folder.Policy(32, 'crop', 'rgb',"
        " 'skip'),"
        f" pathlib.Path({str(cache)!r})); print(found.key, found.images.sum(), len(found.paths))"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for run in runs:
        assert run.stdout is not None and run.stdout.readline() == "ready\n"
    answers = []
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("go\n")
        run.stdin.flush()
    for run in runs:
        answers.append(run.communicate(timeout=60)[0])
        assert run.returncode == 0
    assert answers[0] == answers[1] and answers[0].endswith(" 63\n")
    assert caches(cache) == [answers[0].split()[0]]


def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, cache: Path) -> None:
    policy = Policy(96, "stretch", "rgb", "skip")  # 27 KiB an image

    def peak(count: int) -> int:
        root = tmp_path / f"{count}"
        root.mkdir()
        for number in range(count):
            Image.new("RGB", (1, 1), (number % 256, number // 256, 0)).save(root / f"{number}.bmp")
        tracemalloc.start()
        try:
            assert len(folder.load(root, policy, cache).images) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(200), peak(2200)
    assert many - few < 2000 * 2048  # names and hashes, but not pictures


def test_work_in_threads_is_in_order_and_never_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    begun: list[int] = []
    results = threads.in_order(lambda item: (begun.append(item), -item)[1], range(5000), "test")
    for place in range(1000):
        assert next(results) == -place
        assert (
            len(begun) <= place + 1 + 7 * 16
        )  # 2 threads x 3 chunks of 16, and the one that is consumed
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 1200
    assert list(threads.in_order(abs, [], "test")) == []


# What a person is told.


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (RGB._replace(size=0), "config.data.size=0: .*--config.data.size=PIXELS"),
        (RGB._replace(resize="fit"), "config.data.resize='fit': must be one of crop, pad, stretch"),
        (RGB._replace(mode="RGB"), "config.data.mode='RGB': must be one of rgb, grey"),
        (RGB._replace(broken="drop"), "config.data.broken='drop': must be one of skip, refuse"),
    ],
)
def test_impossible_policies(root: Path, cache: Path, policy: Policy, message: str) -> None:
    with pytest.raises(UserError, match=message):
        folder.load(root, policy, cache)
    with pytest.raises(UserError, match=message):
        folder.decode(root / "a.png", policy)


def test_folders_without_pictures(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(UserError, match=r"config.data.folder='.*none': there is no such folder"):
        folder.load(tmp_path / "none", RGB, cache)
    (tmp_path / "a.txt").touch()
    (tmp_path / ".a.png").touch()
    with pytest.raises(
        UserError, match=r"config.data.folder='.*': holds no picture .* only 1 other file"
    ):
        folder.load(tmp_path, RGB, cache)


def test_a_folder_that_cannot_be_listed(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(
        UserError, match=r"config.data.folder='.*root': .* cannot be listed \(Permission denied\)"
    ):
        folder.load(root, RGB, cache)


def test_descriptions(labelled: Path, root: Path, cache: Path) -> None:
    assert folder.describe(folder.load(root, RGB, cache), root) == f"{root}: 3 pictures"
    (labelled / "dog" / "zero.png").touch()
    shutil.copy(labelled / "cat/1.png", labelled / "cat/3.png")
    found = folder.load(labelled, RGB, cache, labelled=True)
    listing = cache / "pictures" / found.key / picture_cache.BROKEN_LIST
    assert folder.describe(found, labelled) == (
        f"{labelled}: 4 pictures, 1 duplicate dropped, 1 broken skipped (list: {listing}), 1 other"
        " file ignored"
        "\n3 classes"
    )
    assert listing.exists()


def test_large_pictures_do_not_warn(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", SIDE * SIDE - 1
    )  # a warning above it, an error above its double
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert len(folder.load(root, RGB, cache).paths) == 3
    assert seen == []
