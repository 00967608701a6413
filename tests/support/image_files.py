"""Writes image files of every kind for tests, and says what must come out of them."""

import shutil
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from amkd.data.dataset import DataSet
from amkd.data.decoding import DecodeOptions

SIDE = 8  # of every good image here: at this size nothing is resized
RGB = DecodeOptions(SIDE, "stretch", "rgb", "skip")
GREY = DecodeOptions(SIDE, "stretch", "grey", "skip")


class Messy(NamedTuple):
    # Path to what it shows, uint8[8, 8, 3], and by how much that may be off.
    good: dict[str, tuple[np.ndarray, int]]
    broken: dict[str, str]  # path to a part of the reason
    duplicates: int
    ignored: int


def colours(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def grey(seed: int) -> np.ndarray:
    return colours(seed)[..., 0]


def rows(images: np.ndarray) -> list[bytes]:
    return [image.tobytes() for image in images]


def arrays_of(data: DataSet) -> list[np.ndarray]:
    return [
        data.teacher_images,
        data.teacher_labels,
        data.pool_images,
        data.test_images,
        data.test_labels,
    ]


def in_three(image: np.ndarray) -> np.ndarray:
    return np.repeat(image[..., None], 3, -1)


def over_white(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(image * share + 255 * (1 - share)).astype(np.uint8)


def write_photo(path: Path, width: int, height: int, seed: int = 0, **options: object) -> None:
    """A JPEG with coarse and fine noise on a gradient."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (13, 17, 3), np.uint8)).resize(
        (width, height), Image.BICUBIC
    )
    ramp = np.linspace(-40, 40, height)[:, None, None]
    photo = np.asarray(coarse) + ramp + rng.normal(0, 8, (height, width, 1))
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(
        path, "JPEG", quality=90, **options
    )


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def write_png(path: Path, seed: int) -> None:
    Image.fromarray(colours(seed)).save(path)


def write_bomb(path: Path) -> None:
    """A PNG of a few bytes that says it is 60,000 x 60,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + header
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


def write_messy(root: Path) -> Messy:
    """A folder as people have them."""
    root.mkdir()
    good = {**_formats(root), **_transparent(root), **_deep(root)}
    broken = _broken(root)
    shutil.copy(root / "rgb.png", root / "zz copy.png")
    (root / "zz link.png").symlink_to("rgb.png")
    (root / "zz loop").symlink_to(root, target_is_directory=True)
    (root / "zz itself").symlink_to("zz itself")
    (root / "notes.txt").write_text("not an image")
    (root / "deep" / "labels.csv").write_text("a,b\n")
    write_png(root / ".hidden.png", 99)
    (root / ".cache").mkdir()
    write_png(root / ".cache" / "thumbnail.png", 98)
    return Messy(good, broken, duplicates=2, ignored=3)


def _formats(root: Path) -> dict[str, tuple[np.ndarray, int]]:
    good: dict[str, tuple[np.ndarray, int]] = {}
    for seed, name in enumerate(
        ("rgb.png", "UPPER.PNG", "bitmap.bmp", "lossless.webp", "tiff.Tif")
    ):
        Image.fromarray(colours(seed)).save(
            root / name, **({"lossless": True} if name.endswith("webp") else {})
        )
        good[name] = colours(seed), 0
    Image.fromarray(grey(10)).save(root / "grey.png")
    good["grey.png"] = in_three(grey(10)), 0
    bits = grey(11) > 127
    Image.fromarray(bits).save(root / "one bit.png")
    good["one bit.png"] = in_three(bits * np.uint8(255)), 0
    Image.fromarray(grey(12).astype(np.uint16) * 257).save(root / "sixteen bits.png")
    good["sixteen bits.png"] = in_three(grey(12)), 0
    Image.fromarray(grey(13).astype(np.int32) * 257).save(root / "integers.tif")
    good["integers.tif"] = in_three(grey(13)), 0
    Image.fromarray(grey(14).astype(np.float32)).save(root / "floats.tiff")
    good["floats.tiff"] = in_three(grey(14)), 0
    Image.fromarray((grey(15) / 255).astype(np.float32)).save(root / "shares.tiff")
    good["shares.tiff"] = in_three(grey(15)), 0
    plain = {"photo.jpg": (Image.new("RGB", (SIDE, SIDE), (200, 120, 40)), (200, 120, 40))}
    plain["lossy.webp"] = Image.new("RGB", (SIDE, SIDE), (20, 120, 240)), (20, 120, 240)
    plain["cmyk.jpeg"] = Image.new("CMYK", (SIDE, SIDE), (0, 255, 255, 0)), (255, 0, 0)
    plain["cmyk.tif"] = Image.new("CMYK", (SIDE, SIDE), (255, 0, 0, 0)), (0, 255, 255)
    for name, (image, colour) in plain.items():
        image.save(root / name)
        good[name] = np.full((SIDE, SIDE, 3), colour, np.uint8), 3
    first, second = (Image.fromarray(grey(seed)) for seed in (16, 17))
    first.save(root / "film.gif", save_all=True, append_images=[second])
    good["film.gif"] = in_three(grey(16)), 0
    Image.fromarray(colours(18)).save(root / "really a png.jpg", "PNG")
    good["really a png.jpg"] = colours(18), 0
    return good


def _transparent(root: Path) -> dict[str, tuple[np.ndarray, int]]:
    good: dict[str, tuple[np.ndarray, int]] = {}
    alpha = grey(20)
    Image.fromarray(np.dstack([colours(21), alpha])).save(root / "alpha.png")
    good["alpha.png"] = over_white(colours(21), alpha), 1
    Image.fromarray(np.dstack([grey(22), alpha])).save(root / "grey alpha.png")
    good["grey alpha.png"] = over_white(in_three(grey(22)), alpha), 1
    places = grey(23) % 4
    palette = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    for name, transparent in (
        ("palette.png", None),
        ("palette see-through.png", 2),
        ("palette.gif", 1),
    ):
        image = Image.fromarray(places)
        image.putpalette(palette.tobytes())
        image.save(root / name, **({} if transparent is None else {"transparency": transparent}))
        shown = palette.copy()
        shown[[] if transparent is None else [transparent]] = 255
        good[name] = shown[places], 0
    return good


def _deep(root: Path) -> dict[str, tuple[np.ndarray, int]]:
    good = {}
    for seed, name in enumerate(("deep/er/est.png", "deep/two words.bmp", "ünï/çödé 日本.png"), 30):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(root / name, seed)
        good[name] = colours(seed), 0
    return good


def _broken(root: Path) -> dict[str, str]:
    (root / "zero.jpg").touch()
    (root / "zero too.jpg").touch()
    (root / "text.png").write_text("hello")
    write_photo(root / "truncated.jpg", 64, 48)
    (root / "truncated.jpg").write_bytes((root / "truncated.jpg").read_bytes()[:1500])
    write_bomb(root / "bomb.png")
    (root / "dangling.png").symlink_to("nowhere.png")
    return {
        "bomb.png": "decompression bomb",
        "dangling.png": "No such file",
        "text.png": "not an image",
        "truncated.jpg": "truncated",
        "zero too.jpg": "zero bytes",
        "zero.jpg": "zero bytes",
    }
