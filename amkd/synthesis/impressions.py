"""Data impressions: images made from a network alone (Nayak et al., 2019: ZSKD).

There are Y classes, d features, and B images at a time. Two classes are similar if their weights in
the last layer are similar. So an answer for class y is drawn from a Dirichlet distribution whose
parameters are computed from the similarities of y to all classes. Gradient descent on the pixels
then finds an image to which the network gives this answer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax

from amkd.core import devices
from amkd.core.compilation import compiled
from amkd.models import Network
from amkd.models.layers import Variables, suited
from amkd.training import losses
from amkd.training.optimizers import promoting

_CHECKED = 100  # number of steps after which a request to stop is checked
_LEAST = 1e-4  # added to every concentration, so that all are positive (released code)


def class_similarity(kernel: jax.Array) -> jax.Array:
    """Returns the cosines between the classes' weight vectors, ``float32[Y, Y]``; biases do not
    count (ZSKD, eq. 2).

    Args:
      kernel: ``float32[d, Y]``, the kernel of the last layer.
    """
    chex.assert_rank(kernel, 2)
    unit = kernel / jnp.maximum(jnp.linalg.norm(kernel, axis=0, keepdims=True), 1e-12)
    return unit.T @ unit


@compiled(static=("as_released",), kept=2, precision="highest")  # similarities are ranked
def concentrations(kernel: jax.Array, beta: jax.Array, as_released: bool = False) -> jax.Array:
    """Returns the parameters of the Dirichlet distribution of each class, ``float32[Y, Y]``, one
    row for each class.

    A row of similarities is scaled to [0, 1] and multiplied by beta. The released code divides by
    ten for its second beta, but scales rows to [0, 1] afterwards, which cancels the division: there
    beta is always 1.

    Args:
      kernel: ``float32[d, Y]``, the kernel of the last layer.
      beta: ``float32[]``, scale: with a lower value, answers are closer to certainty.
      as_released: whether 1 is used in place of beta.
    """
    similarity = class_similarity(kernel)
    low, high = (f(similarity, axis=1, keepdims=True) for f in (jnp.min, jnp.max))
    rows = (similarity - low) / jnp.maximum(high - low, 1e-12)
    return rows * (1.0 if as_released else beta) + _LEAST


def draw_answer(concentration: jax.Array, key: jax.Array) -> jax.Array:
    """Draws from a Dirichlet distribution: ``float32[Y]`` to ``float32[Y]``.

    It uses logarithms, because gamma variates with a concentration of 1e-4 are too small for a
    float32.
    """
    return jax.nn.softmax(jax.random.loggamma(key, concentration))


def draw_answers(alpha: np.ndarray, numbers: np.ndarray, key: jax.Array) -> np.ndarray:
    """Draws an answer for each row of concentrations, each with its own number in the key's stream.

    Args:
      alpha: ``float32[M, Y]``.
      numbers: ``int[M]``.
      key: randomness.

    Returns:
      ``float32[M, Y]``.
    """
    answers: np.ndarray = devices.in_batches(_draw_answers, key, (alpha, numbers))
    return answers


@compiled(kept=1)
def _draw_answers(key: jax.Array, rows: tuple[jax.Array, jax.Array]) -> jax.Array:
    return jax.vmap(lambda alpha, number: draw_answer(alpha, jax.random.fold_in(key, number)))(
        *rows
    )


class Descent(NamedTuple):
    """How images are found by descent on their pixels.

    Attributes:
      temperature: the temperature of the network's answers.
      learning_rate: Adam's learning rate, for pixels in [0, 1].
    """

    temperature: float
    learning_rate: float


def start(
    shape: tuple[int, ...], descent: Descent, key: jax.Array
) -> tuple[jax.Array, optax.OptState]:
    """Returns uniform noise in [0, 1], ``float32[B, H, W, C]``, and Adam's state."""
    images = jax.random.uniform(key, shape)
    return images, optax.adam(descent.learning_rate).init(images)


def step(
    logits_of: Callable[[jax.Array], jax.Array],
    descent: Descent,
    *,
    images: jax.Array,
    state: optax.OptState,
    answers: jax.Array,
) -> tuple[jax.Array, optax.OptState, jax.Array]:
    """Does one step of Adam on all pixels, then scales the whole batch to [0, 1] by its smallest
    and largest value.

    Args:
      logits_of: the network in inference mode: ``float32[B, H, W, C]`` with values in [0, 1] to
        ``float32[B, Y]``.
      descent: temperature and learning rate.
      images: ``float32[B, H, W, C]``.
      state: Adam's state.
      answers: ``float32[B, Y]``, the answers that the network should give at that temperature.

    Returns:
      The images, Adam's state, and the mean loss before the step.
    """

    def loss_of(images: jax.Array) -> jax.Array:
        logits = logits_of(images) / descent.temperature
        return jax.vmap(losses.soft_cross_entropy)(logits, answers).mean()

    loss, grads = jax.value_and_grad(loss_of)(images)
    updates, state = promoting(optax.adam(descent.learning_rate)).update(grads, state)
    images = images + updates
    low, high = images.min(), images.max()
    return (images - low) / jnp.maximum(high - low, 1e-12), state, loss


def make_impressions(
    network: Network,
    variables: Variables,
    answers: np.ndarray,
    *,
    shape: tuple[int, ...],
    descent: Descent,
    steps: int,
    key: jax.Array,
    check: Callable[[], None],
) -> np.ndarray:
    """Makes images from noise so that a network gives the wanted answers to them.

    Args:
      network: the teacher's network.
      variables: its variables.
      answers: ``float32[B, Y]``, at the descent's temperature.
      shape: ``(H, W, C)``.
      descent: temperature and learning rate.
      steps: the number of steps of the descent.
      key: randomness of the noise.
      check: is called after every few steps; may raise to stop.

    Returns:
      ``uint8[B, H, W, C]``.
    """
    images, state = start((len(answers), *shape), descent, key)
    placed, wanted = jax.device_put((variables, answers))
    # One step for each dispatch on a CPU: there, XLA runs convolutions in loops several times
    # slower.
    most = _CHECKED if devices.accelerated() else 1
    for number in range(0, steps, most):
        count = min(most, steps - number)
        images, state = _steps(network, descent, count, placed, images, state, wanted)
        if number % _CHECKED == 0:
            check()
    return np.rint(255 * np.asarray(images)).astype(np.uint8)


@compiled(static=("network", "descent", "count"), kept=4)
def _steps(
    network: Network,
    descent: Descent,
    count: int,
    variables: Variables,
    images: jax.Array,
    state: optax.OptState,
    answers: jax.Array,
) -> tuple[jax.Array, optax.OptState]:
    in_form = suited(network, "training")

    def logits_of(x: jax.Array) -> jax.Array:
        logits: Any = in_form.apply(variables, 255 * x)
        return jnp.asarray(logits)

    def next_step(
        _: Any, found: tuple[jax.Array, optax.OptState]
    ) -> tuple[jax.Array, optax.OptState]:
        return step(logits_of, descent, images=found[0], state=found[1], answers=answers)[:2]

    if count == 1:
        return next_step(0, (images, state))
    return jax.lax.fori_loop(0, count, next_step, (images, state))
