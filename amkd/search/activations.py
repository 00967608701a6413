"""The table from which a search mixes: the stem's activations of all real images, or the images.

The stem is affine, so activations are mixed in place of images if the table of them fits into
memory. This gives the same scores up to rounding, for less work.
"""

import operator
from collections.abc import Iterator
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


def largest_bytes(network: Network, variables: Variables, shape: tuple[int, ...]) -> int:
    """Returns the size in bytes of the largest array that one evaluation computes.

    For most networks this is about :func:`stem_bytes`. The attention scores of a ViT are many times
    larger: they grow with the square of its number of patches.
    """
    run = partial(inference.predict, suited(network, "scoring"))

    def sizes(images: int) -> list[int]:
        given = jax.ShapeDtypeStruct((images, *shape), jnp.uint8)
        return list(_sizes(jax.make_jaxpr(run)(variables, given).jaxpr))

    # What does not grow with the images, such as kernels, is there once for all evaluations.
    one, two = sizes(1), sizes(2)
    return max(map(operator.sub, two, one)) if len(one) == len(two) else max(one)


def _sizes(program: Any) -> Iterator[int]:
    """Yields the bytes of each result of a program's steps, and of the steps inside them."""
    for step in program.eqns:
        yield from (one.aval.size * one.aval.dtype.itemsize for one in step.outvars)
        for value in jax.tree.leaves(list(step.params.values()), is_leaf=_is_program):
            if _is_program(value):
                yield from _sizes(getattr(value, "jaxpr", value))


def _is_program(value: Any) -> bool:
    return hasattr(value, "eqns") or hasattr(value, "jaxpr")


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
