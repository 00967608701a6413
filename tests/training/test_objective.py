"""What a step makes smaller, against plain NumPy, on one device and on several."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from amkd.training import objective, relations, weightings
from tests.support import plain
from tests.support.training import plan
from tests.training.test_relations import plain_losses
from tests.training.test_variance import plain_logarithms
from tests.training.test_weightings import plain_weights

B, Y, TAU = 16, 4, 3.0
WEIGHT = np.float32([1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0])


def batch():
    """A batch with answers some of which are sure."""
    rng = np.random.default_rng(0)
    logits, theirs, features = (
        rng.normal(0, 2, (B, Y)),
        rng.normal(0, 3, (B, Y)),
        rng.normal(0, 1, (B, 5)),
    )
    columns = (logits, features, plain.softmax(theirs), WEIGHT)
    return objective.LossInputs(*(np.float32(column) for column in columns))


def plain_parts(share):
    """The student's tempered probabilities, the tempered answers, and tau squared KL of each
    record.
    """
    targets = np.array([plain.tempered(answer, TAU) for answer in share.answers])
    own = plain.softmax(share.logits.astype(np.float64) / TAU)
    return (
        own,
        targets,
        np.array([TAU**2 * plain.kl(target, p) for target, p in zip(targets, own, strict=True)]),
    )


def of_devices(count, of, share, *told):
    """The sum over so many devices, and its gradients by the share's logits and features and by
    what is learned.
    """

    def run(part):
        def value_of(logits, features, head_params):
            return of(part._replace(logits=logits, features=features), head_params, *told[1:])

        head_params = told[0] if told else None
        value, (*of_share, of_head_params) = jax.value_and_grad(value_of, (0, 1, 2))(
            part.logits, part.features, head_params
        )
        value, of_head_params = jax.lax.psum((value, of_head_params), "d")
        return value, of_share, of_head_params

    parts = jax.tree.map(lambda column: column.reshape(count, -1, *column.shape[1:]), share)
    value, of_share, of_head_params = jax.pmap(
        run, axis_name="d", devices=jax.local_devices()[:count]
    )(parts)
    whole = [np.asarray(column).reshape(len(share.weight), -1) for column in of_share]
    return float(value[0]), *whole, jax.tree.map(lambda leaf: np.asarray(leaf[0]), of_head_params)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("name", ["even", "discard_hard", "softmax", "polynomial", "fidelity"])
def test_weighted_losses_on_any_number_of_devices(name, count):
    """The divergence tells how hard a record is; no gradient goes through the weights, or to what
    fills the batch.
    """
    chosen, share, there = plan(weighting=name, temperature=TAU), batch(), WEIGHT > 0
    own, targets, hard = plain_parts(share)
    each = hard + [TAU**2 * plain.entropy(target) for target in targets]
    unsure = np.array([plain.entropy(answer) for answer in share.answers])[there]
    weights = np.zeros(B)
    weights[there] = (
        1
        if name == "even"
        else plain_weights(name, hard[there], unsure, weightings.constants_of(chosen))
    )
    value, gradient, *_ = of_devices(count, objective.objective(chosen, "d"), share)
    np.testing.assert_allclose(value, weights @ each, rtol=1e-4)
    np.testing.assert_allclose(gradient, weights[:, None] * TAU * (own - targets), atol=1e-4)
    order = np.argsort(weights[there])
    assert name == "even" or weights[there][order[-1]] > 1.2 * weights[there][order[0]]


def test_the_cross_entropy_does_not_tell_what_is_hard():
    """A student that answers exactly as an unsure teacher is right; one that misses a sure one is
    left out.
    """
    answers = jnp.array([[0.25, 0.25, 0.25, 0.25], [0.97, 0.01, 0.01, 0.01]])
    logits = jnp.stack([jnp.zeros(4), jnp.log(jnp.array([0.5, 0.3, 0.1, 0.1]))])
    chosen = plan(weighting="discard_hard", weighting_share=0.5, temperature=1.0)
    assert plain.soft_cross_entropy(logits[0], answers[0]) > plain.soft_cross_entropy(
        logits[1], answers[1]
    )
    share = objective.LossInputs(logits, jnp.zeros((2, 1)), answers, jnp.ones(2))
    value, gradient, *_ = of_devices(1, objective.objective(chosen, "d"), share)
    assert not np.any(gradient[1])
    np.testing.assert_allclose(value, 2 * np.log(4), rtol=1e-6)


HEAD = {
    "kernel": np.float32([0.5, -1, 0.25, 2, 1]),
    "scale": np.float32(1.5),
    "bias": np.float32(-0.5),
}


def plain_adapted(share, branch):
    """The sum of ``d exp(-s) + s``, and the weights ``exp(-s)``."""
    there = WEIGHT > 0
    logarithms = plain_logarithms(branch, share.features, WEIGHT)
    *_, distance = plain_parts(share)
    return np.sum((distance * np.exp(-logarithms) + logarithms)[there]), np.where(
        there, np.exp(-logarithms), 0
    )


@pytest.mark.parametrize("count", [1, 2, 4])
def test_adapted_losses_on_any_number_of_devices(count):
    """Divergences over variances; gradients through the normalisation of the whole batch, by
    differences.
    """
    share, of = batch(), objective.objective(plan(loss="pad_kl", temperature=TAU), "d")
    own, targets, _ = plain_parts(share)
    expected, weights = plain_adapted(share, HEAD)
    value, by_logits, by_features, by_head = of_devices(count, of, share, HEAD, jnp.bool_(True))
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    np.testing.assert_allclose(
        by_logits, weights[:, None] * TAU * (own - targets), rtol=1e-3, atol=1e-3
    )
    for place in ((0, 0), (3, 2), (15, 4)):  # the last only fills the batch
        step = np.zeros((B, 5))
        step[place] = 1e-4
        sides = [
            plain_adapted(share._replace(features=share.features + s), HEAD)[0]
            for s in (step, -step)
        ]
        np.testing.assert_allclose(
            by_features[place], (sides[0] - sides[1]) / 2e-4, rtol=2e-3, atol=2e-3
        )
    for name in HEAD:
        step = np.zeros(np.shape(HEAD[name]))
        step[(0,) * step.ndim] = 1e-4
        sides = [plain_adapted(share, {**HEAD, name: HEAD[name] + s})[0] for s in (step, -step)]
        found = by_head[name][(0,) * step.ndim]
        np.testing.assert_allclose(found, (sides[0] - sides[1]) / 2e-4, rtol=2e-3, atol=2e-3)


def test_a_warm_up_is_the_plain_divergence():
    share, of = batch(), objective.objective(plan(loss="pad_kl", temperature=TAU), "d")
    own, targets, distance = plain_parts(share)
    value, by_logits, by_features, by_head = of_devices(2, of, share, HEAD, jnp.bool_(False))
    np.testing.assert_allclose(value, WEIGHT @ distance, rtol=1e-4)
    np.testing.assert_allclose(by_logits, WEIGHT[:, None] * TAU * (own - targets), atol=1e-4)
    assert not np.any(by_features) and not any(np.any(leaf) for leaf in jax.tree.leaves(by_head))


# Features of the teacher, which has one more than the student.

INSIDE = np.random.default_rng(3).normal(0.5, 1, (B, 6)).astype(np.float32)
ALIGNER = np.random.default_rng(4).normal(0, 0.5, (5, 6)).astype(np.float32)
DIMENSIONS = {
    "kernel": np.random.default_rng(5).normal(0, 1, (6, 6)).astype(np.float32),
    "scale": np.float32([1.5, 1, 0.5, 4, 1, 1]),
    "bias": np.float32([-0.5, 0, 0.5, 1, -1, 0]),
}


def plain_features(share, params, adapts):
    """The sum of cross-entropies and of mean terms over dimensions, dimension by dimension."""
    _, targets, distance = plain_parts(share)
    own = np.float64(share.features) @ np.float64(params.get("aligner", np.eye(6)))
    total = 0.0
    for q in np.flatnonzero(WEIGHT):
        total += distance[q] + TAU**2 * plain.entropy(targets[q])
    for k in range(6):
        squares = (np.float64(share.teacher_features)[:, k] - own[:, k]) ** 2
        of_one = {name: leaf[..., k] for name, leaf in params["variance"].items()}
        s = plain_logarithms(of_one, own, WEIGHT)
        terms = squares / (1e-6 + np.exp(s)) + s if adapts else squares
        total += terms[WEIGHT > 0].sum() / 6
    return total


def assert_differences(found, value_of, places, near=2e-3):
    """Gradients at some places are what the values there differ by."""
    for place in places:
        step = np.zeros(found.shape)
        step[place] = 1e-4
        slope = (value_of(step) - value_of(-step)) / 2e-4
        np.testing.assert_allclose(found[place], slope, rtol=near, atol=near)


@pytest.mark.parametrize(("count", "adapts"), [(1, True), (4, True), (2, False)])
def test_features_on_any_number_of_devices(count, adapts):
    """Squared distances of aligned features over a variance of each dimension, beside the
    cross-entropy.
    """
    share, of = (
        batch()._replace(teacher_features=INSIDE),
        objective.objective(plan(loss="pad_l2", temperature=TAU), "d"),
    )
    params = {"variance": DIMENSIONS, "aligner": ALIGNER}
    own, targets, _ = plain_parts(share)
    value, by_logits, by_features, by_head = of_devices(count, of, share, params, jnp.bool_(adapts))
    np.testing.assert_allclose(value, plain_features(share, params, adapts), rtol=1e-4)
    np.testing.assert_allclose(by_logits, WEIGHT[:, None] * TAU * (own - targets), atol=1e-4)
    assert not np.any(by_features[WEIGHT == 0])

    def of_features(step):
        return plain_features(share._replace(features=share.features + step), params, adapts)

    def of_aligner(step):
        return plain_features(share, {**params, "aligner": ALIGNER + step}, adapts)

    assert_differences(by_features, of_features, [(0, 0), (3, 2), (14, 4)], 5e-3)
    assert_differences(by_head["aligner"], of_aligner, [(0, 0), (4, 3)], 5e-3)
    for name, leaf in DIMENSIONS.items():

        def of_variance(step, name=name, leaf=leaf):
            return plain_features(
                share, {**params, "variance": {**DIMENSIONS, name: leaf + step}}, adapts
            )

        assert_differences(by_head["variance"][name], of_variance, [(2,) * leaf.ndim], 5e-3)
        assert adapts or not np.any(by_head["variance"][name])


def test_features_of_the_same_width_are_compared_as_they_are():
    share = batch()._replace(teacher_features=INSIDE, features=INSIDE[::-1])
    of = objective.objective(plan(loss="pad_l2", temperature=TAU), "d")
    value, *_ = of_devices(2, of, share, {"variance": DIMENSIONS}, jnp.bool_(True))
    np.testing.assert_allclose(
        value, plain_features(share, {"variance": DIMENSIONS}, True), rtol=1e-4
    )


# Views of four images, the last of which only fills the batch.


def plain_related(share, head):
    """The sum of cross-entropies, and of the released share of the mean divergence of relations."""
    there = np.arange(B) < 12
    _, targets, distance = plain_parts(share)
    hidden = np.maximum(
        np.float64(share.features) @ head["hidden"]["kernel"] + head["hidden"]["bias"], 0
    )
    own = hidden @ np.float64(head["last"]["kernel"]) + head["last"]["bias"]
    each = distance + [TAU**2 * plain.entropy(target) for target in targets]
    return (
        each[there].sum() + 12 * 10 / 3.6 * plain_losses(own, share.teacher_features, there, 4)[0]
    )


@pytest.mark.parametrize("count", [1, 4])
def test_relations_on_any_number_of_devices(count):
    """Of all devices' records, an image's views on two of eight; gradients through all columns, by
    differences.
    """
    share = batch()._replace(teacher_features=INSIDE, weight=np.float32(np.arange(B) < 12))
    head, of = (
        relations.init(5, np.random.default_rng(6)),
        objective.objective(plan(loss="sskd", temperature=TAU), "d"),
    )
    head["hidden"]["bias"] += 1  # some unit of every image is above nothing
    value, _, by_features, by_head = of_devices(count, of, share, head, jnp.bool_(True))
    np.testing.assert_allclose(value, plain_related(share, head), rtol=1e-4)
    assert not np.any(by_features[12:])

    def of_features(step):
        return plain_related(share._replace(features=share.features + step), head)

    def of_kernel(step):
        return plain_related(
            share, {**head, "last": {**head["last"], "kernel": head["last"]["kernel"] + step}}
        )

    assert_differences(by_features, of_features, [(0, 0), (4, 2), (11, 4)], 5e-3)
    assert_differences(by_head["last"]["kernel"], of_kernel, [(0, 0), (4, 3)], 5e-3)
