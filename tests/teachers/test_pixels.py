"""Pixels become a model's input: values and layouts worked out by hand, and what is refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from amkd.config.teacher_answers import Pixels
from amkd.core.errors import UserError
from amkd.teachers.pixels import check, prepare

# Two images of 1x2 pixels with 3 channels.
IMAGES = np.array([[[[0, 51, 255], [102, 153, 204]]], [[[1, 2, 3], [4, 5, 6]]]], np.uint8)


def test_bytes_go_through_as_they_are() -> None:
    found = prepare(IMAGES, Pixels("nhwc", "uint8"))
    assert found.dtype == np.uint8
    assert found.tolist() == IMAGES.tolist()


def test_channels_first() -> None:
    found = prepare(IMAGES, Pixels("nchw", "uint8"))
    assert found.flags.c_contiguous
    assert found.tolist() == [
        [[[0, 102]], [[51, 153]], [[255, 204]]],
        [[[1, 4]], [[2, 5]], [[3, 6]]],
    ]


def test_divided_then_shifted_then_scaled() -> None:
    pixels = Pixels("nhwc", "float64", 255.0, (0.5, 0.25, 0.0), (0.5, 0.25, 2.0))
    assert prepare(IMAGES[:1], pixels)[0, 0].tolist() == pytest.approx(
        np.array([[-1.0, -0.2, 0.5], [-0.2, 1.4, 0.4]]), abs=1e-15
    )


def test_one_number_serves_all_channels() -> None:
    found = prepare(IMAGES, Pixels("nchw", "float32", 1.0, (1.0,), (2.0,)))
    assert found.dtype == np.float32
    assert found[1].tolist() == [[[0.0, 1.5]], [[0.5, 2.0]], [[1.0, 2.5]]]


def test_half_precision_is_rounded_once() -> None:
    """1/3 of 255 in steps of half precision would be 84.9375 or 85.0625 after a detour."""
    pixels = Pixels("nhwc", "float16", 3.0, (), (1 / 255,))
    found = prepare(IMAGES, pixels)
    assert found.dtype == np.float16
    assert (
        found.tolist()
        == (IMAGES.astype(np.float32) / np.float32(3) / np.float32(1 / 255))
        .astype(np.float16)
        .tolist()
    )


@given(
    arrays(np.uint8, array_shapes(min_dims=4, max_dims=4, max_side=5)),
    st.sampled_from(["float32", "float64"]),
)
def test_the_mapping_can_be_undone(images: np.ndarray, dtype: str) -> None:
    pixels = Pixels("nchw", dtype, 255.0, (0.3,), (0.7,))
    before = images.copy()
    found = prepare(images, pixels)
    assert found.dtype == dtype
    assert np.array_equal(images, before)
    assert np.array_equal(
        np.rint((found.transpose(0, 2, 3, 1) * 0.7 + 0.3) * 255).astype(np.uint8), images
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (dict(layout="hwc"), r"config\.teacher\.pixels\.layout='hwc' must be one of nhwc, nchw"),
        (dict(layout="auto"), r"config\.teacher\.pixels\.layout"),
        (dict(dtype="int64"), r"config\.teacher\.pixels\.dtype='int64'"),
        (dict(divide=0.0), r"config\.teacher\.pixels\.divide=0\.0"),
        (dict(divide=-1.0), r"config\.teacher\.pixels\.divide=-1\.0"),
        (dict(divide=float("nan")), r"config\.teacher\.pixels\.divide=nan"),
        (
            dict(mean=(0.5, 0.5)),
            r"config\.teacher\.pixels\.mean=\(0\.5, 0\.5\) has 2 numbers.*3 channel",
        ),
        (dict(mean=(float("inf"),)), r"config\.teacher\.pixels\.mean.*finite"),
        (dict(std=(1.0,) * 4), r"config\.teacher\.pixels\.std.* has 4 numbers"),
        (dict(std=(1.0, 0.0, 1.0)), r"config\.teacher\.pixels\.std.* must not contain 0"),
        (
            dict(dtype="uint8", divide=255.0),
            r"config\.teacher\.pixels\.dtype='uint8'.*divide to 1",
        ),
        (dict(dtype="uint8", mean=(0.5,)), r"config\.teacher\.pixels\.dtype='uint8'"),
        (dict(dtype="uint8", std=(0.5,)), r"config\.teacher\.pixels\.dtype='uint8'"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], said: str) -> None:
    pixels = Pixels(**{"layout": "nhwc", "dtype": "float32", **fields})
    with pytest.raises(UserError, match=said):
        check(pixels, 3)
    with pytest.raises(UserError, match=said):
        prepare(IMAGES, pixels)
