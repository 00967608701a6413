"""The table from which a search mixes: the stem's activations of all real images, or the images.

The stem is affine, so activations are mixed in place of images if the table of them fits into
memory. This gives the same scores up to rounding, for less work.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core.compilation import compiled
from amkd.core.devices import on_every_device
from amkd.models import Network, inference
from amkd.models.inference import MixInput
from amkd.models.layers import Variables, suited


class Table(NamedTuple):
    """The arrays that a search mixes.

    Attributes:
      rows: arrays ``[N, ...]``, on every local device.
      activations: whether these are activations; otherwise they are images.
    """

    rows: MixInput
    activations: bool


def stem_bytes(network: Network, variables: Variables, shape: tuple[int, ...]) -> int:
    """Returns the size in bytes of one image's activations after the stem."""
    image = jax.ShapeDtypeStruct((1, *shape), jnp.uint8)
    one = jax.eval_shape(partial(inference.stem, network), variables, image)
    return one.size * one.dtype.itemsize


def make_table(
    network: Network, variables: Variables, images: np.ndarray, *, with_logits: bool, most: int
) -> Table:
    """Returns the table of ``uint8[N, H, W, C]`` images.

    Args:
      network: the student.
      variables: its variables.
      images: the real images.
      with_logits: whether the table includes the logits of the images.
      most: bytes that the activations may take; if they need more, the table holds images.
    """
    activations = stem_bytes(network, variables, images.shape[1:]) * len(images) <= most
    run = partial(_mix_inputs, network, activations, with_logits)
    return Table(on_every_device(run, variables, images), activations)


@compiled(static=("network", "activations", "with_logits"), precision="highest")
def _mix_inputs(
    network: Network, activations: bool, with_logits: bool, variables: Any, images: Any
) -> MixInput:
    own = suited(network, "scoring")
    return inference.mix_inputs(own, variables, images, activations, with_logits)
