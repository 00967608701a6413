"""Images of more than eight bits: each comes out like its twin of eight bits, or is warned of."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from amkd.data import decoding, folder
from tests.support.image_files import GREY

TWIN = np.add.outer(np.arange(40, 200, 5), np.arange(32)).astype(np.uint8)  # 40 to 226
SHARES = TWIN.astype(np.float32) / 255


def one_pixel(values: np.ndarray, value: float) -> np.ndarray:
    changed = values.copy()
    changed[-1, -1] = value
    return changed


def write_tiff(
    path: Path, values: np.ndarray, *, white_is_zero: bool = False, bits: int = 0, **options: str
) -> None:
    """Writes a grey TIFF, with the photometric tag and the depth that are wanted."""
    Image.fromarray(values).save(path, format="TIFF", **options)
    data = bytearray(path.read_bytes())
    for tag, value in ((262, 0 if white_is_zero else 1), (258, bits or 8 * values.itemsize)):
        place = data.index(struct.pack("<HHI", tag, 3, 1))
        data[place + 8 : place + 10] = struct.pack("<H", value)
    path.write_bytes(data)


def write_twelve_bits(path: Path) -> None:
    """Writes a TIFF of 12 bits: two pixels in three bytes."""
    values = TWIN.astype(int) * 4095 // 255 + 8
    left, right = values[:, ::2], values[:, 1::2]
    parts = [left >> 4, (left & 15) << 4 | right >> 8, right & 255]
    packed = np.stack(parts, -1).astype(np.uint8).reshape(32, 48)
    write_tiff(path, np.pad(packed, ((0, 0), (0, 16))).view(np.uint16), bits=12)
    data = path.read_bytes()
    path.write_bytes(data[: -packed.shape[0] * 64] + packed.tobytes() + bytes(512))


def decoded(path: Path) -> np.ndarray:
    return decoding.decode(path, replace(GREY, size=32))[..., 0].astype(int)


INVERTED = 255 - TWIN
READ: dict[str, Callable[[Path], None]] = {
    "8 bits": lambda path: write_tiff(path, TWIN),
    "8 bits, 0 is white": lambda path: write_tiff(path, INVERTED, white_is_zero=True),
    "16 bits": lambda path: write_tiff(path, TWIN.astype(np.uint16) * 257),
    "16 bits, 0 is white": lambda path: write_tiff(
        path, INVERTED.astype(np.uint16) * 257, white_is_zero=True
    ),
    "16 bits, 0 is white, deflated": lambda path: write_tiff(
        path, INVERTED.astype(np.uint16) * 257, white_is_zero=True, compression="tiff_adobe_deflate"
    ),
    "12 bits": write_twelve_bits,
    "floats": lambda path: write_tiff(path, SHARES),
    "floats, 0 is white": lambda path: write_tiff(path, 1 - SHARES, white_is_zero=True),
    "floats, one above 1": lambda path: write_tiff(path, one_pixel(SHARES, 1.0004)),
    "floats, one below 0": lambda path: write_tiff(path, one_pixel(SHARES, -0.0001)),
    "floats, one far off": lambda path: write_tiff(path, one_pixel(SHARES, 50)),
    "floats, one infinite": lambda path: write_tiff(path, one_pixel(SHARES, np.inf)),
    "floats, one missing": lambda path: write_tiff(path, one_pixel(SHARES, np.nan)),
    "floats, none by a large number": lambda path: write_tiff(path, one_pixel(SHARES, -3.4e38)),
    "floats of 0..255": lambda path: write_tiff(path, TWIN.astype(np.float32)),
    "floats of 0..65535": lambda path: write_tiff(path, TWIN.astype(np.float32) * 257),
    "32 bits of 0..255": lambda path: write_tiff(path, TWIN.astype(np.int32)),
    "32 bits of 0..255, one above": lambda path: write_tiff(
        path, one_pixel(TWIN.astype(np.int32), 256)
    ),
    "32 bits of 0..255, one below": lambda path: write_tiff(
        path, one_pixel(TWIN.astype(np.int32), -1)
    ),
    "32 bits of 0..65535": lambda path: write_tiff(path, TWIN.astype(np.int32) * 257),
    "32 bits of 0..2147483647": lambda path: write_tiff(path, TWIN.astype(np.int32) * 8421504),
}


@pytest.mark.parametrize("name", READ)
def test_an_image_comes_out_like_its_twin_of_eight_bits(tmp_path: Path, name: str) -> None:
    READ[name](tmp_path / "a.tif")
    found = decoded(tmp_path / "a.tif")
    found[-1, -1] = TWIN[-1, -1]
    assert np.abs(found - TWIN).max() <= 1


@pytest.mark.parametrize(
    ("values", "corner"),
    [
        (one_pixel(SHARES, 1.0004), 255),
        (one_pixel(SHARES, np.inf), 255),
        (one_pixel(SHARES, -0.0001), 0),
        (one_pixel(SHARES, np.nan), 0),
        (one_pixel(TWIN.astype(np.int32), 256), 255),
        (one_pixel(TWIN.astype(np.int32), -1), 0),
        (one_pixel(TWIN.astype(np.int32) * 257, -1), 0),
    ],
)
def test_what_is_out_of_range_is_clipped(tmp_path: Path, values: np.ndarray, corner: int) -> None:
    write_tiff(tmp_path / "a.tif", values)
    assert decoded(tmp_path / "a.tif")[-1, -1] == corner


PLAIN: dict[str, Callable[[Path], None]] = {
    # Black and white as their depth says.
    "12 bits in 16": lambda path: write_tiff(path, TWIN.astype(np.uint16) * 16),
    "8 bits in 16": lambda path: write_tiff(path, TWIN.astype(np.uint16)),
    "floats of -1..1": lambda path: write_tiff(path, SHARES * 2 - 1),
    "a third missing": lambda path: write_tiff(path, np.where(TWIN < 100, -9999, SHARES)),
    "blank": lambda path: Image.new("RGB", (9, 9), "white").save(path, format="PNG"),
}


@pytest.mark.parametrize("resize", ["crop", "pad"])
@pytest.mark.parametrize("name", PLAIN)
def test_a_nearly_constant_image_is_warned_of_by_name(
    tmp_path: Path, name: str, resize: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    write_tiff(root / "good.tif", TWIN)
    PLAIN[name](root / "bad.tif")
    for _ in range(2):  # from the cache, too
        folder.load(root, replace(GREY, resize=resize), tmp_path / "cache")
        warning = capsys.readouterr().err
        assert "warning: 1 of the 2 images" in warning and "decoding: 'bad.tif'." in warning


def test_only_images_that_are_decoded_otherwise_count_as_other_images(tmp_path: Path) -> None:
    """A workdir or a ledger of an earlier version goes on with the images that it began with."""
    keys = []
    for values in (TWIN, SHARES, one_pixel(SHARES, 1.0004)):
        root = tmp_path / f"root{len(keys)}"
        root.mkdir()
        write_tiff(root / "a.tif", values)
        found = folder.load(root, GREY, tmp_path / "cache")
        keys.append(found.key == Path(found.images.filename).parent.name)
    assert keys == [True, True, False]
