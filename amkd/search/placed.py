"""A student and its table for mixing, placed on every device once for all searches of a round."""

from typing import NamedTuple

import numpy as np

from amkd.core import devices
from amkd.core.compilation import compiled
from amkd.models import Network, inference
from amkd.models.layers import Variables, suited
from amkd.search.activations import Table, largest_bytes, make_table, stem_bytes


class Placed(NamedTuple):
    """The arrays on every device that searches with one student use.

    Attributes:
      network: the student.
      variables: its variables, and the arrays that its convolutions prepared.
      table: the arrays that are mixed.
      stem_bytes: the bytes of one image's activations after the stem.
      largest_bytes: the bytes of the largest array of one evaluation; 0 on a CPU.
      precision: the precision of matrix products; None for "highest".
    """

    network: Network
    variables: Variables
    table: Table
    stem_bytes: int
    largest_bytes: int
    precision: str | None = None


def place(
    network: Network,
    variables: Variables,
    images: np.ndarray,
    *,
    with_logits: bool,
    table_bytes: int,
    precision: str | None = None,
) -> Placed:
    """Places a student and ``uint8[N, H, W, C]`` images on every device.

    Args:
      network: the student; scoring uses its dtype.
      variables: its variables.
      images: the real images.
      with_logits: whether the table includes their logits.
      table_bytes: the largest size of a table of activations on each device; if it would be larger,
        images are mixed.
      precision: as in ``jax.default_matmul_precision``; None for "highest".
    """
    shape = images.shape[1:]
    variables = devices.place(variables)
    table = make_table(network, variables, images, with_logits=with_logits, most=table_bytes)
    largest = largest_bytes(network, variables, shape) if devices.accelerated() else 0
    sizes = stem_bytes(network, variables, shape), largest
    prepared = devices.replicate(_prepare(network, shape, variables))
    return Placed(network, prepared, table, *sizes, precision)


@compiled(static=("network", "shape"))
def _prepare(network: Network, shape: tuple[int, ...], variables: Variables) -> Variables:
    return inference.prepared(suited(network, "scoring"), variables, shape)
