"""Convolutions as products of matrices: the same numbers as XLA's own, and as loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from amkd import models, student
from amkd.models import convolution, layers
from tests import plain

NHWC = ("NHWC", "HWIO", "NHWC")


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_matrix_of_a_kernel_by_hand():
    """A 1x2 kernel (2, 3) over a row of three pixels, one black pixel before it, at stride 1."""
    kernel = jnp.asarray([[[[2.0]], [[3.0]]]])  # [1, 2, 1, 1]
    matrix = convolution.as_matrix(kernel, (1, 3), (1, 3), (1, 1), (0, 1))
    np.testing.assert_array_equal(matrix, [[3, 2, 0], [0, 3, 2], [0, 0, 3]])
    strided = convolution.as_matrix(kernel, (1, 4), (1, 2), (1, 2), (0, 0))
    np.testing.assert_array_equal(strided, [[2, 0], [3, 0], [0, 2], [0, 3]])


def test_windows_by_hand():
    image = jnp.arange(16.0).reshape(1, 4, 4, 1)
    found = convolution.windows(image, 2)
    assert found.shape == (1, 2, 4, 2, 1)
    np.testing.assert_array_equal(found[0, 0, :, 0, 0], [0, 1, 4, 5])
    np.testing.assert_array_equal(found[0, 1, :, 1, 0], [10, 11, 14, 15])
    np.testing.assert_array_equal(found.max(2), layers.max_pool(image, 2, 2))


@given(
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    edges=st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    rows=st.sampled_from([1, 2, 3, None]),
)
def test_banded_is_the_convolution(size, kernel, channels, strides, edges, rows):
    x, k = normal((2, *size, channels[0])), normal((*kernel, *channels), 1)
    expected = lax.conv_general_dilated(x, k, strides, edges, dimension_numbers=NHWC, precision="highest")
    found = convolution.banded(jnp.asarray(x), jnp.asarray(k), strides, edges, rows)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 2), (0, 3))])
@pytest.mark.parametrize(("channels", "filters"), [(3, 8), (3, 40)])
@pytest.mark.parametrize("window", [1, 2])
def test_convolve_in_every_form(padding, channels, filters, window):
    shape = {"SAME": (8, 6), "VALID": (12, 10), ((1, 2), (0, 3)): (9, 7)}[padding]
    x, k = jnp.asarray(normal((3, *shape, channels))), jnp.asarray(normal((5, 5, channels, filters), 1))
    run = partial(convolution.convolve, strides=(1, 1), padding=padding, window=window, dimension_numbers=NHWC)
    plainly = run(x, k, matrices=False)
    assert plainly.ndim == (5 if window > 1 else 4)
    np.testing.assert_allclose(run(x, k), plainly, atol=1e-4)
    # Training goes backwards through the same form.
    pull = [jax.grad(lambda x, k, m=m: (run(x, k, matrices=m) ** 2).sum(), (0, 1))(x, k) for m in (True, False)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-2), *pull)


def test_tiny_images_of_many_channels():
    x, k = jnp.asarray(normal((5, 2, 2, 64))), jnp.asarray(normal((3, 3, 64, 32), 1))
    expected = lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=NHWC, precision="highest")
    found = convolution.convolve(x, k, (1, 1), "SAME", dimension_numbers=NHWC)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("lenet5", (28, 28, 1)),
        ("lenet5_half", (32, 32, 3)),
        ("lenet5_half", (7, 9, 1)),
        ("alexnet_half", (17, 19, 3)),
        ("vgg16", (32, 32, 3)),
        ("resnet18", (9, 8, 3)),
    ],
)
def test_networks_are_the_same_in_either_form(name, shape):
    network = models.build(name, 10, shape)
    shapes = jax.eval_shape(lambda: student.init(network, shape, jax.random.key(0)))
    variables = plain.random_variables(shapes, 0)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    found, expected = (jax.jit(form.apply)(variables, images) for form in (network.clone(matrices=True), network))
    assert np.ptp(expected) > 1e-2
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_normalisation_over_channels_and_its_gradient():
    def as_written(x):
        squares = jnp.pad(x**2, [(0, 0)] * 3 + [(2, 2)])
        total = sum(squares[..., d : d + x.shape[-1]] for d in range(5))
        return x / (1 + 1e-4 * total) ** 0.75

    x, g = 40 * normal((2, 3, 3, 7)), normal((2, 3, 3, 7), 1)
    found, expected = (jax.vjp(f, jnp.asarray(x)) for f in (layers.local_response_norm, as_written))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
    np.testing.assert_allclose(found[1](g)[0], expected[1](g)[0], rtol=1e-4, atol=1e-5)
    assert np.abs(expected[1](g)[0] - g).max() > 0.1  # the normalisation bites at this scale
