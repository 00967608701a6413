"""The grid of weights, the 8-bit mix and the unrounded one."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.data import mixing, records
from amkd.data.records import Mixes, Records, mixes
from tests.support import plain

SHAPE = (4, 3, 2)
byte_images = st.binary(min_size=24, max_size=24).map(
    lambda b: np.frombuffer(b, np.uint8).reshape(SHAPE)
)
weights = st.one_of(
    st.integers(0, mixing.ONE), st.sampled_from([0, 1, 32767, 32768, 32769, 65535, 65536])
)


@jax.jit
def mix_image(a, b, w):
    return mixing.mix_image(a, b, w)


def mixed(a, b, w):
    return np.asarray(mix_image(a, b, np.int32(w)))


def test_float32_holds_every_lambda_exactly():
    w = np.arange(mixing.ONE + 1, dtype=np.int32)
    lam = mixing.lam_of(w)
    assert lam.dtype == np.float32
    np.testing.assert_array_equal(lam.astype(np.float64) * mixing.ONE, w)


@pytest.mark.parametrize(
    ("a", "b", "lam", "expected"),
    [
        (11, 10, 0.7, 11),  # 10.7 rounds up: it is not cut off
        (255, 255, 0.3, 255),  # white stays white
        (255, 0, 1.0, 255),
        (255, 0, 0.0, 0),
        (10, 11, 0.5, 10),  # ties go to even
        (11, 12, 0.5, 12),
        (0, 255, 0.5, 128),
        (0, 1, 0.5, 0),
        (254, 255, 0.5, 254),
    ],
)
def test_worked_bytes(a, b, lam, expected):
    one = np.ones((1, 1, 1), np.uint8)
    assert mixed(one * a, one * b, round(lam * mixing.ONE)).item() == expected


@pytest.mark.parametrize("w", [1, 19661, 32767, 32768, 32769, 65535])
def test_every_pair_of_bytes(w):
    a, b = (
        side.astype(np.uint8)[..., None] for side in np.meshgrid(np.arange(256), np.arange(256))
    )
    total = w * a.astype(np.int64) + (mixing.ONE - w) * b.astype(np.int64)
    np.testing.assert_array_equal(mixed(a, b, w), np.rint(total / mixing.ONE))  # exact in float64
    some = slice(w % 7, None, 37)
    np.testing.assert_array_equal(
        mixed(a, b, w)[some, some], plain.mix_bytes(a[some, some], b[some, some], w)
    )


@given(byte_images, byte_images, weights)
def test_mix_has_the_bytes_of_exact_arithmetic(a, b, w):
    np.testing.assert_array_equal(mixed(a, b, w), plain.mix_bytes(a, b, w))


@given(byte_images, weights)
def test_mix_of_an_image_with_itself_is_itself(a, w):
    np.testing.assert_array_equal(mixed(a, a, w), a)


@given(byte_images, byte_images, weights)
def test_mix_is_symmetric(a, b, w):
    np.testing.assert_array_equal(mixed(a, b, w), mixed(b, a, mixing.ONE - w))


@given(byte_images, byte_images, weights)
def test_mix_rounds_the_unrounded_mix(a, b, w):
    lam = mixing.lam_of(np.int32(w))
    near = np.asarray(mixing.mix(jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32), lam))
    np.testing.assert_allclose(near, plain.mix(a, b, w / mixing.ONE), atol=1e-4)
    assert np.all(np.abs(mixed(a, b, w) - near) <= 0.5 + 1e-4)


def test_unrounded_mix_of_bytes_is_the_same_as_of_floats():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, *SHAPE), np.uint8)
    lam = jnp.float32(0.3)
    bytes_ = mixing.mix(jnp.asarray(a), jnp.asarray(b), lam)
    floats = mixing.mix(jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32), lam)
    assert bytes_.dtype == jnp.float32
    np.testing.assert_array_equal(bytes_, floats)


def test_unrounded_mix_of_bytes_promotes_nothing_silently():
    with jax.numpy_dtype_promotion("strict"):
        mixing.mix(jnp.zeros(SHAPE, jnp.uint8), jnp.zeros(SHAPE, jnp.uint8), jnp.float32(0.3))


def test_many_pairs_each_with_its_own_images_and_weight():
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (5, *SHAPE), np.uint8)
    i, j = (rng.integers(0, 5, 30).astype(np.int32) for _ in range(2))
    w = rng.integers(0, mixing.ONE + 1, 30).astype(np.int32)
    expected = np.stack(
        [plain.mix_bytes(images[a], images[b], c) for a, b, c in zip(i, j, w, strict=True)]
    )
    np.testing.assert_array_equal(mixing.mix_images(jnp.asarray(images), i, j, w), expected)
    on_host = np.concatenate(list(mixes(images, Records(i, j, w), block=7)))
    assert isinstance(on_host, np.ndarray)
    assert on_host.dtype == np.uint8
    np.testing.assert_array_equal(on_host, expected)


def test_large_images_are_mixed_few_at_a_time_from_where_they_are(monkeypatch):
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (6, *SHAPE), np.uint8)
    i, j = (rng.integers(0, 6, 11).astype(np.int32) for _ in range(2))
    some = Records(i, j, rng.integers(0, mixing.ONE + 1, 11).astype(np.int32))
    expected = np.concatenate(list(mixes(images, some)))
    monkeypatch.setattr(records, "_TABLE_BYTES", images.nbytes - 1)
    monkeypatch.setattr(records, "_BLOCK_BYTES", 4 * images[0].nbytes + 1)
    found = list(mixes(images, some))
    assert [len(one) for one in found] == [4, 4, 3]
    np.testing.assert_array_equal(np.concatenate(found), expected)
    assert [len(one) for one in mixes(images, some.take(slice(0)))] == [0]
    one_by_one = Mixes(images, some)
    assert len(one_by_one) == 11
    for place, image in enumerate(one_by_one):
        np.testing.assert_array_equal(image, expected[place])
        np.testing.assert_array_equal(one_by_one[place], expected[place])


@pytest.mark.parametrize("as_released", [False, True])
def test_mixes_are_made_when_they_are_looked_at(as_released):
    images = np.random.default_rng(3).integers(0, 256, (3, *SHAPE), np.uint8)
    some = Records(*np.array([[0, 1, 2], [1, 1, 0], [9, mixing.ONE, 40000]], np.int32))
    (expected,) = mixes(images, some, as_released)
    found = Mixes(images, some, as_released)
    np.testing.assert_array_equal(np.stack(list(found)), expected)
    np.testing.assert_array_equal(np.stack([found[place] for place in range(3)]), expected)


def test_mix_refuses_other_types_and_shapes():
    a = jnp.zeros(SHAPE, jnp.uint8)
    with pytest.raises(AssertionError):
        mixing.mix_image(a.astype(jnp.int32), a, jnp.int32(1))
    with pytest.raises(AssertionError):
        mixing.mix_image(a, a, jnp.float32(0.5))
    with pytest.raises(AssertionError):
        mixing.mix_image(a, a[:1], jnp.int32(1))


def test_bytes_as_released_by_hand():
    """White is 0 and all else itself; 10.7 is cut off to 10, where the honest rule has 11 and
    255.
    """
    everything = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    whole = mixing.mix_image(everything, everything, np.int32(mixing.ONE), True)
    np.testing.assert_array_equal(np.ravel(whole), [*range(255), 0])
    a, b = np.uint8([11]).reshape(1, 1, 1), np.uint8([10]).reshape(1, 1, 1)
    w = np.int32(round(0.7 * mixing.ONE))
    assert int(mixing.mix_image(a, b, w, True)[0, 0, 0]) == 10
    assert int(mixing.mix_image(a, b, w)[0, 0, 0]) == 11


@given(byte_images, byte_images, weights)
def test_bytes_as_released_are_a_product_with_256_cut_off(a, b, w):
    found = np.asarray(mixing.mix_image(jnp.asarray(a), jnp.asarray(b), np.int32(w), True))
    for one, other, byte in zip(
        a.ravel().tolist(), b.ravel().tolist(), found.ravel().tolist(), strict=True
    ):
        exact = Fraction(int(w) * one + (mixing.ONE - int(w)) * other, mixing.ONE * 255) * 256
        assert byte == int(exact) % 256
