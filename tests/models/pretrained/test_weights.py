"""Files of weights: what is read, and what is refused with file, key and remedy."""

import functools
import json

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core.errors import UserError
from amkd.models import prediction
from amkd.models.pretrained import naming, weights
from amkd.models.pretrained.weights import Facts
from tests.support import timm_weights

NAME, SHAPE = "mobilenetv3_small_100", (32, 32, 3)
NOTHING = Facts()
NETWORK = models.build(NAME, 3, SHAPE)


@functools.cache
def given():
    """All tensors of the file."""
    return timm_weights.arrays(timm_weights.shapes_of(NETWORK, SHAPE))


def read(values, facts=NOTHING, network=NETWORK, shape=SHAPE):
    return weights.to_variables(values, network, shape, source="w.safetensors", facts=facts)


def refusal(values, facts=NOTHING, **where):
    with pytest.raises(UserError) as refused:
        read(values, facts, **where)
    return str(refused.value)


def test_names_are_timm_s():
    path = ("batch_stats", "blocks_4_0", "bn1", "var")
    assert naming.timm_key(path, {}) == "blocks.4.0.bn1.running_var"
    path = ("params", "norm", "scale")
    assert naming.timm_key(path, {"norm": "head.norm"}) == "head.norm.weight"
    assert naming.timm_key(("params", "norm_pre", "bias"), {"norm": "head.norm"}) == "norm_pre.bias"


def test_layouts_are_linen_s():
    found = read(given())["params"]
    stem = found["conv_stem"]["kernel"]
    assert stem[2, 1, 0, 5] == given()["conv_stem.weight"][5, 0, 2, 1]
    depthwise = found["blocks_0_0"]["conv_dw"]["kernel"]
    assert depthwise[2, 1, 0, 5] == given()["blocks.0.0.conv_dw.weight"][5, 0, 2, 1]


def test_the_last_layer_stays_new_and_may_be_missing_or_of_other_classes():
    fresh = jax.device_get(prediction.init(NETWORK, SHAPE, jax.random.key(3)))
    other = {
        **given(),
        "classifier.weight": np.ones((1000, 1024)),
        "classifier.bias": np.ones(1000),
    }
    without = {key: value for key, value in given().items() if not key.startswith("classifier")}
    for values in (given(), other, without):
        placed = weights.placed(read(values), fresh)
        assert placed["params"]["classifier"] is fresh["params"]["classifier"]
        assert jax.tree.structure(placed) == jax.tree.structure(fresh)
        kernel = placed["params"]["conv_stem"]["kernel"]
        assert not np.array_equal(kernel, fresh["params"]["conv_stem"]["kernel"])


def test_pytorch_s_counters_are_passed_over():
    read({**given(), "bn1.num_batches_tracked": np.array(7)})


def test_missing_and_unknown_keys_are_named():
    values = {**given(), "layer9.weight": np.ones(3, np.float32)}
    del values["blocks.1.0.bn2.running_mean"]
    said = refusal(values)
    assert "w.safetensors" in said and "timm's mobilenetv3_small_100" in said
    assert "lacks 1 keys, such as 'blocks.1.0.bn2.running_mean'" in said
    assert "has unknown 1 keys, such as 'layer9.weight'" in said
    assert "another --config.student" in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.ones((16, 3, 5, 5), np.float32), "shape (16, 3, 5, 5), which does not fit"),
        (np.full((16, 3, 3, 3), np.nan, np.float32), "not finite"),
        (np.ones((16, 3, 3, 3), np.int8), "type int8"),
    ],
)
def test_an_array_that_cannot_be_is_named(value, said):
    found = refusal({**given(), "conv_stem.weight": value})
    assert "w.safetensors, key 'conv_stem.weight'" in found and said in found


def test_weights_of_another_network_of_the_same_keys_are_refused():
    network = models.build("tf_efficientnet_lite0", 3, SHAPE)
    said = refusal({}, Facts("efficientnet_lite0"), network=network)
    assert "weights of efficientnet_lite0" in said and "timm's tf_efficientnet_lite0" in said


def test_positions_that_are_no_square_are_refused():
    network = models.build("vit_small_patch16_224", 3, SHAPE)
    values = timm_weights.arrays(timm_weights.shapes_of(network, SHAPE))
    values["pos_embed"] = np.ones((1, 4, 384), np.float32)
    assert "key 'pos_embed'" in refusal(values, network=network)


def test_mean_and_deviation_come_with_the_weights(tmp_path):
    plan = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.25, 1.0], "license": "mit"}
    told = {"architecture": NAME, "pretrained_cfg": plan}
    (tmp_path / "config.json").write_text(json.dumps(told))
    facts = weights.read_facts(tmp_path / "config.json")
    assert facts == Facts(NAME, (0.1, 0.2, 0.3), (0.5, 0.25, 1.0), "mit")
    usual, own = read(given())["input"]["normalise"], read(given(), facts)["input"]["normalise"]
    np.testing.assert_allclose(usual["mean"], [0.485, 0.456, 0.406])
    np.testing.assert_allclose(own["std"], [0.5, 0.25, 1.0])


def test_without_a_description_the_usual_mean_is_taken(tmp_path):
    assert weights.read_facts(tmp_path / "config.json") == Facts()
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config\.json is next to the weights"):
        weights.read_facts(tmp_path / "config.json")
