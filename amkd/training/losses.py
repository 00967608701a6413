"""Distillation losses for one image: the student's logits against the teacher's probabilities."""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe
from amkd.models import uncertainty
from amkd.training import auxiliary_heads

_ROUNDED = 1e-8  # in place of a probability of 0, or of the answer's least one, whichever is lower
_SMALL = 1e-12  # variance of logits that are all alike


def tempered(probabilities: jax.Array, temperature: float) -> jax.Array:
    """``p**(1/tau)``, renormalised: the answer that the teacher would give at temperature tau.

    Exact for a softmax teacher: ``softmax(z/tau)`` is ``softmax(z)**(1/tau)`` up to scale. A
      probability that a float32
    cannot hold, below 1e-38, is 0 and stays 0 at any temperature.

    Args:
      probabilities: ``float32[Y]``.
      temperature: tau, positive.
    """
    # exp(log p / tau) through a softmax: log 0 is -inf, so that 0 stays 0, and nothing overflows.
    return jax.nn.softmax(jnp.log(probabilities) / temperature)


def soft_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """``-sum_y target_y log S(y|x)`` of one image (paper, section 3.1).

    Args:
      logits: ``float32[Y]``.
      target: ``float32[Y]`` probabilities.
    """
    chex.assert_rank([logits, target], 1)
    return -jnp.sum(target * jax.nn.log_softmax(logits))


def standardised(logits: jax.Array, answer: jax.Array) -> jax.Array:
    """Cross-entropy of one image at temperatures of its own: each side's logits over their
    deviation (MIX-KD).

    The deviation over classes has Y - 1 in its denominator. Log-probabilities are logits up to a
    shift, which
    changes neither it nor the softmax: a black box's answers are enough. The loss does not know the
      scale of the
    student's logits: its best class does not depend on that, its probabilities do, and all that is
    told by them (C1, divergence).

    Ours: no share for labels, which a black box does not have (alpha = 1, gamma = 0); and a
      probability of 0, whose
    logit is not known, is taken for 1e-8, or for the least that the answer has.

    Args:
      logits: ``float32[Y]``, the student's; the gradient flows through their deviation, too.
      answer: ``float32[Y]``, the teacher's probabilities.
    """
    return soft_cross_entropy(_over_deviation(logits), _standardised_target(answer))


def _standardised_target(answer: jax.Array) -> jax.Array:
    least = jnp.minimum(jnp.min(jnp.where(answer > 0, answer, jnp.inf)), _ROUNDED)
    return jax.nn.softmax(_over_deviation(jnp.log(jnp.maximum(answer, least))))


def _over_deviation(z: jax.Array) -> jax.Array:
    # Through the variance, whose gradient is finite where all logits are alike.
    return z / jnp.sqrt(jnp.var(z, ddof=1) + _SMALL)


def distillation(logits: jax.Array, answer: jax.Array, temperature: float) -> jax.Array:
    """Cross-entropy of one image at a temperature, times tau squared (Hinton et al., 2015).

    At tau = 1 this is the paper's loss. The factor keeps the gradient's scale; up to the
    target's entropy, which has no gradient, this is ``tau**2 * KL(teacher || student)``.

    Args:
      logits: ``float32[Y]``, the student's.
      answer: ``float32[Y]``, the teacher's probabilities at temperature 1.
      temperature: tau.
    """
    return temperature**2 * soft_cross_entropy(logits / temperature, _target(answer, temperature))


def _target(answer: jax.Array, temperature: float) -> jax.Array:
    return answer if temperature == 1 else tempered(answer, temperature)


class Loss(NamedTuple):
    """A cross-entropy of one image, and the least it can be.

    Attributes:
      of: the student's logits ``float32[Y]``, the teacher's answer ``float32[Y]`` and a temperature
        to ``float32[]``.
      least: the answer and the temperature to the loss of a student that answers alike: its
        target's entropy. What
        the loss is above it is a divergence: ``tau**2 * KL(teacher || student)`` of ``soft``.
      branch: what is learned beside the student, and makes of these what is learned from
        (amkd/training/auxiliary_heads.py).
    """

    of: Callable[[jax.Array, jax.Array, float], jax.Array]
    least: Callable[[jax.Array, float], jax.Array]
    branch: auxiliary_heads.Kind | None = None


_SOFT = Loss(distillation, lambda answer, tau: tau**2 * uncertainty.entropy(_target(answer, tau)))

LOSSES = {
    "soft": _SOFT,
    "standardised": Loss(
        lambda logits, answer, _: standardised(logits, answer),
        lambda answer, _: uncertainty.entropy(_standardised_target(answer)),
    ),
    "pad_kl": _SOFT._replace(branch=auxiliary_heads.PAD_KL),
    "pad_l2": _SOFT._replace(branch=auxiliary_heads.PAD_L2),
    "sskd": _SOFT._replace(branch=auxiliary_heads.SSKD),
}


def auxiliary_head(recipe: Recipe) -> auxiliary_heads.Kind | None:
    """Returns what the loss of a recipe learns beside the student; None for nothing."""
    return LOSSES[recipe.loss].branch


def needed_of_teacher(recipe: Recipe) -> str | None:
    """Returns what the loss of a recipe needs of the teacher beside its answers; None for what any
    black box can teach.
    """
    head = auxiliary_head(recipe)
    return head and head.shows


def views_compared(recipe: Recipe) -> int:
    """Returns how many views of an image the loss of a recipe needs side by side in a batch, V."""
    head = auxiliary_head(recipe)
    return head.views if head else 1
