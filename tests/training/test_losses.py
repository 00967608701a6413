"""Distillation losses and temperatures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.training import losses
from tests.support import plain

TARGET = jnp.array([0.7, 0.2, 0.1], jnp.float32)
LOGITS = jnp.array([2, 1, 0], jnp.float32)
# Hinton's loss, worked by hand: a teacher's and a student's logits.
TEACHER = jnp.array([5, 2, -1], jnp.float32)
STUDENT = jnp.array([3, 2.5, 0], jnp.float32)
ANSWER = jax.nn.softmax(TEACHER)

logit_vectors = st.lists(st.floats(-20, 20, width=32), min_size=5, max_size=5).map(np.float32)


def test_worked_soft_cross_entropy():
    np.testing.assert_allclose(losses.soft_cross_entropy(LOGITS, TARGET), 0.807606, atol=1e-6)
    np.testing.assert_allclose(plain.entropy(TARGET), 0.801819, atol=1e-6)
    kl = losses.soft_cross_entropy(LOGITS, TARGET) - plain.entropy(TARGET)
    np.testing.assert_allclose(kl, 0.005787, atol=1e-6)
    grad = jax.grad(losses.soft_cross_entropy)(LOGITS, TARGET)
    np.testing.assert_allclose(grad, (-0.034759, 0.044728, -0.009969), atol=1e-6)


def test_worked_hard_cross_entropy():
    np.testing.assert_allclose(
        losses.soft_cross_entropy(STUDENT, jnp.array([1.0, 0, 0])), 0.504597, atol=1e-6
    )


def test_worked_tempering():
    np.testing.assert_allclose(ANSWER, (0.950330, 0.047314, 0.002356), atol=1e-6)
    np.testing.assert_allclose(
        losses.tempered(ANSWER, 4), (0.589798, 0.278601, 0.131602), atol=1e-6
    )
    np.testing.assert_allclose(
        jax.nn.softmax(STUDENT / 4), (0.424653, 0.374755, 0.200592), atol=1e-6
    )


@pytest.mark.parametrize(("tau", "expected"), [(1, 0.328299), (4, 0.890885), (20, 0.892916)])
def test_worked_distillation_is_tau_squared_kl(tau, expected):
    target = losses.tempered(ANSWER, tau)
    value = losses.distillation(STUDENT, ANSWER, tau) - tau**2 * plain.entropy(target)
    np.testing.assert_allclose(value, expected, atol=1e-4 if tau == 20 else 2e-6)


def test_worked_kl_at_temperature_four():
    target = losses.tempered(ANSWER, 4)
    value = losses.distillation(STUDENT, ANSWER, 4) / 16 - plain.entropy(target)
    np.testing.assert_allclose(value, 0.055680, atol=1e-6)


def test_worked_gradient():
    grad = jax.grad(losses.distillation)(STUDENT, ANSWER, 4.0)
    np.testing.assert_allclose(grad, (-0.660578, 0.384617, 0.275961), atol=1e-5)


@pytest.mark.parametrize("tau", [1.0, 2.0, 4.0, 20.0])
@given(z=logit_vectors, other=logit_vectors)
def test_against_the_plain_losses(tau, z, other):
    answer = plain.softmax(other.astype(np.float64))
    target = plain.tempered(answer, tau)
    np.testing.assert_allclose(losses.tempered(jnp.float32(answer), tau), target, atol=2e-6)
    expected = tau**2 * plain.soft_cross_entropy(z / tau, target)
    np.testing.assert_allclose(
        losses.distillation(z, jnp.float32(answer), tau), expected, rtol=1e-5, atol=1e-5
    )
    kl = tau**2 * plain.kl(target, plain.softmax(z.astype(np.float64) / tau))
    value = losses.distillation(z, jnp.float32(answer), tau) - tau**2 * plain.entropy(
        jnp.float32(target)
    )
    np.testing.assert_allclose(value, kl, rtol=1e-4, atol=1e-5 * tau**2)


@given(logit_vectors)
def test_tempering_a_softmax_is_a_softmax_at_that_temperature(z):
    np.testing.assert_allclose(
        losses.tempered(jax.nn.softmax(z), 4), jax.nn.softmax(z / 4), atol=2e-6
    )


@given(logit_vectors, logit_vectors)
def test_temperature_one_is_the_papers_loss(z, other):
    answer = jax.nn.softmax(other)
    assert losses.distillation(z, answer, 1.0) == losses.soft_cross_entropy(z, answer)


@given(logit_vectors, logit_vectors)
def test_gradient_is_the_difference_of_probabilities(z, other):
    answer = jax.nn.softmax(other)
    np.testing.assert_allclose(
        jax.grad(losses.soft_cross_entropy)(z, answer), jax.nn.softmax(z) - answer, atol=1e-5
    )
    expected = 4 * (jax.nn.softmax(z / 4) - losses.tempered(answer, 4))
    np.testing.assert_allclose(jax.grad(losses.distillation)(z, answer, 4.0), expected, atol=1e-5)


def test_gradient_keeps_its_scale_at_high_temperature():
    """Towards infinite tau the gradient becomes the difference of centred logits over Y (Hinton et
    al., 2015).
    """
    grad = jax.grad(losses.distillation)(STUDENT, ANSWER, 1000.0)
    limit = ((STUDENT - STUDENT.mean()) - (TEACHER - TEACHER.mean())) / 3
    np.testing.assert_allclose(grad, limit, atol=2e-3)


@pytest.mark.parametrize("tau", [1.0, 4.0, 20.0])
def test_a_certain_teacher_stays_certain(tau):
    """0 to any positive power is 0."""
    answer = jnp.array([1.0, 0, 0])
    np.testing.assert_allclose(losses.tempered(answer, tau), answer, atol=1e-6)


@pytest.mark.parametrize("tau", [1.0, 4.0, 20.0])
def test_extremes_are_finite(tau):
    answer = jnp.array([1.0, 0, 0])
    for z in ((0, 0, 0), (300, -300, 0), (-300, 300, 0)):
        value, grad = jax.value_and_grad(losses.distillation)(jnp.float32(z), answer, tau)
        assert np.isfinite(value)
        assert np.all(np.isfinite(grad))


def test_loss_is_for_one_image_only():
    with pytest.raises(AssertionError):
        losses.soft_cross_entropy(LOGITS[None], TARGET[None])


MIX_TEACHER, MIX_STUDENT = jnp.array([4, 2, 0], jnp.float32), jnp.array([1, 0.5, -0.5], jnp.float32)


def test_worked_standardised_loss():
    """Deviations 2 and .763763: answers .665241 .244728 .090031 and .602437 .313040 .084523, their
    KL .011405.
    """
    loss = losses.standardised(MIX_STUDENT, jax.nn.softmax(MIX_TEACHER))
    target = np.array([0.665241, 0.244728, 0.090031])
    np.testing.assert_allclose(loss - plain.entropy(target), 0.011405, atol=2e-6)
    np.testing.assert_allclose(loss, -target @ np.log([0.602437, 0.313040, 0.084523]), atol=2e-6)
    # The deviation of all classes would give the teacher's .724548 in place of .665241.
    assert (
        abs(
            loss
            - plain.soft_cross_entropy(
                MIX_STUDENT / np.std(MIX_STUDENT), [0.724548, 0.212896, 0.062556]
            )
        )
        > 0.01
    )


@given(logit_vectors, logit_vectors, st.floats(0.1, 5), st.floats(-3, 3))
def test_standardised_loss_knows_neither_scale_nor_shift_of_the_student(
    student, teacher, scale, shift
):
    if np.std(student) < 0.1:
        return
    answer = jax.nn.softmax(jnp.asarray(teacher))
    one, other = (
        losses.standardised(jnp.asarray(z, jnp.float32), answer)
        for z in (student, scale * student + shift)
    )
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "z", [(30.0, 10.0, 0.0, -10.0), (25.0, 22.0, 5.0, 0.0), (60.0, 1.0, 0.0, -20.0)]
)
def test_a_sure_answer_keeps_what_it_tells_of_the_other_classes(z):
    """As the logits themselves over their deviation."""
    z = np.float64(z)
    expected = np.exp(z / z.std(ddof=1))
    found = losses._standardised_target(jax.nn.softmax(jnp.asarray(z, jnp.float32)))
    np.testing.assert_allclose(found, expected / expected.sum(), atol=1e-4)


def test_a_probability_of_nothing_is_taken_for_the_least_there_is():
    one, other = (
        losses._standardised_target(jnp.float32(p)) for p in ((0.9, 0.1, 0), (0.9, 0.1, 1e-8))
    )
    np.testing.assert_allclose(one, other, atol=1e-6)
    one, other = (
        losses._standardised_target(jnp.float32(p))
        for p in ((0.9, 0.1, 1e-12, 0), (0.9, 0.1, 1e-12, 1e-12))
    )
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_standardised_loss_where_there_is_nothing_to_divide_by():
    """Logits that are all alike, and answers that are certain: finite, and so is the gradient."""
    for answer in (jnp.full(3, 1 / 3), jnp.array([1.0, 0, 0])):
        value, grad = jax.value_and_grad(losses.standardised)(jnp.zeros(3), answer)
        assert np.isfinite(value) and np.all(np.isfinite(grad))


def test_losses_by_name():
    answer = jax.nn.softmax(MIX_TEACHER)
    assert losses.LOSSES["soft"].of(MIX_STUDENT, answer, 4.0) == losses.distillation(
        MIX_STUDENT, answer, 4.0
    )
    assert losses.LOSSES["standardised"].of(MIX_STUDENT, answer, 1.0) == losses.standardised(
        MIX_STUDENT, answer
    )


@pytest.mark.parametrize(("name", "tau"), [("soft", 1.0), ("soft", 4.0), ("standardised", 1.0)])
@given(z=logit_vectors, other=logit_vectors)
def test_no_student_is_better_than_one_that_answers_alike(name, tau, z, other):
    loss, answer = losses.LOSSES[name], jax.nn.softmax(other)
    least = loss.least(answer, tau)
    assert loss.of(z, answer, tau) >= least - 1e-4
    if answer.min() > 1e-7:  # its logarithm is taken as it is
        np.testing.assert_allclose(loss.of(other, answer, tau), least, atol=1e-4)


def test_worked_divergences():
    """What Hinton's loss is above its least, tau squared KL; and that of standardised logits."""
    loss = losses.LOSSES["soft"]
    for tau, expected in ((1.0, 0.328299), (4.0, 0.890885)):
        found = loss.of(STUDENT, ANSWER, tau) - loss.least(ANSWER, tau)
        np.testing.assert_allclose(found, expected, atol=5e-6)
    loss, answer = losses.LOSSES["standardised"], jax.nn.softmax(MIX_TEACHER)
    np.testing.assert_allclose(
        loss.of(MIX_STUDENT, answer, 1.0) - loss.least(answer, 1.0), 0.011405, atol=2e-6
    )
