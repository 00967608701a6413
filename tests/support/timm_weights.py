"""Random weights under timm's keys, the same for PyTorch and for linen."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np

from amkd.models import inference
from amkd.models.pretrained import naming
from amkd.models.pretrained.base import INPUT

CLASSES = 7


def arrays(shapes):
    """Returns an array for each key, of numbers that follow from the key alone.

    BatchNorm's statistics, factors and offsets are not those of a fresh network, and each of
    them differs.

    Args:
      shapes: PyTorch's shapes by timm's keys.
    """
    found = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            continue
        rng = np.random.default_rng(zlib.crc32(key.encode()))
        value = rng.standard_normal(shape)
        if key.endswith("running_var"):
            value = 0.5 + rng.random(shape)
        elif len(shape) < 2:
            value = 1 + 0.1 * value if key.endswith(("weight", "gamma")) else 0.1 * value
        else:
            value *= (2 / np.prod(shape[1:])) ** 0.5
        found[key] = value.astype(np.float32)
    return found


def shapes_of(network, shape):
    """Returns PyTorch's shapes by timm's keys, the last layer's included."""
    template = jax.eval_shape(lambda: inference.init(network, shape, jax.random.key(0)))
    found = {}
    for path, leaf in naming.walk(template):
        if path[0] == INPUT:
            continue
        key, own = naming.timm_key(path, network.renamed), leaf.shape
        if path[-1] == "kernel":
            own = (own[3], own[2], *own[:2]) if len(own) == 4 else own[::-1]
        found[key] = own
    return found


def with_head(variables, network, values):
    """Returns variables with timm's last layer in place of a fresh one."""
    head = network.renamed.get(network.last, network.last)
    last = {"kernel": jnp.array(values[f"{head}.weight"].T), "bias": values[f"{head}.bias"]}
    return {**variables, "params": {**variables["params"], network.last: last}}


def images(side):
    """Returns two images of coloured squares and noise, ``uint8[2, side, side, 3]``."""
    rng = np.random.default_rng(0)
    squares = np.kron(rng.integers(0, 200, (2, 4, 4, 3)), np.ones((1, side // 4, side // 4, 1)))
    return (squares + rng.integers(0, 56, squares.shape)).astype(np.uint8)


def side_of(name):
    """Returns the height and width at which a network is compared with timm's."""
    return 56 if "patch14" in name else 64
