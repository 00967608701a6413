"""Distillation losses for one image: the student's logits against the teacher's probabilities.

``train.loss`` names one of :data:`LOSSES`, or a loss of the user's own as ``my_module:NAME``, where
NAME is a :class:`Loss`.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from amkd.config.recipe import Recipe
from amkd.core import plugins
from amkd.core.errors import UserError
from amkd.models import uncertainty
from amkd.training import auxiliary_heads

_ROUNDED = 1e-8  # replaces a probability of 0, unless the answer's smallest one is lower
_SMALL = 1e-12  # variance of logits that are all equal


def tempered(probabilities: jax.Array, temperature: float) -> jax.Array:
    """Returns ``p**(1/tau)``, renormalised: the answer that the teacher would give at temperature
    tau.

    This is exact for a softmax teacher: ``softmax(z/tau)`` is ``softmax(z)**(1/tau)`` up to scale.
    A probability below 1e-38 is too small for a float32: it is 0 and stays 0 at any temperature.

    Args:
      probabilities: ``float32[Y]``.
      temperature: tau, positive.
    """
    # exp(log p / tau) by a softmax: log 0 is -inf, so that 0 stays 0, and nothing overflows.
    return jax.nn.softmax(jnp.log(probabilities) / temperature)


def soft_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Returns ``-sum_y target_y log S(y|x)`` of one image (paper, section 3.1).

    Args:
      logits: ``float32[Y]``.
      target: ``float32[Y]`` probabilities.
    """
    chex.assert_rank([logits, target], 1)
    return -jnp.sum(target * jax.nn.log_softmax(logits))


def standardised(logits: jax.Array, answer: jax.Array) -> jax.Array:
    """Returns the cross-entropy of one image, each side's logits divided by their standard
    deviation (MIX-KD).

    The standard deviation over classes has Y - 1 in its denominator. Log-probabilities are logits
    up to a shift, which changes neither the standard deviation nor the softmax: a black box's
    answers are enough. The loss does not depend on the scale of the student's logits. So the
    student's best class is meaningful, but its probabilities (C1, divergence) are not.

    Ours: ground-truth labels, which a black box does not have, have no share in the loss (alpha =
    1, gamma = 0). A probability of 0, whose logit is not known, counts as 1e-8, or as the answer's
    smallest probability if this is lower.

    Args:
      logits: ``float32[Y]``, the student's; the gradient also flows through their standard
        deviation.
      answer: ``float32[Y]``, the teacher's probabilities.
    """
    return soft_cross_entropy(_over_deviation(logits), _standardised_target(answer))


def _standardised_target(answer: jax.Array) -> jax.Array:
    least = jnp.minimum(jnp.min(jnp.where(answer > 0, answer, jnp.inf)), _ROUNDED)
    return jax.nn.softmax(_over_deviation(jnp.log(jnp.maximum(answer, least))))


def _over_deviation(z: jax.Array) -> jax.Array:
    # Computed from the variance, whose gradient is finite if all logits are equal.
    return z / jnp.sqrt(jnp.var(z, ddof=1) + _SMALL)


def distillation(logits: jax.Array, answer: jax.Array, temperature: float) -> jax.Array:
    """Returns the cross-entropy of one image at a temperature, times tau squared (Hinton et al.,
    2015).

    At tau = 1 this is the paper's loss. The factor keeps the gradient's scale. Except for the
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
    """A cross-entropy of one image, and its lowest possible value.

    Attributes:
      of: given the student's logits ``float32[Y]``, the teacher's answer ``float32[Y]`` and a
        temperature, returns ``float32[]``.
      least: given the answer and the temperature, returns the loss of a student that gives the same
        answer: its target's entropy. The loss minus this value is a divergence: for ``soft``,
        ``tau**2 * KL(teacher || student)``.
      auxiliary_head: what is trained together with the student and computes another loss from these
        two (auxiliary_heads.py); None if only the student is trained.
    """

    of: Callable[[jax.Array, jax.Array, float], jax.Array]
    least: Callable[[jax.Array, float], jax.Array]
    auxiliary_head: auxiliary_heads.AuxiliaryHead | None = None


_SOFT = Loss(distillation, lambda answer, tau: tau**2 * uncertainty.entropy(_target(answer, tau)))

LOSSES = {
    "soft": _SOFT,
    "standardised": Loss(
        lambda logits, answer, _: standardised(logits, answer),
        lambda answer, _: uncertainty.entropy(_standardised_target(answer)),
    ),
    "pad_kl": _SOFT._replace(auxiliary_head=auxiliary_heads.PAD_KL),
    "pad_l2": _SOFT._replace(auxiliary_head=auxiliary_heads.PAD_L2),
    "sskd": _SOFT._replace(auxiliary_head=auxiliary_heads.SSKD),
}


def by_group(loss: Loss, groups: int) -> Loss:
    """Returns a loss for answers that have several distributions: the mean over them.

    Args:
      loss: a loss of one distribution.
      groups: how many distributions an answer has, G.
    """
    if groups == 1:
        return loss

    def split(row: jax.Array) -> jax.Array:
        return row.reshape(groups, -1)

    return loss._replace(
        of=lambda z, y, tau: jax.vmap(lambda one, p: loss.of(one, p, tau))(
            split(z), split(y)
        ).mean(),
        least=lambda y, tau: jax.vmap(lambda p: loss.least(p, tau))(split(y)).mean(),
    )


def auxiliary_head(recipe: Recipe) -> auxiliary_heads.AuxiliaryHead | None:
    """Returns the auxiliary head that the loss of a recipe trains; None if there is none."""
    return find(recipe.loss).auxiliary_head


def needed_of_teacher(recipe: Recipe) -> str | None:
    """Returns what the loss of a recipe needs from the teacher in addition to its answers; None if
    any black box is enough.
    """
    head = auxiliary_head(recipe)
    return head and head.shows


def views_compared(recipe: Recipe) -> int:
    """Returns how many adjacent views of an image in a batch the loss of a recipe needs, V."""
    head = auxiliary_head(recipe)
    return head.views if head else 1


def find(name: str) -> Loss:
    """Returns a loss of :data:`LOSSES`, or the one that ``my_module:NAME`` names.

    Raises:
      UserError: there is no such loss.
    """
    loss = plugins.resolve(name, LOSSES, "train.loss")
    if not isinstance(loss, Loss):
        raise UserError(
            f"config.train.loss={name!r}: is a {type(loss).__name__}, but must be an"
            " amkd.training.losses.Loss"
        )
    return loss
