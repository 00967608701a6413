"""Convolutions of each channel by itself: both forms against a loop over pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from amkd.models.pretrained.depthwise import DepthwiseConv, edges, shifted, xla_conv

CASES = [(3, 1), (3, 2), (5, 2), (7, 1)]


def plain(x, kernel, stride):
    size = len(kernel)
    rows = range(0, x.shape[1] - size + 1, stride)
    columns = range(0, x.shape[2] - size + 1, stride)
    return np.array(
        [
            [
                [(one[r : r + size, c : c + size] * kernel[:, :, 0]).sum((0, 1)) for c in columns]
                for r in rows
            ]
            for one in x
        ]
    )


def some(size, shape=(2, 9, 11, 3)):
    rng = np.random.default_rng(size)
    return (
        rng.standard_normal(shape).astype(np.float32),
        rng.standard_normal((size, size, 1, shape[-1])).astype(np.float32),
    )


@pytest.mark.parametrize(("size", "stride"), CASES)
def test_both_forms_are_a_loop_over_pixels(size, stride):
    x, kernel = some(size)
    wanted = plain(x, kernel, stride)
    for form in (shifted, xla_conv):
        np.testing.assert_allclose(form(jnp.array(x), jnp.array(kernel), stride), wanted, atol=1e-4)


@pytest.mark.parametrize(("size", "stride"), CASES)
def test_gradients_are_those_of_xla(size, stride):
    x, kernel = map(jnp.array, some(size))

    def loss(form):
        return lambda *given: jnp.square(form(*given, stride)).sum()

    own, wanted = (jax.grad(loss(form), (0, 1))(x, kernel) for form in (shifted, xla_conv))
    for one, other in zip(own, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("padding", [0, 1, "SAME"])
@pytest.mark.parametrize("form", ["plain", "training"])
def test_a_layer_is_linen_s_grouped_convolution(padding, form):
    x, _ = some(3, (2, 8, 8, 4))
    own = DepthwiseConv(3, 2, padding, use_bias=True, form=form)
    around = padding if padding == "SAME" else [(padding, padding)] * 2
    theirs = nn.Conv(4, (3, 3), (2, 2), around, feature_group_count=4)
    variables = theirs.init(jax.random.key(0), x)
    np.testing.assert_allclose(own.apply(variables, x), theirs.apply(variables, x), atol=1e-5)


def test_same_puts_the_odd_zero_below_and_to_the_right():
    assert edges(jnp.zeros((1, 8, 7, 1)), 3, 2, "SAME") == [(0, 1), (1, 1)]
