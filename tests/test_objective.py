"""What a step makes smaller, against plain NumPy, on one device and on several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd import objective
from tests import plain
from tests.test_student import plan
from tests.test_weightings import plain_weights

B, Y, TAU = 16, 4, 3.0
WEIGHT = np.float32([1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0])


def batch():
    """Logits and answers, some of them sure."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, (B, Y)).astype(np.float32), plain.softmax(rng.normal(0, 3, (B, Y))).astype(np.float32)


def of_devices(count, of, *columns):
    """The sum over so many devices of what ``of`` makes of their shares, and its gradient by the first column."""

    def run(*share):
        value, gradient = jax.value_and_grad(of)(*share)
        return jax.lax.psum(value, "d"), gradient

    parts = [column.reshape(count, -1, *column.shape[1:]) for column in columns]
    value, gradient = jax.pmap(run, axis_name="d", devices=jax.local_devices()[:count])(*parts)
    return float(value[0]), np.asarray(gradient).reshape(columns[0].shape)


@pytest.mark.parametrize("count", [1, 2, 8])
@pytest.mark.parametrize("name", ["even", "discard_hard", "softmax", "polynomial", "fidelity"])
def test_weighted_losses_on_any_number_of_devices(name, count):
    """The divergence tells how hard a record is; no gradient goes through the weights, or to what fills the batch."""
    chosen = plan(weighting=name, temperature=TAU)
    logits, answers = batch()
    there = WEIGHT > 0
    targets = np.array([plain.tempered(answer, TAU) for answer in answers])
    own = plain.softmax(logits / TAU)
    each = [TAU**2 * plain.soft_cross_entropy(z / TAU, target) for z, target in zip(logits, targets, strict=True)]
    hard = np.array([TAU**2 * plain.kl(target, p) for target, p in zip(targets, own, strict=True)])[there]
    unsure = np.array([plain.entropy(answer) for answer in answers])[there]
    weights = np.zeros(B)
    weights[there] = 1 if name == "even" else plain_weights(name, hard, unsure, chosen.weighting_constants)
    value, gradient = of_devices(count, objective.objective(chosen, "d"), logits, answers, WEIGHT)
    np.testing.assert_allclose(value, weights @ each, rtol=1e-4)
    np.testing.assert_allclose(gradient, weights[:, None] * TAU * (own - targets), atol=1e-4)
    order = np.argsort(weights[there])
    assert name == "even" or weights[there][order[-1]] > 1.2 * weights[there][order[0]]


def test_the_cross_entropy_does_not_tell_what_is_hard():
    """A student that answers exactly as an unsure teacher is right; one that misses a sure one is left out."""
    answers = jnp.array([[0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])
    logits = jnp.stack([jnp.zeros(4), jnp.log(jnp.array([0.5, 0.3, 0.1, 0.1]))])
    chosen = plan(weighting="discard_hard", weighting_share=0.5, temperature=1.0)
    assert plain.soft_cross_entropy(logits[0], answers[0]) > plain.soft_cross_entropy(logits[1], answers[1])
    _, gradient = of_devices(1, objective.objective(chosen, "d"), logits, answers, np.ones(2, np.float32))
    assert not np.any(gradient[1])
    value, _ = of_devices(1, objective.objective(chosen, "d"), logits, answers, np.ones(2, np.float32))
    np.testing.assert_allclose(value, 2 * np.log(4), rtol=1e-6)
