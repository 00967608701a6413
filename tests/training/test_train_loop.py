"""The loop around the training step: resumed, on any number of devices, in any dispatches."""

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core import devices
from amkd.core.stopping import StopSignal
from amkd.data.records import Records, mixes, real_records
from amkd.models import prediction
from amkd.training import (
    recipe,
    train_step,
    training_set,
)
from amkd.training.periodic_saver import PeriodicSaver
from amkd.training.train import start
from tests.support import plain, traffic
from tests.support.tiny_network import NormedNetwork, TinyNetwork
from tests.support.training import (
    AUGMENTED,
    CLASSES,
    LARGER,
    PLAN,
    SHAPE,
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

heavy = pytest.mark.heavy
HERE = "tests.training.test_train_loop"
TINY, NORMED = TinyNetwork(CLASSES), NormedNetwork(CLASSES)


def train(alexnet):
    """LeNet-5-half and one with BatchNorm and dropout, in a process with its own number of devices;
    see the next test.
    """
    found = [devices.count()]
    normed = (network_of("alexnet_half", LARGER), LARGER) if alexnet else (NORMED, SHAPE)
    for (network, shape), epochs in (((network_of(), SHAPE), 3), (normed, 1)):
        data, told = some_data(count=12, shape=shape), []
        chosen = plan(
            learning_rate=1e-3,
            crop=1,
            flip=True,
            rotate=9.0,
            mix_share=0.5,
            average=0.9,
            epochs=epochs,
        )
        ended = fit(
            chosen, network, data, 12, on_epoch=lambda *args, told=told: told.append(args[2])
        )
        moved = flat(ended.variables["params"]) - flat(variables_of(network, shape)["params"])
        found += [told, moved.astype(float).tolist()[::23]]
    return found


@pytest.mark.parametrize(
    ("count", "alexnet"),
    [
        (4, False),
        *(pytest.param(count, alexnet, marks=heavy) for count, alexnet in ((2, True), (8, True))),
    ],
)
def test_the_same_student_on_any_number_of_devices(count, alexnet, on_devices):
    """With crops and flips and, for the second one, BatchNorm over all devices and dropout by
    image.

    BatchNorm of hardly varying units in a batch of 8 magnifies rounding, so this one is held to 3 %
    of what it learned in two steps; a device's own statistics or masks would show as more than 30
    %.
    """
    alone, *expected = on_devices(1, HERE, "train", alexnet, quick=True)
    if count == devices.count():  # as many as this process has
        there, *found = train(alexnet)
    else:
        there, *found = on_devices(count, HERE, "train", alexnet, quick=True)
    assert (alone, there) == (1, count)
    lenet_losses, lenet, normed_losses, normed = map(np.array, found)
    lenet_losses_alone, lenet_alone, normed_losses_alone, normed_alone = map(np.array, expected)
    np.testing.assert_allclose(lenet_losses, lenet_losses_alone, rtol=1e-5)
    np.testing.assert_allclose(lenet, lenet_alone, atol=1e-5)
    assert np.abs(lenet_alone).max() > 1e-3
    np.testing.assert_allclose(normed_losses, normed_losses_alone, rtol=3e-3)
    assert np.linalg.norm(normed - normed_alone) < 0.03 * np.linalg.norm(normed_alone)
    assert np.abs(normed_alone).max() > 1e-4


def test_loss_goes_down_on_what_can_be_learned():
    """Dark, grey and bright images, each with its own answer."""
    level = np.arange(24) % 3
    noise = np.random.default_rng(0).integers(0, 40, (24, *SHAPE))
    images = (level[:, None, None, None] * 100 + noise).astype(np.uint8)
    answers = np.eye(CLASSES, dtype=np.float32)[level] * 0.85 + np.float32(0.05)
    data = training_set.make(images, real_records(24), answers, capacity=24)
    network, told = network_of(), []
    chosen = plan(epochs=40, schedule="cosine", warmup=0.1)
    ended = fit(chosen, network, data, 24, on_epoch=lambda *args: told.append((args[0], args[2])))
    assert [epoch for epoch, _ in told] == list(range(1, 41))
    least = 4 * plain.entropy(plain.tempered(answers[0], 2))
    assert told[0][1] > least + 0.3
    assert least - 1e-4 < told[-1][1] < least + 0.05
    found = prediction.predict(models.build("lenet5_half", CLASSES, SHAPE), ended.variables, images)
    np.testing.assert_array_equal(found.argmax(1), level)


def test_reported_loss_is_the_mean_over_records(monkeypatch):
    """At a rate of 0 the student stays the same; 12 records are not 2 full batches."""
    network, data, told = network_of(), some_data(), []
    monkeypatch.setattr(recipe, "learning_rates", lambda _, total: np.zeros(total, np.float32))
    fit(PLAN, network, data, 12, on_epoch=lambda *args: told.append(args[2]))
    (images,) = mixes(data.images, Records(data.i[:12], data.j[:12], data.w[:12]))
    logits = [plain.lenet5(variables_of(network)["params"], image) / 2 for image in images]
    targets = [plain.tempered(answer, 2) for answer in data.answers[:12]]
    each = [4 * plain.soft_cross_entropy(z, y) for z, y in zip(logits, targets, strict=True)]
    np.testing.assert_allclose(told, [np.mean(each)] * 3, rtol=1e-5)


@pytest.mark.parametrize(
    ("network", "chosen"), [(network_of(), AUGMENTED), (NORMED, PLAN)], ids=["LeNet-5", "BatchNorm"]
)
def test_resumed_training_ends_with_the_same_bits(network, chosen):
    data = some_data()
    kept, told, again = {}, [], []

    def keep(epoch, state, loss):
        kept[epoch] = jax.device_get(jax.tree.leaves(state))
        told.append(loss)

    whole = fit(chosen, network, data, 12, on_epoch=keep)
    assert sorted(kept) == [1, 2, 3]
    assert_bits(kept[3], jax.tree.leaves(whole))
    training = training_of(chosen, network, data)
    assert_bits(jax.device_get(jax.tree.leaves(start_of(training, kept[1]))), kept[1])
    note = lambda epoch, _, loss: again.append((epoch, loss))  # noqa: E731
    resumed = fit(chosen, network, data, 12, saved=kept[1], first_epoch=1, on_epoch=note)
    assert_bits(resumed, whole)
    assert again == [(2, told[1]), (3, told[2])]
    assert resumed.step == 6
    # From the same state, other epochs end elsewhere.
    other = fit(chosen, network, data, 12, saved=kept[1], first_epoch=2)
    assert np.abs(flat(other.variables) - flat(whole.variables)).max() > 1e-6


def test_stream_decides_and_nothing_else():
    network, data = network_of(), some_data()
    first, again, other = (
        fit(PLAN, network, data, 12, stream=stream) for stream in ((0, 1), (0, 1), (0, 2))
    )
    assert_bits(first, again)
    assert np.abs(flat(first.variables) - flat(other.variables)).max() > 1e-6


def test_steps_per_dispatch_changes_nothing_but_rounding():
    """Five steps to an epoch, one by one, and as 2 + 2 + 1."""
    network, data = network_of(), some_data(count=39, capacity=40)
    told = []
    one, two = (
        fit(
            plan(epochs=1, steps_per_dispatch=size),
            network,
            data,
            39,
            on_epoch=lambda *args: told.append(args[2]),
        )
        for size in (1, 2)
    )
    assert one.step == two.step == 5
    assert_near(two, one, 1e-6)
    np.testing.assert_allclose(told[1], told[0], rtol=1e-6)


@pytest.mark.parametrize("bad", ["rate", "answer"])
def test_a_loss_that_is_not_finite_stops_the_training(bad, monkeypatch):
    data, told = some_data(), []
    if bad == "rate":
        monkeypatch.setattr(
            recipe, "learning_rates", lambda _, total: np.full(total, 1e25, np.float32)
        )
    if bad == "answer":
        data.answers[5, 1] = np.nan
    with pytest.raises(FloatingPointError, match="learning_rate"):
        fit(PLAN, network_of(), data, 12, on_epoch=lambda *args: told.append(args[0]))
    assert len(told) < 3


def test_weights_that_the_last_step_broke_are_refused(monkeypatch):
    """The losses of all steps are finite: each is computed before its step."""
    rates = np.array([1e-3] * 5 + [3e38], np.float32)
    monkeypatch.setattr(recipe, "learning_rates", lambda _, total: rates[-total:])
    told = []
    with pytest.raises(FloatingPointError, match="a weight is not finite after the last epoch"):
        fit(PLAN, network_of(), some_data(), 12, on_epoch=lambda *args: told.append(args[2]))
    assert told and np.all(np.isfinite(told))


def test_rounds_of_other_lengths_run_the_same_program(monkeypatch):
    """The step is traced once; more records, more epochs and other rates are data."""
    traces = []
    original = train_step.train_step

    def counting(*args):
        step = original(*args)

        def traced(*inner):
            traces.append(1)
            return step(*inner)

        return traced

    monkeypatch.setattr(train_step, "train_step", counting)
    network = network_of()
    chosen = plan(schedule="cosine", momentum=0.8)  # of no other test: nothing is compiled yet
    for count, stream in ((12, (0, 1)), (5, (0, 2)), (32, (1, 3))):
        fit(chosen, network, some_data(count=count), count, stream=stream)
    assert len(traces) == 1


def test_training_promotes_nothing_silently():
    with jax.numpy_dtype_promotion("strict"):
        one_step(AUGMENTED, np.arange(8), np.ones(8))


def test_initial_state():
    network = network_of()
    variables = prediction.init(network, SHAPE, jax.random.key(0))
    assert_bits(variables, prediction.init(network, SHAPE, jax.random.key(0)))
    other = prediction.init(network, SHAPE, jax.random.key(1))
    assert np.abs(flat(other) - flat(variables)).max() > 0.01
    state = start(training_of(PLAN, network, some_data()), variables)
    assert state.step == 0
    assert all(
        leaf.sharding.device_set == set(jax.local_devices()) for leaf in jax.tree.leaves(state)
    )
    assert not np.any(flat(state.opt_state))


@pytest.mark.parametrize("count", [1, 3, 256, 257])
def test_any_number_of_images_may_be_predicted(count):
    network = models.build("lenet5_half", CLASSES, SHAPE)
    variables = variables_of(network)
    images = np.random.default_rng(0).integers(0, 256, (257, *SHAPE), np.uint8)
    found = prediction.predict(network, variables, images[:count])
    assert (found.shape, found.dtype) == ((count, CLASSES), np.float32)
    np.testing.assert_allclose(
        found[-1], plain.softmax(plain.lenet5(variables["params"], images[count - 1])), atol=1e-5
    )
    np.testing.assert_array_equal(found, prediction.predict(network, variables, images)[:count])


def test_batches_are_dealt_out_in_order():
    batches = np.arange(3 * 16).reshape(3, 16)
    parts = train_step.split_batches(batches)
    assert parts.shape == (3, devices.count(), 16 // devices.count())
    np.testing.assert_array_equal(parts.reshape(3, 16), batches)


# On a CPU, convolutions inside a loop are slow: a small network shows the same.


def in_form(chosen, data, count, monkeypatch, accelerated, **options):
    """The final state, what was told of each epoch, and the traffic of the training."""
    told = []
    with monkeypatch.context() as patch:
        patch.setattr(devices, "accelerated", lambda: accelerated)
        with traffic.counted(guarded=False) as sent:
            ended = fit(
                chosen,
                TINY,
                data,
                count,
                on_epoch=lambda epoch, state, loss: told.append((epoch, state is None, loss)),
                **options,
            )
    return ended, told, sent


def test_loops_of_many_epochs_are_the_steps_one_by_one(monkeypatch):
    """75 epochs of two steps: turns of 32 epochs, and a last one of 11, all in loops."""
    data = some_data()
    chosen = plan(epochs=75, steps_per_dispatch=0, crop=2, flip=True, learning_rate=0.01)
    one, told, sent = in_form(chosen, data, 12, monkeypatch, accelerated=False)
    assert sent.dispatches["train_steps"] == 150
    whole, told_whole, sent = in_form(chosen, data, 12, monkeypatch, accelerated=True)
    assert sent.dispatches["train_steps"] == 1 + 1 + (2 + 6)  # 64, 64, and 22 as 8, 8 and singles
    assert whole.step == one.step == 150
    assert_near(whole, one, 2e-5)
    assert [epoch for epoch, _, _ in told_whole] == [epoch for epoch, _, _ in told]
    np.testing.assert_allclose([row[2] for row in told_whole], [row[2] for row in told], rtol=1e-4)
    assert [epoch for epoch, unknown, _ in told_whole if not unknown] == [32, 64, 75]
    assert not any(unknown for _, unknown, _ in told)


def test_loops_take_all_that_a_step_takes(monkeypatch):
    """Mixes with other records, a running average and a loss with a head and a warm-up."""
    more = {"mix_share": 0.5, "average": 0.9, "loss": "pad_kl", "learning_rate": 1e-3}
    data, chosen = some_data(), plan(epochs=4, steps_per_dispatch=8, crop=1, **more)
    one, told, _ = in_form(chosen, data, 12, monkeypatch, accelerated=False)
    whole, told_whole, sent = in_form(chosen, data, 12, monkeypatch, accelerated=True)
    assert sent.dispatches["train_steps"] == 1
    assert_near(whole, one, 1e-4)
    np.testing.assert_allclose([row[2] for row in told_whole], [row[2] for row in told], rtol=1e-4)


def test_a_long_epoch_is_few_dispatches_and_one_wait(monkeypatch):
    """200 steps to an epoch."""
    data, chosen = some_data(count=1600, capacity=1600), plan(epochs=2, steps_per_dispatch=0)
    _, told, sent = in_form(chosen, data, 1600, monkeypatch, accelerated=True)
    assert sent.dispatches["train_steps"] == 2 * (3 + 1)  # 64, 64, 64, 8
    state = start_of(training_of(chosen, TINY, data))
    # Losses, the check that the weights are finite, and the end.
    ends = len(jax.tree.leaves(state.variables)) + len(jax.tree.leaves(state))
    assert sent.downloads == 2 * 2 * (3 + 1) + ends
    assert [row[:2] for row in told] == [(1, False), (2, False)]


def test_a_training_in_loops_goes_on_with_the_same_bits(as_accelerated):
    data, chosen, kept = some_data(), plan(epochs=75, crop=2, steps_per_dispatch=0), {}

    def keep(epoch, state, _):
        if state is not None:
            kept[epoch] = jax.device_get(jax.tree.leaves(state))

    whole = fit(chosen, TINY, data, 12, on_epoch=keep)
    assert sorted(kept) == [32, 64, 75]
    resumed = fit(chosen, TINY, data, 12, saved=kept[32], first_epoch=32)
    assert_bits(resumed, whole)


@pytest.mark.parametrize(("steps", "lengths"), [(0, (64, 8, 1)), (100, (100, 8, 1)), (4, (4, 1))])
def test_lengths_of_dispatches_on_accelerators(steps, lengths, as_accelerated):
    assert train_step.dispatch_lengths(plan(steps_per_dispatch=steps)) == lengths


@pytest.mark.parametrize(("steps", "lengths"), [(0, (1,)), (100, (100, 1)), (1, (1,))])
def test_lengths_of_dispatches_on_a_cpu(steps, lengths):
    assert train_step.dispatch_lengths(plan(steps_per_dispatch=steps)) == lengths


def test_a_state_that_is_not_known_is_not_saved():
    saved = []
    training = training_of(plan(epochs=3), network_of(), some_data())
    saver = PeriodicSaver(
        training, stop=StopSignal(), seconds=0.0, save=lambda *args: saved.append(args[0])
    )
    saver.after_epoch(1, None)
    saver.after_epoch(2, start_of(training))
    assert saved == [2]
