"""Weights of the records in a batch: worked numbers, slow NumPy references, and what fills a
batch.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.training import weightings

CONSTANTS = weightings.Constants(share=0.25, power=2.0, at_mean=0.5)
NAMES = [name for name, weigh in weightings.WEIGHTINGS.items() if weigh]


def weights(name, hardness, unsure, real, constants=CONSTANTS):
    batch = weightings.Batch(
        *(jnp.asarray(column, jnp.float32) for column in (hardness, unsure, real))
    )
    return np.asarray(weightings.WEIGHTINGS[name](batch, constants))


def plain_weights(name, hardness, unsure, constants=CONSTANTS):
    """The weights of a full batch, slow and obvious."""
    count = len(hardness)
    if name == "fidelity":
        return [constants.at_mean ** (u / np.mean(unsure)) for u in unsure]
    if name == "discard_hard":
        hardest = sorted(range(count), key=lambda place: (-hardness[place], place))
        gone = hardest[: min(round(constants.share * count), count - 1)]
        raw = [0.0 if place in gone else 1.0 for place in range(count)]
    elif name == "softmax":
        raw = [np.exp(-d) for d in hardness]
    else:
        raw = [(1 - d / max(hardness)) ** constants.power for d in hardness]
    return [count * r / sum(raw) for r in raw]


def some(seed, count):
    rng = np.random.default_rng(seed)
    return rng.exponential(size=count).astype(np.float32), rng.uniform(0.1, 2, count).astype(
        np.float32
    )


def test_worked_weights_without_the_hardest():
    """A quarter of four is one, and of two that are as hard the first; half of four is both; one
    always stays.
    """
    hardness, real = jnp.array([0.1, 0.4, 0.2, 0.4]), jnp.ones(4)
    np.testing.assert_allclose(
        weightings.discard_hard(hardness, real, 0.25), [4 / 3, 0, 4 / 3, 4 / 3]
    )
    np.testing.assert_allclose(weightings.discard_hard(hardness, real, 0.5), [2, 0, 2, 0])
    np.testing.assert_allclose(weightings.discard_hard(hardness, real, 0.99), [4, 0, 0, 0])
    np.testing.assert_allclose(weightings.discard_hard(hardness, real, 0.0), [1, 1, 1, 1])


def test_worked_softmax_weights():
    """1, 1/2 and 1/4 of their sum 1.75, times 3."""
    found = weightings.softmax(jnp.log(jnp.array([1.0, 2, 4])), jnp.ones(3))
    np.testing.assert_allclose(found, [1.714286, 0.857143, 0.428571], atol=1e-6)


def test_worked_polynomial_weights():
    """1, 3/4, 1/2 and 0 of their sum 2.25, times 4; squared: 1, 9/16, 1/4 and 0 of 1.8125."""
    hardness, real = jnp.array([0.0, 1, 2, 4]), jnp.ones(4)
    np.testing.assert_allclose(
        weightings.polynomial(hardness, real, 1.0), [1.777778, 1.333333, 0.888889, 0], atol=1e-6
    )
    np.testing.assert_allclose(
        weightings.polynomial(hardness, real, 2.0), [2.206897, 1.241379, 0.551724, 0], atol=1e-6
    )


def test_worked_fidelity():
    found = weightings.fidelity(jnp.array([0, 0.1, 0.2, 0.4]), jnp.ones(4), 0.5)
    np.testing.assert_allclose(found, [1, 0.672950, 0.452862, 0.205084], atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 1000))
def test_weights_are_the_plain_reference(name, seed):
    hardness, unsure = some(seed, 10)
    found = weights(name, hardness, unsure, np.ones(10))
    np.testing.assert_allclose(found, plain_weights(name, hardness, unsure), rtol=2e-4, atol=1e-5)
    if name != "fidelity":
        np.testing.assert_allclose(found.mean(), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_fills_a_batch_has_no_influence(name):
    """Be it harder, easier or less sure than all others, and wherever it stands."""
    hardness, unsure = some(0, 10)
    real = np.float32([1, 1, 0, 1, 1, 1, 0, 0, 1, 1])
    there = real > 0
    expected = plain_weights(name, hardness[there], unsure[there])
    for junk in (0.0, 1e6):
        filled = np.where(there, hardness, junk), np.where(there, unsure, junk)
        np.testing.assert_allclose(
            weights(name, *filled, real)[there], expected, rtol=1e-4, atol=1e-6
        )


@pytest.mark.parametrize("name", NAMES)
def test_weights_go_with_their_records(name):
    hardness, unsure = some(1, 10)
    turned = weights(name, hardness[::-1], unsure[::-1], np.ones(10))
    np.testing.assert_allclose(
        turned[::-1], weights(name, hardness, unsure, np.ones(10)), rtol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hardness", [0.0, -1e-7, 3.0, 1e4])
def test_records_that_are_all_alike_weigh_alike(name, hardness):
    """Without a division by nothing: a student that answers as the teacher does, and a teacher that
    is always sure.
    """
    constants = CONSTANTS._replace(share=0.0)
    found = weights(name, np.full(4, hardness), np.zeros(4), np.ones(4), constants)
    np.testing.assert_allclose(found, np.ones(4), rtol=1e-6)
    single = weights(name, [hardness], [0.0], [1.0])
    np.testing.assert_allclose(single, [1], rtol=1e-6)
