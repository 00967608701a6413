"""Operations of a network: two for each multiplication of its convolutions and matrix products."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import jaxprs_in_params

from amkd import models
from amkd.models import inference
from benchmarks.students import Student


def of_student(of: Student) -> tuple[int, int]:
    """Counts the operations of one evaluation, and those of the first layer alone."""
    return of_network(of.network, of.images.shape[1:])


@functools.cache
def of_network(network: models.Network, shape: tuple[int, ...]) -> tuple[int, int]:
    """Counts the same operations for a network and images of ``shape`` (H, W, C)."""
    variables = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    image = jax.ShapeDtypeStruct((1, *shape), jnp.uint8)
    counted = [
        _operations(
            jax.make_jaxpr(functools.partial(network.apply, method=method))(variables, image)
        )
        for method in (None, "stem")
    ]
    return counted[0], counted[1]


def _operations(program: Any) -> int:
    """Counts two operations for each multiplication of convolutions and matrix products."""
    total = 0
    for equation in program.eqns:
        sizes = [variable.aval.size for variable in equation.outvars]
        if equation.primitive.name == "conv_general_dilated":
            kernel, places = equation.invars[1].aval, equation.params["dimension_numbers"].rhs_spec
            total += 2 * sizes[0] * kernel.size // kernel.shape[places[0]]
        elif equation.primitive.name == "dot_general":
            (summed, _), _ = equation.params["dimension_numbers"]
            shape = equation.invars[0].aval.shape
            total += 2 * sizes[0] * math.prod(shape[axis] for axis in summed)
        for inner in jaxprs_in_params(equation.params):
            total += _operations(inner)
    return total
