"""Optimizers of optax under JAX's strict type promotion, which all code here keeps to."""

from typing import Any

import jax
import optax


def promoting(tx: optax.GradientTransformation) -> optax.GradientTransformation:
    """Returns the same optimizer, allowed to promote types implicitly.

    Optax's Adam does so: its bias correction raises a float to the power of an integer.
    """

    def update(*args: Any) -> Any:
        with jax.numpy_dtype_promotion("standard"):
            return tx.update(*args)

    return optax.GradientTransformation(tx.init, update)
