"""The programs on the devices that make images with a network, and show them."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from amkd.core import devices
from amkd.core.compilation import jit
from amkd.data import augment
from amkd.models import Network
from amkd.models.layers import suited
from amkd.synthesis import impressions, pseudo_examples


@lru_cache(maxsize=1)
def _affine_program() -> Callable[..., Any]:
    def run(_: Any, rows: Any) -> Any:
        return jax.vmap(
            lambda image, angle, zoom: augment.affine(image, angle, jnp.stack([zoom, zoom]))
        )(*rows)

    return jit(run)


def affine(images: np.ndarray, angles: np.ndarray, zooms: np.ndarray) -> np.ndarray:
    """Each image turned by radians ``float32[M]`` and zoomed by factors ``float32[M]``: ``uint8[M,
    H, W, C]``.
    """
    found: np.ndarray = devices.in_batches(_affine_program(), None, (images, angles, zooms))
    return found


@lru_cache(maxsize=2)
def _concentrations_program(as_released: bool) -> Callable[..., Any]:
    def run(kernel: Any, beta: Any) -> Any:
        return impressions.concentrations(impressions.likeness(kernel), beta, as_released)

    return jit(run)


def concentrations(kernel: np.ndarray, beta: float, as_released: bool) -> np.ndarray:
    """Of ZSKD's Dirichlet distributions, a row for each class: ``float32[Y, Y]``."""
    return np.asarray(_concentrations_program(as_released)(kernel, np.float32(beta)))


@lru_cache(maxsize=1)
def _dirichlet_program() -> Callable[..., Any]:
    def run(key: Any, rows: Any) -> Any:
        return jax.vmap(
            lambda alpha, number: impressions.answer(alpha, jax.random.fold_in(key, number))
        )(*rows)

    return jit(run)


def dirichlet(alpha: np.ndarray, numbers: np.ndarray, key: jax.Array) -> np.ndarray:
    """A draw for each row of concentrations ``float32[M, Y]``, each with its own number in the
    key's stream.
    """
    found: np.ndarray = devices.in_batches(_dirichlet_program(), key, (alpha, numbers))
    return found


@lru_cache(maxsize=4)
def _impress_program(network: Network, recipe: impressions.Recipe) -> Callable[..., Any]:
    in_form = suited(network, "training")

    def run(variables: Any, images: Any, state: Any, answers: Any) -> Any:
        def logits_of(x: jax.Array) -> Any:
            return in_form.apply(variables, 255 * x)

        return impressions.step(logits_of, recipe, images, state, answers)

    return jit(run)


def impress(
    network: Network,
    variables: Any,
    answers: np.ndarray,
    shape: tuple[int, ...],
    recipe: impressions.Recipe,
    steps: int,
    key: jax.Array,
    check: Callable[[], None],
) -> np.ndarray:
    """Images to which a network gives these answers, from noise.

    Args:
      network: the teacher's.
      variables: its variables.
      answers: ``float32[B, Y]``, at the recipe's temperature.
      shape: ``(H, W, C)``.
      recipe: how.
      steps: of descent.
      key: randomness of the noise.
      check: called now and then; may raise to stop.

    Returns:
      ``uint8[B, H, W, C]``.
    """
    step = _impress_program(network, recipe)
    images, state = impressions.begin((len(answers), *shape), recipe, key)
    placed = jax.device_put(variables)
    # A step a dispatch: XLA on CPU runs convolutions inside loops several times slower.
    for number in range(steps):
        images, state, _ = step(placed, images, state, answers)
        if number % 100 == 0:
            check()
    return np.rint(255 * np.asarray(images)).astype(np.uint8)


class Climb(NamedTuple):
    """How images climb the gap between two networks.

    Attributes:
      ascent: one of :data:`pseudo_examples.ASCENTS`.
      rate: of it, on pixels in [0, 1].
      steps: how many.
    """

    ascent: str
    rate: float
    steps: int

    @property
    def transformation(self) -> optax.GradientTransformation:
        """The ascent itself."""
        return pseudo_examples.ASCENTS[self.ascent](self.rate)


@lru_cache(maxsize=4)
def _climb_program(reference: Network, target: Network, how: Climb) -> Callable[..., Any]:
    def logits_of(network: Network, variables: Any) -> Callable[[jax.Array], Any]:
        in_form = suited(network, "training")
        return lambda x: in_form.apply(variables, 255 * x)

    def run(variables: Any, images: Any, state: Any) -> Any:
        both = logits_of(reference, variables[0]), logits_of(target, variables[1])
        images, state = pseudo_examples.climb(*both, how.transformation, images, state)
        return jnp.clip(images, 0, 1), state

    return jit(run)


def climb(
    reference: tuple[Network, Any],
    target: tuple[Network, Any],
    images: np.ndarray,
    how: Climb,
    check: Callable[[], None],
) -> np.ndarray:
    """Copies of images that are a little higher on the gap between two networks, each with its
    variables.

    Args:
      reference: the teacher's.
      target: what imitates it.
      images: ``uint8[P, H, W, C]``.
      how: the steps.
      check: called after every batch; may raise to stop.

    Returns:
      ``uint8[P, H, W, C]``, in the same order; rounded to bytes once, after the last step.
    """
    step = _climb_program(reference[0], target[0], how._replace(steps=1))

    def run(variables: Any, batch: np.ndarray) -> np.ndarray:
        check()
        found = jnp.asarray(batch / np.float32(255))
        state = how.transformation.init(found)
        for _ in range(how.steps):
            found, state = step(variables, found, state)
        return np.rint(255 * np.asarray(found)).astype(np.uint8)

    climbed: np.ndarray = devices.in_batches(run, jax.device_put((reference[1], target[1])), images)
    return climbed
