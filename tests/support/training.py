"""Small networks, records and trainings for tests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from amkd import models
from amkd.core import devices
from amkd.data.records import Records
from amkd.models import inference, layers
from amkd.training import (
    recipe,
    train_step,
    training_set,
)
from amkd.training.train import Training, start, train_network
from tests.support import plain, recipes

SHAPE = (8, 8, 1)
LARGER = (15, 15, 3)  # the smallest that AlexNet takes
CLASSES = 3


PLAN = recipes.plan(epochs=3, learning_rate=0.05, weight_decay=5e-4, drops=(), temperature=2.0)
AUGMENTED = dataclasses.replace(PLAN, schedule="cosine", crop=2, flip=True)


def plan(**fields):
    return dataclasses.replace(PLAN, **fields)


def network_of(name="lenet5_half", shape=SHAPE):
    return models.build(name, CLASSES, shape)


def variables_of(network, shape=SHAPE):
    return plain.random_variables(
        jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0))), 0
    )


def some_data(count=12, capacity=32, shape=SHAPE, seed=0, features=None):
    """Records of random images with random mixes and answers, and so many random features of a
    teacher's.
    """
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (6, *shape), np.uint8)
    i, j = (rng.integers(0, 6, count).astype(np.int32) for _ in range(2))
    records = Records(i, j, rng.integers(0, 65537, count).astype(np.int32))
    answers = rng.dirichlet(np.ones(CLASSES), count).astype(np.float32)
    shown = features and rng.exponential(size=(count, features)).astype(np.float32)
    return training_set.make(images, records, answers, capacity=capacity, teacher_features=shown)


def training_of(chosen, network, data, count=12, stream=(0, 1)):
    return Training(network=network, recipe=chosen, data=data, count=count, stream=stream)


def start_of(training, saved=None):
    """The state before the first step: of the same variables in all tests."""
    shape = training.data.images.shape[1:]
    return start(training, variables_of(training.network, shape), saved)


def fit(chosen, network, data, count, stream=(0, 1), **options):
    """Trains and returns the final state on the host."""
    first = variables_of(network, data.images.shape[1:])
    training = training_of(chosen, network, data, count, stream)
    return jax.device_get(train_network(training, first_variables=first, **options))


def assert_bits(tree, expected):
    jax.tree.map(np.testing.assert_array_equal, tree, expected)


def assert_near(tree, expected, atol):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=atol), tree, expected)


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def one_step(chosen, index, weight, position=None, data=None, network=None, step=0):
    """One call of the compiled step: the state after it, the sum of losses and the sum of
    weights.
    """
    network = network or network_of()
    data = some_data() if data is None else data
    state = start_of(training_of(chosen, network, data)).replace(step=jnp.int32(step))
    position = np.arange(len(index)) if position is None else position
    kinds = ((index, "int32"), (weight, "float32"), (position, "int32"))
    batch = training_set.Batches(*(np.asarray([column], kind) for column, kind in kinds))
    state, (loss, total) = train_step.train_steps(
        layers.for_training(network, chosen.dtype),
        recipe.step_recipe(chosen),
        devices.replicate(state),
        devices.replicate(data),
        train_step.split_batches(batch),
        recipe.step_inputs(chosen, 1),
        jax.random.key(0),
    )
    return jax.device_get(state), float(loss[0]), float(total[0])
