"""Every network gives timm's logits with timm's weights."""

import json

import jax
import numpy as np
import pytest

from amkd import models
from amkd.models import inference
from amkd.models.pretrained import weights
from tests.models.pretrained import record_timm
from tests.support import timm_weights
from tests.support.timm_weights import CLASSES

NAMES = [name for name, entry in models.MODELS.items() if entry.timm]
LARGE = ("convnext_tiny", "resnet50_imagenet", "vit_small_patch16_224")
SOME = [pytest.param(name, marks=pytest.mark.heavy if name in LARGE else ()) for name in NAMES]
PARAMETERS = {
    "resnet18_imagenet": 11_689_512,
    "resnet50_imagenet": 25_557_032,
    "efficientnet_lite0": 4_652_008,
    "tf_efficientnet_lite0": 4_652_008,
    "mobilenetv3_small_100": 2_542_856,
    "convnext_atto": 3_695_520,
    "convnext_tiny": 28_589_128,
    "vit_small_patch16_224": 22_050_664,
}


def ours(name, side, values):
    """Returns the network and its variables with timm's values, the last layer's included."""
    shape = (side, side, 3)
    network = models.build(name, CLASSES, shape)
    backbone = weights.to_variables(values, network, shape, source="test")
    template = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    fresh = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), template)
    placed = weights.placed(backbone, fresh)
    return network, timm_weights.with_head(placed, network, values)


def logits(network, variables, images):
    return np.asarray(jax.jit(network.apply)(variables, images))


def assert_near(found, wanted):
    """Checks logits up to 1e-4, or to rounding where a ResNet's are thousands; they must tell the
    images apart.
    """
    near = max(1e-4, 5e-6 * np.abs(wanted).max())
    assert np.abs(wanted[0] - wanted[1]).max() > 100 * near
    np.testing.assert_allclose(found, wanted, atol=near, rtol=0)


@pytest.mark.parametrize("name", SOME)
def test_logits_are_those_that_timm_gave(name):
    side = timm_weights.side_of(name)
    plain = models.build(name, CLASSES, (side, side, 3))
    values = timm_weights.arrays(timm_weights.shapes_of(plain, (side, side, 3)))
    network, variables = ours(name, side, values)
    found = logits(network, variables, timm_weights.images(side))
    wanted = np.array(json.loads(record_timm.FILE.read_text())["logits"][name])
    assert_near(found, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_keys_are_timm_s(name):
    timm = pytest.importorskip("timm", reason="timm and torch are in the extra 'bench'")
    side = timm_weights.side_of(name)
    sized = {"img_size": side} if name.startswith("vit") else {}
    theirs = timm.create_model(models.MODELS[name].timm, num_classes=CLASSES, **sized).state_dict()
    network = models.build(name, CLASSES, (side, side, 3))
    shapes = timm_weights.shapes_of(network, (side, side, 3))
    kept = {k: tuple(v.shape) for k, v in theirs.items() if not k.endswith("num_batches_tracked")}
    assert set(shapes) == set(kept)
    assert all(np.prod(shapes[key]) == np.prod(kept[key]) for key in kept)


@pytest.mark.heavy
@pytest.mark.parametrize("name", NAMES)
def test_logits_are_timm_s(name):
    pytest.importorskip("timm", reason="timm and torch are in the extra 'bench'")
    side = timm_weights.side_of(name)
    theirs, values = record_timm.timm_network(name, side)
    network, variables = ours(name, side, values)
    images = timm_weights.images(side)
    wanted = record_timm.timm_logits(theirs, network, images)
    for form in ("plain", "training"):
        found = logits(network.clone(form=form), variables, images)
        assert_near(found, wanted)


def test_positions_are_interpolated_as_in_timm():
    pytest.importorskip("timm", reason="timm and torch are in the extra 'bench'")
    import torch
    from timm.layers import resample_abs_pos_embed

    value = np.random.default_rng(0).standard_normal((1, 1 + 14 * 14, 8)).astype(np.float32)
    for rows, columns in ((4, 4), (6, 20), (14, 14)):
        wanted = resample_abs_pos_embed(torch.from_numpy(value), [rows, columns]).numpy()
        found = weights._resized(value, (16 * rows, 16 * columns, 3), 16, "test")
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize(("name", "count"), PARAMETERS.items())
def test_parameters_are_as_many_as_documented(name, count):
    shape = (224, 224, 3)
    network = models.build(name, 1000, shape)
    template = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    assert sum(leaf.size for leaf in jax.tree.leaves(template["params"])) == count
