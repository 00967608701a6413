"""Learning Loss: a small network that predicts where the student's loss is high (Yoo and Kweon,
2019). Pure functions, and their compiled program.

The paper trains this network together with the classifier, on four inner feature maps of the
classifier. Here (ours) the student is frozen, and the predictor sees only the input of the
student's last layer. So it works with any student.
"""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax

from amkd.core.compilation import compiled
from amkd.training.optimizers import promoting

_WIDTH, _BATCH, _RATE = 128, 128, 1e-3


def ranking_loss(predicted: jax.Array, true: jax.Array, margin: float = 1.0) -> jax.Array:
    """Returns the mean of ``max(0, -s * (predicted_b - predicted_{B-1-b}) + margin)`` over pairs
    (b, B-1-b).

    s is 1 where the true loss of b is the larger one, and otherwise -1, also for equal losses.

    Args:
      predicted: ``float32[B]``, B even.
      true: ``float32[B]``.
      margin: the margin by which the order must be right.
    """
    chex.assert_equal_shape((predicted, true))
    half = len(predicted) // 2
    difference = (predicted - predicted[::-1])[:half]
    sign = jnp.where((true > true[::-1])[:half], 1.0, -1.0)
    return jnp.mean(jnp.maximum(0.0, margin - sign * difference))


def init(features: int, key: jax.Array) -> Any:
    """Draws the initial weights of a predictor with one hidden layer of 128."""
    first, second = jax.random.split(key)
    draw = jax.nn.initializers.he_normal()
    return {
        "hidden": {"kernel": draw(first, (features, _WIDTH)), "bias": jnp.zeros(_WIDTH)},
        "last": {"kernel": draw(second, (_WIDTH, 1)), "bias": jnp.zeros(1)},
    }


def predict(params: Any, features: jax.Array) -> jax.Array:
    """Predicts the loss of one image, up to scale and shift: ``float32[d]`` to ``float32[]``."""
    hidden = jax.nn.relu(features @ params["hidden"]["kernel"] + params["hidden"]["bias"])
    return (hidden @ params["last"]["kernel"] + params["last"]["bias"])[0]


def fit(features: jax.Array, losses: jax.Array, steps: int, key: jax.Array) -> Any:
    """Trains a predictor by Adam on random batches.

    Args:
      features: ``float32[A, d]``, with mean 0 and standard deviation 1.
      losses: ``float32[A]``, the student's losses on the same images.
      steps: number of batches, of 128 images each.
      key: randomness.
    """
    for_init, for_batches = jax.random.split(key)
    tx = promoting(optax.adam(_RATE))
    params = init(features.shape[-1], for_init)

    def step(state: tuple[Any, Any], key: jax.Array) -> tuple[tuple[Any, Any], None]:
        params, moments = state
        index = jax.random.randint(key, (_BATCH,), 0, len(features))

        def loss_of(params: Any) -> jax.Array:
            return ranking_loss(
                jax.vmap(lambda h: predict(params, h))(features[index]), losses[index]
            )

        updates, moments = tx.update(jax.grad(loss_of)(params), moments, params)
        return (optax.apply_updates(params, updates), moments), None

    return jax.lax.scan(step, (params, tx.init(params)), jax.random.split(for_batches, steps))[0][0]


@compiled(static=("steps",), kept=2, precision="highest")  # predicted losses are ranked
def predicted_losses(
    queried: jax.Array, losses: jax.Array, features: jax.Array, steps: int, key: jax.Array
) -> jax.Array:
    """Predicts the losses of images with features ``float32[M, d]``: ``float32[M]``, up to scale
    and shift.

    Args:
      queried: ``float32[A, d]``, features of the images that the predictor is trained on.
      losses: ``float32[A]``, the student's losses on these.
      features: the features of the images whose loss is predicted.
      steps: the number of training steps.
      key: randomness.
    """
    params = fit(queried, losses, steps, key)
    return jax.vmap(lambda h: predict(params, h))(features)
