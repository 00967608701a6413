"""EPIG: how much information the class of one image gives about the classes of others, by a
committee (Bickford Smith et al., 2023). Pure functions, and their compiled program.
"""

import jax
import jax.numpy as jnp

from amkd.core.compilation import compiled

_AT_ONCE = 2**22  # joint probabilities


def mutual_information(own: jax.Array, other: jax.Array) -> jax.Array:
    """Returns the mutual information of the classes of two images, in nats.

    Given a member of the committee, the classes are independent. It is not known which member is
    right, so the joint probabilities are the mean of the members' products.

    Args:
      own: ``float32[E, Y]``, the members' probabilities for one image.
      other: ``float32[E, Y]``, their probabilities for the other.
    """
    tiny = jnp.finfo(jnp.float32).tiny
    joint = own.T @ other / len(own)
    apart = own.mean(0)[:, None] * other.mean(0)[None]
    ratio = jnp.maximum(joint, tiny) / jnp.maximum(apart, tiny)
    return jnp.sum(joint * jnp.log(ratio))


def mean_information(opinions: jax.Array, targets: jax.Array, block: int = 16) -> jax.Array:
    """Returns the mean over targets of the mutual information with one image.

    Args:
      opinions: ``float32[E, Y]``, the members' probabilities for the image.
      targets: ``float32[T, E, Y]``.
      block: number of targets at once.
    """
    one = lambda other: mutual_information(opinions, other)  # noqa: E731
    return jnp.mean(jax.lax.map(one, targets, batch_size=block))


@compiled(precision="highest")
def epig(opinions: jax.Array, targets: jax.Array) -> jax.Array:
    """Returns the :func:`mean_information` of every image: ``float32[M]``.

    Args:
      opinions: ``float32[M, E, Y]``, the members' probabilities.
      targets: ``float32[T, E, Y]``.
    """
    pairs = max(_AT_ONCE // opinions.shape[-1] ** 2, 1)
    targets_at_once = min(16, pairs)
    one = lambda own: mean_information(own, targets, targets_at_once)  # noqa: E731
    return jax.lax.map(one, opinions, batch_size=max(min(64, pairs // targets_at_once), 1))
