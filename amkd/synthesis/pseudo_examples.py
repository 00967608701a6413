"""Pseudo-examples: images on which a target network should imitate a reference network (Kimura et
al., 2018: FSKD).

There are P pseudo-examples, Y classes, and B images at a time. The target minimises its distance
from the reference, while the images maximise it. So images are added to a small set where the two
networks still differ.
"""

import functools
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
from amkd.training import weightings
from amkd.training.optimizers import promoting

# Adam's epsilon. The usual 1e-8 would slow down images about which both networks are almost
# certain. With a smaller value than this, squares of gradients would underflow before epsilon
# matters.
_LEAST = 1e-16

ASCENTS: dict[str, Callable[[float], optax.GradientTransformation]] = {
    "gradient": optax.sgd,
    "adam": lambda rate: promoting(optax.adam(rate, eps=_LEAST)),
}

LogitsOf = Callable[[jax.Array], jax.Array]  # [B, ...] -> [B, Y]


def sizes(total: int, doublings: int) -> list[int]:
    """Returns how many pseudo-examples there are at first, and after each growth.

    The last growth is cut to fit, and no growth is empty.

    Args:
      total: how many there are in the end, at least 1.
      doublings: number of growths.
    """
    found = [-(-total // 2**doublings)]
    while found[-1] < total:
        found.append(min(2 * found[-1], total))
    return found


def fidelity(sigma: jax.Array, most: float, mean: float) -> jax.Array:
    """Returns the weights of pseudo-examples, ``float32[P]``: the weight is lower where the
    reference is less sure.

    ``most * exp(-ln(most / mean) * sigma / mean sigma)``; if all uncertainties are 0, all weights
    are ``most``.

    Args:
      sigma: ``float32[P]``, uncertainties, none negative.
      most: weight at zero uncertainty.
      mean: weight at the mean uncertainty, positive.
    """
    return most * weightings.fidelity(sigma, jnp.ones_like(sigma), mean / most)


def gap(reference: jax.Array, target: jax.Array) -> jax.Array:
    """Returns ``KL(reference || target)`` of one image, in nats; both are logits ``float32[Y]``."""
    chex.assert_rank([reference, target], 1)
    log_p, log_q = jax.nn.log_softmax(reference), jax.nn.log_softmax(target)
    return jnp.sum(jnp.exp(log_p) * (log_p - log_q))


def climb_step(
    reference_of: LogitsOf,
    target_of: LogitsOf,
    ascent: optax.GradientTransformation,
    *,
    images: jax.Array,
    state: optax.OptState,
) -> tuple[jax.Array, optax.OptState]:
    """Does one step that increases the gap between two networks, independently for each image.

    The gradient flows through both networks: if the reference were held constant, the step might
    even close the gap.

    Args:
      reference_of: logits of the reference.
      target_of: logits of the target.
      ascent: one of :data:`ASCENTS`.
      images: ``float32[B, ...]``.
      state: the ascent's state.

    Returns:
      The images, which are not limited to a range, and the ascent's state.
    """

    def gaps(x: jax.Array) -> jax.Array:
        return jax.vmap(gap)(reference_of(x), target_of(x)).sum()

    updates, state = ascent.update(-jax.grad(gaps)(images), state)
    return images + updates, state


class Ascent(NamedTuple):
    """How images climb the gap between two networks.

    Attributes:
      kind: one of :data:`ASCENTS`.
      rate: its learning rate, for pixels in [0, 1].
    """

    kind: str
    rate: float

    @property
    def transformation(self) -> optax.GradientTransformation:
        """Returns the ascent as an optimizer of optax."""
        return ASCENTS[self.kind](self.rate)


def climb(
    reference: tuple[Network, Variables],
    target: tuple[Network, Variables],
    images: np.ndarray,
    *,
    ascent: Ascent,
    steps: int,
    check: Callable[[], None],
) -> np.ndarray:
    """Returns copies of images after some steps up the gap between two networks.

    Args:
      reference: the teacher's network, and its variables.
      target: the network that imitates it, and its variables.
      images: ``uint8[P, H, W, C]``.
      ascent: kind and rate of the steps.
      steps: number of steps.
      check: is called before every batch; may raise to stop.

    Returns:
      ``uint8[P, H, W, C]``, in the same order; rounded to bytes once, after the last step.
    """
    # One step for each dispatch on a CPU: there, XLA runs convolutions in loops several times
    # slower.
    count = steps if devices.accelerated() else 1
    climb_steps = functools.partial(_climb_steps, reference[0], target[0], ascent, count)

    def run(variables: tuple[Variables, Variables], batch: jax.Array) -> jax.Array:
        check()
        state = ascent.transformation.init(batch)
        for _ in range(0, steps, max(count, 1)):
            batch, state = climb_steps(variables, batch, state)
        return batch

    placed = jax.device_put((reference[1], target[1]))
    climbed = devices.in_batches(run, placed, images / np.float32(255))
    return np.rint(255 * climbed).astype(np.uint8)


@compiled(static=("reference", "target", "ascent", "count"), kept=4)
def _climb_steps(
    reference: Network,
    target: Network,
    ascent: Ascent,
    count: int,
    variables: tuple[Variables, Variables],
    images: jax.Array,
    state: optax.OptState,
) -> tuple[jax.Array, optax.OptState]:
    def logits_of(network: Network, own: Variables) -> LogitsOf:
        in_form = suited(network, "training")
        return lambda x: in_form.apply(own, 255 * x)  # type: ignore[return-value]

    reference_of, target_of = logits_of(reference, variables[0]), logits_of(target, variables[1])

    def next_step(
        _: Any, found: tuple[jax.Array, optax.OptState]
    ) -> tuple[jax.Array, optax.OptState]:
        images, state = climb_step(
            reference_of, target_of, ascent.transformation, images=found[0], state=found[1]
        )
        return jnp.clip(images, 0, 1), state

    if count == 1:
        return next_step(0, (images, state))
    return jax.lax.fori_loop(0, count, next_step, (images, state))
