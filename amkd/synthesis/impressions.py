"""Data impressions: images made from a network alone (Nayak et al., 2019: ZSKD). Pure functions.

Y classes, d features, B images at a time. Classes are alike as the weights of the last layer are;
so a softmax answer of class y is drawn from a Dirichlet distribution around its likeness to the
others, and an image is found, by descent on its pixels, to which the network gives that answer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from amkd.training import losses

_LEAST = 1e-4  # added to every concentration, so that all are positive (released code)


def likeness(kernel: jax.Array) -> jax.Array:
    """Cosines between the classes' weight vectors, ``float32[Y, Y]``; biases do not count (ZSKD,
    eq. 2).

    Args:
      kernel: ``float32[d, Y]``, of the last layer.
    """
    chex.assert_rank(kernel, 2)
    unit = kernel / jnp.maximum(jnp.linalg.norm(kernel, axis=0, keepdims=True), 1e-12)
    return unit.T @ unit


def concentrations(likeness_: jax.Array, beta: float, as_released: bool = False) -> jax.Array:
    """Parameters of the Dirichlet distribution of each class, ``float32[Y, Y]``, one row each.

    A row of likeness is brought to [0, 1] and multiplied by beta. The released code divides by ten
    for its second beta before it brings rows to [0, 1], which undoes that: there beta is always 1.

    Args:
      likeness_: from :func:`likeness`.
      beta: scale: the lower, the nearer are answers to certainty.
      as_released: whether beta is 1 whatever it says.
    """
    low, high = (f(likeness_, axis=1, keepdims=True) for f in (jnp.min, jnp.max))
    rows = (likeness_ - low) / jnp.maximum(high - low, 1e-12)
    return rows * (1.0 if as_released else beta) + _LEAST


def answer(concentration: jax.Array, key: jax.Array) -> jax.Array:
    """One draw of the Dirichlet distribution: ``float32[Y]`` to ``float32[Y]``.

    In logarithms: gamma variates of a concentration of 1e-4 are below what a float32 can hold.
    """
    return jax.nn.softmax(jax.random.loggamma(key, concentration))


class Recipe(NamedTuple):
    """How images are found.

    Attributes:
      temperature: of the network's answers.
      learning_rate: of Adam, on pixels in [0, 1].
    """

    temperature: float
    learning_rate: float


def begin(
    shape: tuple[int, ...], recipe: Recipe, key: jax.Array
) -> tuple[jax.Array, optax.OptState]:
    """Uniform noise in [0, 1], ``float32[B, H, W, C]``, and Adam's state."""
    images = jax.random.uniform(key, shape)
    return images, optax.adam(recipe.learning_rate).init(images)


def step(
    logits_of: Callable[[jax.Array], jax.Array],
    recipe: Recipe,
    images: jax.Array,
    state: optax.OptState,
    answers: jax.Array,
) -> tuple[jax.Array, Any, jax.Array]:
    """One step of Adam on all pixels, after which the whole batch is brought to [0, 1] by its least
    and largest.

    Args:
      logits_of: the network in inference mode: ``float32[B, H, W, C]`` of values in [0, 1] to
        ``float32[B, Y]``.
      recipe: temperature and learning rate.
      images: ``float32[B, H, W, C]``.
      state: Adam's.
      answers: ``float32[B, Y]`` that the network shall give at that temperature.

    Returns:
      The images, Adam's state, and the mean loss before the step.
    """

    def loss_of(images: jax.Array) -> jax.Array:
        logits = logits_of(images) / recipe.temperature
        return jax.vmap(losses.soft_cross_entropy)(logits, answers).mean()

    loss, grads = jax.value_and_grad(loss_of)(images)
    updates, state = optax.adam(recipe.learning_rate).update(grads, state)
    images = images + updates
    low, high = images.min(), images.max()
    return (images - low) / jnp.maximum(high - low, 1e-12), state, loss
