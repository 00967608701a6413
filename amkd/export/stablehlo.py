"""Serialises a network as StableHLO (``jax.export``): with its weights, and for any batch size."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from amkd.models import Network, prediction
from amkd.models.layers import Variables

_PLATFORMS = ("cpu", "cuda", "tpu")
_LOCATIONS = "jax_traceback_in_locations_limit"


def dump(network: Network, variables: Variables, shape: tuple[int, ...]) -> bytes:
    """Serialises a network, from ``uint8[B, H, W, C]`` to probabilities ``float32[B, Y]``.

    Args:
      network: a network in float32.
      variables: its variables.
      shape: the shape of one image, ``(H, W, C)``.
    """
    (batch,) = export.symbolic_shape("batch")
    images = jax.ShapeDtypeStruct((batch, *shape), jnp.uint8)
    with without_locations():
        exported = export.export(prediction.exportable(network, variables), platforms=_PLATFORMS)(
            images
        )
    return bytes(exported.serialize())


def load(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the file as a function of images."""
    exported = export.deserialize(bytearray(path.read_bytes()))
    return lambda images: np.asarray(exported.call(images))


@contextmanager
def without_locations() -> Iterator[None]:
    """Keeps the paths of this machine's source files out of the program."""
    before = getattr(jax.config, _LOCATIONS)
    jax.config.update(_LOCATIONS, 0)
    try:
        yield
    finally:
        jax.config.update(_LOCATIONS, before)
