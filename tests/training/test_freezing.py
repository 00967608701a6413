"""Layers that keep their values, to the bit, and a backbone at a rate of its own."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from amkd.core.errors import UserError
from amkd.models import Network
from amkd.training import freezing, optimizers, recipe
from amkd.training.train import leaves_of
from tests.support import training
from tests.support.training import CLASSES, fit, flat, network_of, plan, some_data, variables_of

SHAPE = (8, 8, 3)


class Small(Network):
    """A convolution, BatchNorm, a block of the same, and a last layer."""

    last: ClassVar[str] = "fc"

    def setup(self) -> None:
        self.conv1, self.norm1 = nn.Conv(4, (3, 3)), nn.BatchNorm(axis_name=self.axis_name)
        self.blocks = [nn.Dense(4), nn.BatchNorm(axis_name=self.axis_name)]
        self.fc = nn.Dense(self.classes)

    def stem(self, images, train=False):
        pixels = images.astype(jnp.float32) / 255
        return self.norm1(self.conv1(pixels), use_running_average=not train)

    def features(self, h, train=False, keys=None):
        x = self.blocks[1](self.blocks[0](nn.relu(h)), use_running_average=not train)
        return x.mean((1, 2))

    def head(self, features):
        return self.fc(features)


NETWORK = Small(CLASSES)


def fitted(**fields):
    """First and last variables of a short training, and its result."""
    chosen = plan(epochs=1, batch_size=8, learning_rate=0.01, **fields)
    ended = fit(chosen, NETWORK, some_data(count=12, shape=SHAPE), 12)
    return variables_of(NETWORK, SHAPE), ended.variables, ended.result


def same(one, other):
    return jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), one, other)


def test_a_frozen_backbone_keeps_its_bits_and_its_statistics():
    before, after, result = fitted(freeze="backbone", average=0.9, optimizer="adamw")
    for found in (after, result):
        stays = same(before, found)
        assert jax.tree.all(stays["batch_stats"])
        assert not stays["params"].pop("fc")["kernel"]
        assert jax.tree.all(stays["params"])


def test_a_frozen_prefix_keeps_its_bits_and_the_rest_moves():
    before, after, _ = fitted(freeze="conv1,norm1, blocks.0")
    stays = same(before, after)
    frozen = ("conv1", "norm1", "blocks_0")
    for names in stays.values():
        for name, leaves in names.items():
            moved = [not stay for stay in jax.tree.leaves(leaves)]
            assert not any(moved) if name in frozen else any(moved), name


def test_a_frozen_batch_norm_uses_its_running_statistics():
    """A step of a frozen backbone is a step of the last layer alone, on the features of
    inference.
    """
    network, data = NETWORK, some_data(count=4, shape=SHAPE)
    chosen = plan(freeze="backbone", learning_rate=0.5, momentum=0.0, weight_decay=0.0)
    chosen = dataclasses.replace(chosen, temperature=1.0)
    state, loss, total = training.one_step(
        chosen, [0, 1, 2, 3], [1.0, 0.0, 0.0, 0.0], data=data, network=network
    )
    before = variables_of(network, SHAPE)
    (image,) = jax.device_get(training.training_set.take(data, np.array([0], np.int32)).images)
    logits, _ = network.apply(before, image[None], method="logits_and_features")
    p = np.asarray(jax.nn.softmax(logits))[0]
    answer = np.asarray(data.answers[0])
    assert loss / total == pytest.approx(-(answer * np.log(p)).sum(), rel=1e-4)
    wanted = before["params"]["fc"]["bias"] - 0.5 * (p - answer)
    np.testing.assert_allclose(state.variables["params"]["fc"]["bias"], wanted, atol=1e-5)


def test_the_backbone_moves_at_its_own_rate():
    network = network_of()
    before = variables_of(network)["params"]
    whole, slow = (
        training.one_step(plan(backbone_rate=rate, momentum=0.0), [0, 1, 2, 3], [1.0] * 4)[0]
        for rate in (1.0, 0.25)
    )
    for name, leaves in before.items():
        share = 1 if name == network.last else 0.25
        moved, wanted = (flat(s.variables["params"][name]) - flat(leaves) for s in (slow, whole))
        np.testing.assert_allclose(moved, share * wanted, atol=1e-6)


@pytest.mark.parametrize(
    "fields", [{"freeze": "backbone"}, {"freeze": "conv1"}, {"backbone_rate": 0.1}]
)
def test_a_resumed_training_has_the_bits_of_an_uninterrupted_one(fields):
    chosen = plan(epochs=3, batch_size=8, optimizer="adamw", average=0.9, **fields)
    data, saved = some_data(count=12, shape=SHAPE), {}
    whole = fit(
        chosen, NETWORK, data, 12, on_epoch=lambda n, state, _: saved.update({n: leaves_of(state)})
    )
    again = fit(chosen, NETWORK, data, 12, saved=saved[1], first_epoch=1)
    training.assert_bits(again, whole)


def test_fields_that_do_nothing_change_no_identity_and_no_optimizer():
    chosen = plan()
    assert not {"freeze", "backbone_rate"} & recipe.weight_fields(chosen).keys()
    assert recipe.weight_fields(plan(freeze="conv1"))["freeze"] == "conv1"
    params = variables_of(network_of())["params"]
    states = [
        jax.tree.structure(tx.init(params))
        for tx in (recipe.optimizer_of(chosen, "fc3"), recipe.optimizer_without_rate(chosen))
    ]
    assert states[0] == states[1]


@pytest.mark.parametrize(
    ("freeze", "rate", "said"),
    [
        ("conv9", 1.0, "no layer 'conv9'; its layers are"),
        ("conv", 1.0, "no layer 'conv'"),  # a part of a name is not a name
        ("conv1,conv2,fc1,fc2,fc3", 1.0, "nothing is left"),
    ],
)
def test_parts_that_are_not_there_are_refused(freeze, rate, said):
    network = network_of()
    with pytest.raises(UserError, match=said):
        freezing.check(freeze, rate, network, variables_of(network))


@pytest.mark.parametrize(("freeze", "rate"), [("backbone", 1.0), ("", 0.1)])
def test_a_network_without_a_known_last_layer_has_no_backbone(freeze, rate):
    with pytest.raises(UserError, match="does not show it"):
        freezing.check(freeze, rate, network_of(), {"params": {"module": {"x": np.ones(CLASSES)}}})


def test_blocks_learn_more_slowly_the_further_they_are_from_the_last_layer():
    names = ["patch_embed", "blocks_0", "blocks_1", "blocks_2", "norm", "positions"]
    assert optimizers.layer_factors(names, 0.5) == {
        "patch_embed": 1 / 16, "positions": 1 / 16, "blocks_0": 1 / 8, "blocks_1": 1 / 4,
        "blocks_2": 1 / 2, "norm": 1.0,
    }  # fmt: skip
    stages = ["conv1", "layer1_0", "layer1_1", "layer2_0"]  # ResNets count from 1
    assert optimizers.layer_factors(stages, 0.5) == {
        "conv1": 1 / 8, "layer1_0": 1 / 4, "layer1_1": 1 / 4, "layer2_0": 1 / 2,
    }  # fmt: skip


def test_the_last_layer_keeps_the_full_rate_and_a_frozen_one_stays():
    params = {
        name: {"kernel": jnp.ones(2)} for name in ("conv1", "blocks_0", "blocks_1", "bn2", "fc")
    }
    grads = jax.tree.map(jnp.ones_like, params)
    chosen = plan(
        optimizer="sgd", momentum=0.0, weight_decay=0.0, freeze="conv1", backbone_rate=0.1,
        layer_decay=0.5,
    )  # fmt: skip
    tx = recipe.optimizer_of(chosen, "fc")
    updates, _ = tx.update(grads, tx.init(params), params)
    found = {name: float(value["kernel"][0]) for name, value in updates.items()}
    expected = {"conv1": 0.0, "blocks_0": 0.025, "blocks_1": 0.05, "bn2": 0.1, "fc": 1.0}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("frozen", ["conv1,blocks", "blocks.0", "backbone"])
def test_frozen_blocks_count_in_the_decay_by_layer(frozen):
    params = {name: {"kernel": jnp.ones(2)} for name in ("conv1", "blocks_0", "blocks_1", "fc")}
    chosen = plan(optimizer="sgd", momentum=0.0, weight_decay=0.0, freeze=frozen, layer_decay=0.5)
    tx = recipe.optimizer_of(chosen, "fc")
    updates, _ = tx.update(jax.tree.map(jnp.ones_like, params), tx.init(params), params)
    found = {name: float(value["kernel"][0]) for name, value in updates.items()}
    every = {"conv1": 0.125, "blocks_0": 0.25, "blocks_1": 0.5, "fc": 1.0}
    stays = {"conv1,blocks": {"fc"}, "blocks.0": {"conv1", "blocks_1", "fc"}, "backbone": {"fc"}}
    assert found == {name: rate * (name in stays[frozen]) for name, rate in every.items()}


def test_a_network_without_blocks_has_no_decay_by_layer():
    assert optimizers.has_blocks(["stem_0", "stages_0"])
    assert not optimizers.has_blocks(["conv1", "fc3"])
