"""The training step: by hand, against a plain reference, and with records of no weight."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import models
from amkd.core import keys
from amkd.data.records import Records, mixes
from amkd.training import (
    losses,
    objective,
    train_step,
    training_set,
    variance,
)
from tests.support import plain
from tests.support.training import (
    AUGMENTED,
    CLASSES,
    LARGER,
    PLAN,
    assert_bits,
    assert_near,
    fit,
    flat,
    network_of,
    one_step,
    plan,
    some_data,
    start_of,
    training_of,
    variables_of,
)


def gradient(network, variables, data, weight, keys=None):
    """Loss, gradient and new statistics of the first 8 records on one device, the loss written
    plainly.
    """
    images = np.stack(
        [
            plain.mix_bytes(data.images[data.i[q]], data.images[data.j[q]], data.w[q])
            for q in range(8)
        ]
    )

    def mean_loss(params):
        logits, updated = network.apply(
            {**variables, "params": params}, images, True, keys, mutable=["batch_stats"]
        )
        each = [
            losses.distillation(z, y, 2.0) for z, y in zip(logits, data.answers[:8], strict=True)
        ]
        return sum(w * v for w, v in zip(weight, each, strict=True)) / sum(weight), updated

    (value, updated), grads = jax.jit(jax.value_and_grad(mean_loss, has_aux=True))(
        variables["params"]
    )
    return value, grads, updated.get("batch_stats")


def test_one_step_follows_the_gradient_of_the_mean_loss():
    network, data, weight = network_of(), some_data(), [1, 1, 0, 1, 1, 1, 0, 1]
    variables = variables_of(network)
    value, grads, _ = gradient(network, variables, data, weight)
    state, loss, total = one_step(PLAN, np.arange(8), weight)
    assert total == 6
    np.testing.assert_allclose(loss / total, value, rtol=1e-5)
    expected = jax.tree.map(lambda p, g: p - 0.05 * (g + 5e-4 * p), variables["params"], grads)
    assert_near(state.variables["params"], expected, 1e-6)
    assert np.abs(flat(expected) - flat(variables["params"])).max() > 1e-3
    assert state.step == 1


def test_one_step_with_batchnorm_and_dropout_is_that_of_one_device():
    """Statistics over all devices, and their share in the gradient, as if the batch were in one
    place.
    """
    network, data, weight = (
        network_of("alexnet_half", LARGER),
        some_data(shape=LARGER),
        [1] * 7 + [0],
    )
    variables = variables_of(network, LARGER)
    alone = models.build("alexnet_half", CLASSES, LARGER)
    _, step_key = jax.random.split(jax.random.fold_in(jax.random.key(0), 0))
    keys = jax.vmap(lambda position: jax.random.fold_in(step_key, position))(jnp.arange(8))
    value, grads, statistics = gradient(alone, variables, data, weight, keys)
    state, loss, total = one_step(PLAN, np.arange(8), weight, data=data, network=network)
    np.testing.assert_allclose(loss / total, value, rtol=1e-5)
    assert_near(state.variables["batch_stats"], statistics, 1e-4)
    trace = state.opt_state[1].trace  # the momentum after one step is the gradient, with its decay
    for (path, found), g, p in zip(
        jax.tree_util.tree_leaves_with_path(trace),
        jax.tree.leaves(grads),
        jax.tree.leaves(variables["params"]),
        strict=True,
    ):
        assert np.linalg.norm(found - (g + 5e-4 * p)) < 0.03 * np.linalg.norm(g), (
            jax.tree_util.keystr(path)
        )


@pytest.mark.parametrize(
    "fields",
    [{}, {"weighting": "discard_hard"}, {"loss": "pad_kl"}, {"loss": "pad_l2"}, {"loss": "sskd"}],
    ids=str,
)
def test_records_of_weight_nothing_change_nothing(fields):
    chosen, index, weight = plan(**fields), np.arange(8), np.array([1, 1, 1, 1, 1, 0, 0, 0])
    data = some_data(features=5 if losses.needed_of_teacher(chosen) else None)
    state, loss, total = one_step(chosen, index, weight, data=data)
    other, other_loss, other_total = one_step(chosen, [0, 1, 2, 3, 4, 11, 9, 0], weight, data=data)
    assert total == other_total == 5
    assert loss == other_loss
    assert_bits(state, other)
    changed, *_ = one_step(chosen, [0, 1, 2, 3, 11, 5, 6, 7], weight, data=data)
    assert np.abs(flat(changed.variables) - flat(state.variables)).max() > 1e-5


def test_a_padded_batch_updates_as_the_batch_itself():
    data = some_data(count=8)
    state = fit(PLAN, network_of(), data, 8)
    padded = fit(plan(batch_size=24), network_of(), data, 8)
    assert state.step == padded.step == 3
    assert_near(padded, state, 1e-6)


def test_capacity_beyond_the_records_changes_nothing():
    small, large = (
        fit(PLAN, network_of(), some_data(capacity=capacity), 12) for capacity in (12, 32)
    )
    assert_near(small, large, 1e-6)
    junk = some_data()
    junk.answers[12:], junk.i[12:] = np.nan, 5
    assert_bits(fit(PLAN, network_of(), junk, 12), large)


def test_a_batch_that_is_mixed_anew_by_hand():
    """Images, answers and features with the same lambda; where it is 1, the record itself."""
    data = some_data(features=5)
    columns = (
        np.arange(4),
        np.ones(4),
        np.arange(4),
        np.array([3, 0, 1, 2]),
        np.float32([0.25, 1, 0.5, 0]),
    )
    batch = training_set.Batches(
        *(np.asarray(c, np.float32 if c.dtype.kind == "f" else np.int32) for c in columns)
    )
    found = train_step.load_batch(data, batch, plan(mix_share=0.5), jax.random.key(0))
    whole = [
        plain.mix_bytes(data.images[data.i[q]], data.images[data.j[q]], data.w[q]) for q in range(4)
    ]
    for place, (partner, lam) in enumerate(zip(batch.partner, batch.lam, strict=True)):
        np.testing.assert_allclose(
            found.images[place], plain.mix(whole[place], whole[partner], float(lam)), atol=1e-3
        )
        np.testing.assert_allclose(
            found.answers[place],
            plain.mix(data.answers[place], data.answers[partner], lam),
            atol=1e-6,
        )
        np.testing.assert_allclose(
            found.teacher_features[place],
            plain.mix(data.teacher_features[place], data.teacher_features[partner], lam),
            rtol=1e-5,
        )


def test_the_average_by_hand():
    """Steps 0 and 1 keep .1 and 2/11 of what was; in the end the decay: .95 and 1.59091 of 1, 3 and
    2 after 1.
    """
    update = functools.partial(train_step.update_average, decay=0.95)
    first = update({"w": jnp.float32(1)}, {"w": jnp.float32(3)}, step=jnp.int32(0))
    np.testing.assert_allclose(first["w"], 0.1 * 1 + 0.9 * 3, rtol=1e-6)
    second = update(first, {"w": jnp.float32(2)}, step=jnp.int32(1))
    np.testing.assert_allclose(second["w"], 2 / 11 * 2.8 + 9 / 11 * 2, rtol=1e-6)
    late = update({"w": jnp.float32(1)}, {"w": jnp.float32(3)}, step=jnp.int32(10_000))
    np.testing.assert_allclose(late["w"], 1.1, rtol=1e-6)


def test_the_result_of_a_training_with_an_average_is_the_average():
    ended = fit(plan(average=0.9), network_of(), some_data(), 12)
    alone = fit(PLAN, network_of(), some_data(), 12)
    assert_bits(ended.variables, alone.variables)
    assert alone.result is alone.variables and ended.result is ended.average
    assert np.abs(flat(ended.average) - flat(ended.variables)).max() > 1e-4


def test_an_auxiliary_head_is_trained_after_its_warm_up():
    """Three steps of six are a warm-up, as the plain loss; a stopped training goes on with the same
    bits.
    """
    chosen = plan(loss="pad_kl", pad_warmup=0.5, learning_rate=0.01, average=0.9, batch_size=8)
    network, data, kept = network_of(), some_data(), {}

    def keep(epoch, state, _):
        kept[epoch] = jax.device_get(state)

    whole = fit(chosen, network, data, 12, on_epoch=keep)
    first = jax.device_get(start_of(training_of(chosen, network, data)))
    alone = fit(
        dataclasses.replace(chosen, loss="soft", pad_warmup=0.0, epochs=1), network, data, 12
    )
    assert_near(kept[1].variables, alone.variables, 1e-6)
    decayed = jax.tree.map(
        lambda p: p * (1 - 0.01 * 5e-4) * (1 - 0.01 * 5e-4 * 1.9), first.auxiliary.params
    )
    assert_near(kept[1].auxiliary.params, decayed, 1e-6)  # by the decay alone
    assert np.abs(flat(whole.auxiliary.params) - flat(decayed)).max() > 1e-3
    assert jax.tree.structure(whole.result) == jax.tree.structure(alone.result)  # no head in it
    saved = jax.tree.leaves(kept[2])
    assert_bits(fit(chosen, network, data, 12, saved=saved, first_epoch=2), whole)
    other = start_of(training_of(chosen, network, data, stream=(0, 2))).auxiliary.params["kernel"]
    assert not np.array_equal(other, first.auxiliary.params["kernel"])


def test_an_auxiliary_head_follows_the_gradient_of_the_mean_loss():
    """On eight devices, as if the batch were in one place; of records that count."""
    chosen, network, data, weight = (
        plan(loss="pad_kl"),
        network_of(),
        some_data(),
        np.float32([1, 1, 0, 1, 1, 1, 0, 1]),
    )
    head = variance.init(84, keys.rng(0, 1, keys.Purpose.AUXILIARY_HEAD))
    state, loss, total = one_step(chosen, np.arange(8), weight, data=data)
    images = mixes(data.images, Records(data.i[:8], data.j[:8], data.w[:8]))
    logits, features = network.apply(
        variables_of(network), next(images), method="logits_and_features"
    )
    share = objective.LossInputs(logits, features, data.answers[:8], weight)

    def mean_loss(head, share):
        return objective.objective(chosen, "d")(share, head, jnp.bool_(True)) / weight.sum()

    one = jax.tree.map(lambda column: jnp.asarray(column)[None], share)
    value, gradient = jax.vmap(lambda s: jax.value_and_grad(mean_loss)(head, s), axis_name="d")(one)
    np.testing.assert_allclose(loss / total, value[0], rtol=1e-4)
    expected = jax.tree.map(lambda g, p: g[0] + 5e-4 * p, gradient, head)
    assert_near(state.auxiliary.opt_state[1].trace, expected, 1e-4)
    assert np.abs(flat(expected)).max() > 0.01


def test_crops_go_by_step_and_by_position_in_the_batch():
    chosen = AUGMENTED
    index, weight = np.arange(8), np.ones(8)
    state, *_ = one_step(chosen, index, weight)
    # The same records with the same positions, dealt to the devices in another order.
    turned, *_ = one_step(chosen, index[::-1], weight, position=np.arange(8)[::-1])
    assert_near(turned.variables, state.variables, 1e-6)
    for other in (
        one_step(chosen, index, weight, position=np.arange(8)[::-1])[0],
        one_step(chosen, index, weight, step=1)[0],
        one_step(PLAN, index, weight)[0],
    ):
        assert np.abs(flat(other.variables) - flat(state.variables)).max() > 1e-5
