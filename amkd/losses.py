"""Distillation losses for one image: the student's logits against the teacher's probabilities."""

import chex
import jax
import jax.numpy as jnp


def tempered(probabilities: jax.Array, temperature: float) -> jax.Array:
    """``p**(1/tau)``, renormalised: the answer that the teacher would give at temperature tau.

    Exact for a softmax teacher: ``softmax(z/tau)`` is ``softmax(z)**(1/tau)`` up to scale.

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


def distillation(logits: jax.Array, answer: jax.Array, temperature: float) -> jax.Array:
    """Cross-entropy of one image at a temperature, times tau squared (Hinton et al., 2015).

    At tau = 1 this is the paper's loss. The factor keeps the gradient's scale; up to the
    target's entropy, which has no gradient, this is ``tau**2 * KL(teacher || student)``.

    Args:
      logits: ``float32[Y]``, the student's.
      answer: ``float32[Y]``, the teacher's probabilities at temperature 1.
      temperature: tau.
    """
    target = answer if temperature == 1 else tempered(answer, temperature)
    return temperature**2 * soft_cross_entropy(logits / temperature, target)
