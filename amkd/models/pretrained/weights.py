"""Published weights of a network: timm's safetensors, mapped to linen's variables and checked."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.models import inference
from amkd.models.layers import Variables
from amkd.models.pretrained import naming
from amkd.models.pretrained.base import INPUT, PretrainedNetwork

Place = Callable[[Variables], Variables]

_COUNTER = "num_batches_tracked"  # a counter of PyTorch, which is not used here
_SHOWN = 5  # keys in a message
_POSITIONS = "pos_embed"


class Facts(NamedTuple):
    """What is known about a file of weights in addition to its arrays.

    Attributes:
      architecture: timm's name of the network; empty if it is not known.
      mean: the mean of each channel, for pixels from 0 to 1; None for the usual one of the network.
      std: standard deviation of each channel; None for the usual one.
      license: the license of the weights; empty if it is not known.
    """

    architecture: str = ""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    license: str = ""


_NOTHING = Facts()


def read_facts(config: Path | None) -> Facts:
    """Returns the facts in timm's ``config.json``, which is next to its files of weights.

    Args:
      config: the file; if it is None or does not exist, nothing is known.

    Raises:
      UserError: the file is not a ``config.json`` of timm.
    """
    if config is None or not config.exists():
        return _NOTHING
    try:
        found = json.loads(config.read_text(encoding="utf-8"))
        plan = {**found, **found.get("pretrained_cfg", {})}
        mean, std = (
            tuple(map(float, plan[name])) if plan.get(name) else None for name in ("mean", "std")
        )
        return Facts(str(found.get("architecture", "")), mean, std, str(plan.get("license") or ""))
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise UserError(
            f"{config} is next to the weights, but is not a config.json of timm ({error}); move it"
            " away, and the network's usual mean and standard deviation are used"
        ) from error


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read(file: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a file of safetensors, by their keys.

    Raises:
      UserError: the file cannot be read, or a package is missing.
    """
    library = require("safetensors.numpy", extra="pretrained", field=f"reading {file}")
    try:
        found: dict[str, np.ndarray] = library.load_file(file)
    except Exception as error:  # the library has its own errors
        raise UserError(
            f"{file} cannot be read as safetensors ({type(error).__name__}: {error}); give a file"
            " *.safetensors of timm, such as model.safetensors from a model's page"
        ) from error
    return found


def to_variables(
    arrays: Mapping[str, np.ndarray],
    network: PretrainedNetwork,
    shape: tuple[int, ...],
    *,
    source: str,
    facts: Facts = _NOTHING,
) -> Variables:
    """Returns the variables of a network from timm's arrays, without those of its last layer.

    Args:
      arrays: the arrays by timm's keys. They may include those of the last layer, which are not
        used.
      network: the network.
      shape: ``(H, W, C)`` of its images.
      source: where the arrays come from, for messages.
      facts: what else is known.

    Raises:
      UserError: keys are missing or unknown, or an array has another shape or bad values.
    """
    if facts.architecture and facts.architecture != network.timm:
        raise UserError(
            f"{source} contains weights of {facts.architecture}, but the student has the structure"
            f" of {network.timm}; give weights of timm's {network.timm}"
        )
    template = jax.eval_shape(lambda: inference.init(network, tuple(shape), jax.random.key(0)))
    wanted = {
        naming.timm_key(path, network.renamed): (path, leaf)
        for path, leaf in naming.walk(template)
        if path[0] != INPUT and path[1] != network.last
    }
    _check_keys(arrays, wanted, network, source)
    found: dict[str, Any] = {}
    for key, (path, leaf) in wanted.items():
        value = arrays[key]
        if key == _POSITIONS:
            value = _resized(value, shape, getattr(network, "patch", 1), source)
        _put(found, path, _converted(value, leaf.shape, f"{source}, key {key!r}"))
    found[INPUT] = {
        "normalise": {
            "mean": np.asarray(facts.mean or network.mean, np.float32),
            "std": np.asarray(facts.std or network.std, np.float32),
        }
    }
    return found


def placed(backbone: Variables, fresh: Variables) -> Variables:
    """Returns fresh variables in which those of a backbone are replaced; the last layer stays."""
    if not isinstance(fresh, Mapping):
        return backbone
    return {
        name: placed(backbone[name], value) if name in backbone else value
        for name, value in fresh.items()
    }


def _check_keys(
    arrays: Mapping[str, np.ndarray],
    wanted: Mapping[str, Any],
    network: PretrainedNetwork,
    source: str,
) -> None:
    head = network.renamed.get(network.last, network.last)
    missing = [key for key in wanted if key not in arrays]
    unknown = [
        key
        for key in arrays
        if key not in wanted and not key.startswith(f"{head}.") and not key.endswith(_COUNTER)
    ]
    if not missing and not unknown:
        return
    parts = [
        f"{what} {len(keys)} keys, such as {', '.join(map(repr, keys[:_SHOWN]))}"
        for what, keys in (("lacks", missing), ("has unknown", unknown))
        if keys
    ]
    raise UserError(
        f"{source} is not a file of timm's {network.timm}: it {', and '.join(parts)}; give a"
        f" safetensors file of timm's {network.timm}, or another --config.student"
    )


def _converted(value: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    """Returns a PyTorch array in linen's layout and float32; 1x1 convolutions become dense
    layers.
    """
    if value.dtype not in (np.float32, np.float16, np.float64):
        raise UserError(
            f"{where}: has data type {value.dtype}, but must have float32 or float16; save the"
            " weights as float32"
        )
    theirs = value.shape
    if value.ndim == 4 and len(shape) == 4:
        value = value.transpose(2, 3, 1, 0)
    elif value.ndim == 4 and len(shape) == 2 and value.shape[2:] == (1, 1):
        value = value[:, :, 0, 0].T
    elif value.ndim == 2:
        value = value.T
    if value.shape != shape:
        raise UserError(
            f"{where}: has shape {theirs}, which does not fit linen's {shape}; these are weights"
            " of another network"
        )
    value = np.ascontiguousarray(value, np.float32)
    if not np.isfinite(value).all():
        raise UserError(f"{where}: has values that are not finite; download the file again")
    return value


def _resized(value: np.ndarray, shape: tuple[int, ...], patch: int, source: str) -> np.ndarray:
    """Returns a position for each patch of images of this size. The file has a square of positions;
    they are interpolated as in timm (bicubic, antialiased).
    """
    side = round((value.shape[1] - 1) ** 0.5) if value.ndim == 3 else 0
    if not side or side * side != value.shape[1] - 1:
        raise UserError(
            f"{source}, key {_POSITIONS!r}: has shape {value.shape}, but must have [1, 1 + side *"
            " side, width]: one position for the class token, then a square of patches"
        )
    rows, columns = shape[0] // patch, shape[1] // patch
    if (rows, columns) == (side, side):
        return value
    square = jnp.asarray(value[:, 1:], jnp.float32).reshape(1, side, side, -1)
    resized = jax.image.resize(square, (1, rows, columns, square.shape[-1]), "cubic")
    flat = np.asarray(resized).reshape(1, rows * columns, -1)
    return np.concatenate([value[:, :1].astype(np.float32), flat], 1)


def _put(tree: dict[str, Any], path: naming.Path, value: np.ndarray) -> None:
    *parents, leaf = path
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[leaf] = value
