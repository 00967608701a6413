"""The networks: their sizes, layers, stems and inference."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import models
from amkd.core.errors import UserError
from amkd.data import mixing
from amkd.models import inference, layers
from amkd.models.inference import MixInput
from amkd.search import confidence
from amkd.search.lambda_grid import lambda_grid
from tests.support import plain

COUNTS = [
    ("lenet5", 10, (28, 28, 1), 61_706),
    ("lenet5", 10, (32, 32, 1), 61_706),
    ("lenet5_half", 10, (28, 28, 1), 35_820),
    ("lenet5_half", 10, (32, 32, 1), 35_820),
    ("alexnet", 10, (32, 32, 3), 1_659_178),
    ("alexnet_half", 10, (32, 32, 3), 417_434),
    ("vgg16", 10, (32, 32, 3), 14_728_266),
    ("resnet18", 10, (32, 32, 3), 11_173_962),
    ("resnet18_224", 1000, (224, 224, 3), 11_689_512),
    # 432 + 4,608 + 18,432 + 224 of norms, 520, 480 * 256 + 256, 2,570.
    ("row_anchor", 10, (48, 80, 3), 149_922),
    ("row_anchor_half", 10, (48, 80, 3), 69_210),
]
# The smallest images that each takes, so that running it is cheap.
SMALL = {
    "lenet5": (8, 8, 1),
    "lenet5_half": (8, 8, 1),
    "alexnet": (15, 15, 3),
    "alexnet_half": (15, 15, 3),
    "vgg16": (32, 32, 3),
    "resnet18": (8, 8, 3),
    "resnet18_224": (32, 32, 3),
    "row_anchor": (16, 16, 3),
    "row_anchor_half": (16, 16, 3),
}


def shapes_of(network, shape):
    return jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))


def example(name, batch=3, classes=10):
    """A network with variables and images, none of them special."""
    shape = SMALL[name]
    network = models.build(name, classes, shape)
    variables = plain.random_variables(shapes_of(network, shape), 0)
    return network, variables, np.random.default_rng(1).integers(0, 256, (batch, *shape), np.uint8)


def test_every_model_is_tested_here():
    """Those with published weights are in tests/models/pretrained."""
    own = {name for name, entry in models.MODELS.items() if not entry.timm}
    assert set(SMALL) == own == {name for name, *_ in COUNTS}


@pytest.mark.parametrize(("name", "classes", "shape", "count"), COUNTS)
def test_parameter_counts(name, classes, shape, count):
    params = shapes_of(models.build(name, classes, shape), shape)["params"]
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == count
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(("name", "classes", "shape", "count"), COUNTS)
def test_output_shapes_and_types(name, classes, shape, count, dtype):
    network = layers.for_training(models.build(name, classes, shape), dtype)
    images = jax.ShapeDtypeStruct((5, *shape), jnp.uint8)
    # linen's BatchNorm itself promotes bfloat16 activations to its float32 statistics.
    with jax.numpy_dtype_promotion("standard"):
        variables = shapes_of(network, shape)
        logits = jax.eval_shape(network.apply, variables, images)
        stem = jax.eval_shape(partial(inference.stem, network), variables, images)
    assert (logits.shape, logits.dtype) == ((5, classes), jnp.float32)
    assert (stem.shape[0], stem.dtype) == (5, jnp.dtype(dtype))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))


@pytest.mark.parametrize(
    ("name", "smallest", "largest"),
    [
        ("lenet5", 1, 32),
        ("lenet5_half", 1, 32),
        ("alexnet", 15, None),
        ("alexnet_half", 15, None),
        ("vgg16", 32, None),
        ("resnet18", 8, None),
        ("resnet18_224", 32, None),
    ],
)
def test_image_sizes(name, smallest, largest):
    for size in (smallest, largest or smallest + 17):
        shape = (size, size, 3)
        network = models.build(name, 4, shape)
        images = jax.ShapeDtypeStruct((2, *shape), jnp.uint8)
        assert jax.eval_shape(network.apply, shapes_of(network, shape), images).shape == (2, 4)
    wrong = [(smallest - 1, smallest, 3), (smallest, smallest - 1, 3)]
    wrong += [(largest, largest + 1, 3), (largest + 1, largest, 3)] if largest else []
    for shape in wrong:
        size = smallest if min(shape[:2]) < smallest else largest
        told = f"{name}.*{shape[0]}x{shape[1]}; set --config.student_size={size}, or choose another"
        with pytest.raises(UserError, match=told):
            models.build(name, 4, shape)


@pytest.mark.parametrize("name", ["lenet5_half", "alexnet_half", "resnet18", "vgg16"])
def test_inference_is_a_probability_and_independent_of_the_batch(name):
    network, variables, images = example(name)
    run = jax.jit(partial(inference.predict, network))
    together = np.asarray(run(variables, images))
    np.testing.assert_allclose(together.sum(1), 1, rtol=1e-5)
    assert np.all(together >= 0)
    assert np.abs(together[0] - together[1]).max() > 1e-3
    others = np.stack([images[0], np.zeros_like(images[0]), np.full_like(images[0], 255)])
    np.testing.assert_allclose(run(variables, others)[0], together[0], atol=1e-6)
    np.testing.assert_allclose(run(variables, images[::-1])[::-1], together, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_stem_is_affine_in_the_pixels(name):
    """What lets the search mix activations instead of images."""
    network, variables, images = example(name, batch=2)
    stem = jax.jit(partial(inference.stem, network, variables))
    a, b = images[:1].astype(np.float32), images[1:].astype(np.float32)
    for lam in (0.3, 0.5, -1.5):  # affine, not only convex
        expected = lam * stem(a) + (1 - lam) * stem(b)
        np.testing.assert_allclose(stem(np.float32(lam * a + (1 - lam) * b)), expected, atol=2e-5)
    assert np.abs(stem(a) - stem(b)).max() > 0.05


@pytest.mark.parametrize("name", ["lenet5_half", "alexnet_half"])
def test_trunk_after_stem_is_the_network(name):
    network, variables, images = example(name)
    whole = jax.jit(network.apply)(variables, images)

    @jax.jit
    def halves(images):
        h = inference.stem(network, variables, images)
        return network.apply(variables, h, method="trunk"), inference.trunk_of_one(
            network, variables
        )(h[1])

    together, alone = halves(images)
    np.testing.assert_allclose(together, whole, atol=1e-5)
    np.testing.assert_allclose(alone, whole[1], atol=1e-5)
    all_of_it = jax.jit(inference.network_of_one(network, variables))
    np.testing.assert_allclose(all_of_it(images[1].astype(np.float32)), whole[1], atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (5, 32, 2), (31, 6, 1)])
@pytest.mark.parametrize("name", ["lenet5", "lenet5_half"])
def test_lenet_agrees_with_the_plain_one(name, shape):
    network = models.build(name, 7, shape)
    variables = plain.random_variables(shapes_of(network, shape), 3)
    images = np.random.default_rng(4).integers(0, 256, (2, *shape), np.uint8)
    expected = [plain.lenet5(variables["params"], image) for image in images]
    np.testing.assert_allclose(network.apply(variables, images), expected, atol=2e-5)


def test_smaller_image_is_the_larger_one_with_a_black_margin():
    network, variables, _ = example("lenet5")
    image = np.random.default_rng(0).integers(0, 256, (1, 28, 28, 1), np.uint8)
    padded = np.pad(image, [(0, 0), (2, 2), (2, 2), (0, 0)])
    np.testing.assert_allclose(
        network.apply(variables, image), network.apply(variables, padded), atol=1e-6
    )


def test_c2_of_a_network_by_images_and_by_the_plain_reference():
    network, variables, images = example("lenet5_half", batch=4)
    weights = lambda_grid(0.3, 0.7, 3)
    one = jax.jit(
        confidence.Grid(tuple(weights.tolist())).on(inference.network_of_one(network, variables))
    )
    for a, b in plain.all_pairs(4):
        score, w = one(*(MixInput(images[place].astype(np.float32)) for place in (a, b)))
        expected, best = plain.c2(
            partial(plain.lenet5, variables["params"]), images[a], images[b], mixing.lam_of(weights)
        )
        np.testing.assert_allclose(score, expected, atol=1e-6)
        assert w == weights[best]


def test_worked_local_response_norm():
    """Five channels, all 100: sums of 3, 4, 5, 4 and 3 squares, not averaged."""
    y = layers.local_response_norm(jnp.full(5, 100.0))
    np.testing.assert_allclose(y, (35.3553, 29.9070, 26.0847, 29.9070, 35.3553), atol=1e-4)


def test_local_response_norm_against_the_plain_one():
    x = np.random.default_rng(0).normal(0, 100, (2, 3, 4, 9)).astype(np.float32)
    expected = np.apply_along_axis(plain.local_response_norm, -1, x.astype(np.float64))
    np.testing.assert_allclose(layers.local_response_norm(jnp.asarray(x)), expected, rtol=1e-5)


@pytest.mark.parametrize(("window", "stride"), [(2, 2), (3, 2), (3, 1), (1, 1)])
@pytest.mark.parametrize("size", [(6, 6), (7, 8), (15, 3)])
def test_max_pool_against_the_plain_one(window, stride, size):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype(np.float32)
    expected = [plain.max_pool(image, window, stride) for image in x]
    np.testing.assert_array_equal(
        layers.max_pool(jnp.asarray(x), window, stride), np.float32(expected)
    )


def test_pixels_become_zero_to_one():
    image = np.array([0, 51, 255], np.uint8)
    np.testing.assert_allclose(
        layers.to_unit(jnp.asarray(image), jnp.float32), [0, 0.2, 1], rtol=1e-6
    )


def test_dropout_is_by_image_and_by_layer():
    keys = jax.random.split(jax.random.key(0), 6)
    ones = jnp.ones((6, 4000))
    dropped = np.asarray(layers.dropout(ones, 0.25, keys, 0))
    np.testing.assert_allclose(np.unique(dropped), [0, 4 / 3], rtol=1e-6)
    assert np.all(np.abs(dropped.mean(1) - 1) < 0.05)
    assert len({row.tobytes() for row in dropped}) == 6
    part = np.asarray(layers.dropout(ones[:2], 0.25, keys[4:], 0))
    np.testing.assert_array_equal(part, dropped[4:])  # wherever in whatever batch
    other = np.asarray(layers.dropout(ones, 0.25, keys, 1))
    assert 0.3 < np.mean((other > 0) != (dropped > 0)) < 0.45  # 2 * .25 * .75 if independent


def test_dropout_is_where_there_are_keys():
    """In training, and in passes that stand for other students, whose BatchNorm is as in
    inference.
    """
    network, variables, images = example("alexnet_half")
    keys = jax.random.split(jax.random.key(0), len(images))
    infer = jax.jit(lambda *args: network.apply(variables, images, False, *args))
    assert np.abs(infer(keys) - infer()).max() > 1e-3
    both = jax.jit(
        lambda keys: network.apply(variables, jnp.concatenate([images, images]), False, keys)
    )(jnp.concatenate([keys, keys[::-1]]))
    np.testing.assert_allclose(both[: len(images)], infer(keys), atol=1e-4)  # whoever is beside it
    train = jax.jit(
        lambda keys: network.apply(variables, images, True, keys, mutable=["batch_stats"])[0]
    )
    assert np.abs(train(keys) - train(keys[::-1])).max() > 1e-3
    assert np.abs(train(None) - train(keys)).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "keep", "layer"), [("alexnet_half", 0.9, "norms_0"), ("resnet18", 0.9, "norm1")]
)
def test_training_moves_the_running_statistics(name, keep, layer):
    network, variables, images = example(name)
    apply = jax.jit(
        lambda v, x: network.apply(v, x, True, None, mutable=["batch_stats"])[1]["batch_stats"]
    )
    after = apply(variables, images)[layer]["mean"]
    before = variables["batch_stats"][layer]["mean"]
    moved = (after - keep * before) / (1 - keep)  # the batch's own mean
    other = (apply(variables, images[::-1])[layer]["mean"] - keep * before) / (1 - keep)
    np.testing.assert_allclose(moved, other, atol=1e-4)
    zeros = {**variables, "batch_stats": jax.tree.map(np.zeros_like, variables["batch_stats"])}
    np.testing.assert_allclose(apply(zeros, images)[layer]["mean"], (1 - keep) * moved, atol=1e-4)
    assert np.abs(moved).max() > 0.01


@pytest.mark.parametrize("name", SMALL)
def test_networks_are_told_apart_by_value(name):
    """The compiled programs are looked up by them."""
    a, b, c = (models.build(name, classes, SMALL[name]) for classes in (10, 10, 11))
    assert a == b
    assert hash(a) == hash(b)
    assert a != c
