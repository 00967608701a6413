"""Convolutions as products of matrices: the same numbers as XLA's own, and as loops."""

from functools import partial

import hypothesis
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax

from amkd import models
from amkd.models import convolution, inference, layers
from tests.support import plain

NHWC = ("NHWC", "HWIO", "NHWC")
SAME = ((1, 1), (1, 1))


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_matrix_of_a_kernel_by_hand():
    """A 1x2 kernel (2, 3) over a row of three pixels, one black pixel before it, at stride 1."""
    kernel = jnp.asarray([[[[2.0]], [[3.0]]]])  # [1, 2, 1, 1]
    matrix = convolution.as_matrix(kernel, (1, 3), (1, 3), 1, (0, 1))
    np.testing.assert_array_equal(matrix, [[3, 2, 0], [0, 3, 2], [0, 0, 3]])
    strided = convolution.as_matrix(kernel, (1, 4), (1, 2), 2, (0, 0))
    np.testing.assert_array_equal(strided, [[2, 0], [3, 0], [0, 2], [0, 3]])


def test_windows_by_hand():
    image = jnp.arange(16.0).reshape(1, 4, 4, 1)
    found = convolution.windows(image, 2)
    assert found.shape == (1, 2, 4, 2, 1)
    np.testing.assert_array_equal(found[0, 0, :, 0, 0], [0, 1, 4, 5])
    np.testing.assert_array_equal(found[0, 1, :, 1, 0], [10, 11, 14, 15])
    np.testing.assert_array_equal(found.max(2), layers.max_pool(image, 2, 2))


def run(form, x, kernel):
    return form.apply(jnp.asarray(x), form.prepare(jnp.asarray(kernel)))


def xla(x, kernel, of):
    return lax.conv_general_dilated(
        x, kernel, (of.stride, of.stride), of.edges, dimension_numbers=NHWC, precision="highest"
    )


@given(
    size=st.tuples(st.integers(3, 9), st.integers(3, 9)),
    kernel=st.tuples(*[st.integers(1, 3)] * 2, st.integers(1, 3), st.integers(1, 4)),
    stride=st.integers(1, 2),
    edges=st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
    rows=st.sampled_from([1, 2, 3, None]),
)
@hypothesis.settings(max_examples=15)
def test_banded_is_the_convolution(size, kernel, stride, edges, rows):
    of = convolution.Geometry(size, kernel, stride, edges, 1)
    x, k = normal((2, *size, kernel[2])), normal(kernel, 1)
    expected = xla(x, k, of)
    assert expected.shape[1:3] == of.out
    np.testing.assert_allclose(run(convolution.Banded(of, rows), x, k), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (6, 8), (16, 16)])
def test_winograd_is_the_convolution(size):
    of = convolution.Geometry(size, (3, 3, 5, 7), 1, SAME, 1)
    assert convolution.Winograd.fits(of)
    x, k = normal((2, *size, 5)), normal((3, 3, 5, 7), 1)
    np.testing.assert_allclose(run(convolution.Winograd(), x, k), xla(x, k, of), atol=2e-5)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "edges", "window", "training", "scoring"),
    [
        ((28, 28), (5, 5, 3, 8), 1, ((0, 0), (0, 0)), 2, "Banded", "Banded"),
        ((2, 2), (3, 3, 512, 512), 1, SAME, 1, "Banded", "Banded"),
        ((8, 8), (3, 3, 128, 256), 1, SAME, 1, "Direct", "Winograd"),
        ((8, 8), (3, 3, 64, 256), 1, SAME, 1, "Direct", "Direct"),
        ((7, 7), (3, 3, 128, 256), 1, SAME, 1, "Direct", "Direct"),
        ((8, 8), (3, 3, 128, 256), 2, SAME, 1, "Direct", "Direct"),
        ((8, 8), (5, 5, 128, 256), 1, ((2, 2), (2, 2)), 1, "Direct", "Direct"),
    ],
)
def test_choice(size, kernel, stride, edges, window, training, scoring):
    of = convolution.Geometry(size, kernel, stride, edges, window)
    chosen = [type(convolution.choose(of, form)).__name__ for form in convolution.FORMS]
    assert chosen == ["Direct", training, scoring]


@pytest.mark.parametrize("filters", [8, 40])
def test_windows_and_gradients_in_either_form(filters):
    of = convolution.Geometry((10, 8), (3, 3, 3, filters), 1, SAME, 2)
    x, k = normal((3, 10, 8, 3)), normal((3, 3, 3, filters), 1)
    plainly, chosen = (partial(run, convolution.choose(of, form)) for form in ("plain", "training"))
    assert plainly(x, k).shape == (3, 5, 4, 4, filters)
    np.testing.assert_allclose(chosen(x, k), plainly(x, k), atol=1e-5)
    pull = [
        jax.grad(lambda x, k, f=f: (f(x, k) ** 2).sum(), (0, 1))(x, k) for f in (chosen, plainly)
    ]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-2), *pull)


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
    shapes = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    variables = plain.random_variables(shapes, 0)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    expected = jax.jit(network.apply)(variables, images)
    assert np.ptp(expected) > 1e-2
    for form in ("training", "scoring"):
        found = jax.jit(network.clone(form=form).apply)(variables, images)
        np.testing.assert_allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_what_is_prepared_is_used_and_is_no_part_of_a_fresh_network():
    shape = (8, 8, 1)
    network = models.build("lenet5_half", 10, shape).clone(form="scoring")
    variables = inference.init(network, shape, jax.random.key(0))
    assert set(variables) == {"params"}
    ready = inference.prepared(network, variables, shape)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), np.uint8)
    expected = network.apply(variables, images)
    np.testing.assert_allclose(network.apply(ready, images), expected, atol=1e-6)
    assert ready["forms"]["conv2"]["kernel"].shape == (6 * 14 * 3, 2 * 10 * 8)
    blank = {**variables, "forms": jax.tree.map(jnp.zeros_like, ready["forms"])}
    assert np.abs(network.apply(blank, images) - expected).max() > 1e-3


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
