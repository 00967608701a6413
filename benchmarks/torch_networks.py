"""The networks in idiomatic PyTorch, for ``float32[B, C, H, W]`` images in [0, 1], with the weights
of the Flax networks.

Layers have names with which :func:`load` finds their weights in Flax's variables.
"""

import itertools
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

Flax = dict[str, Any]  # variables of a Flax network: nested dicts of NumPy arrays


class LeNet5(nn.Module):
    """Images smaller than 32x32 are padded with black by the first convolution."""

    def __init__(self, widths: tuple[int, int], classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        margins = [
            ((32 - side) // 2, 32 - side - (32 - side) // 2) for side in (shape[1], shape[0])
        ]
        even = all(low == high for low, high in margins)
        self.pad = nn.Identity() if even else nn.ZeroPad2d((*margins[0], *margins[1]))
        padding = (margins[1][0], margins[0][0]) if even else 0
        self.conv1 = nn.Conv2d(shape[2], widths[0], 5, padding=padding)
        self.conv2 = nn.Conv2d(widths[0], widths[1], 5)
        self.fc1 = nn.Linear(25 * widths[1], 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(self.pad(x))), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = functional.relu(self.fc1(x.flatten(1)))
        return self.fc3(functional.relu(self.fc2(x)))


class AlexNet(nn.Module):
    """Five convolutions with LRN, pooling and BatchNorm, then two hidden layers with dropout."""

    def __init__(self, width: float, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = [round(n * width) for n in (48, 128, 192, 192, 128, 512, 256)]
        kernels, inputs = (5, 5, 3, 3, 3), [shape[2], *size]
        for layer, kernel in enumerate(kernels):
            conv = nn.Conv2d(inputs[layer], size[layer], kernel, padding=kernel // 2)
            self.add_module(f"conv{layer + 1}", conv)
        left = list(shape[:2])
        for _ in range(3):
            left = [(side - 3) // 2 + 1 for side in left]
        self.fc1 = nn.Linear(size[4] * left[0] * left[1], size[5])
        self.fc2 = nn.Linear(size[5], size[6])
        self.fc3 = nn.Linear(size[6], classes)
        self.norms = nn.ModuleList(
            [nn.BatchNorm2d(n, eps=1e-3) for n in size[:5]]
            + [nn.BatchNorm1d(n, eps=1e-3) for n in size[5:]]
        )
        # PyTorch divides alpha by the size of the window.
        self.lrn = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=1.0)
        self.pool = nn.MaxPool2d(3, 2)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norms[0](self.pool(self.lrn(functional.relu(self.conv1(x)))))
        x = self.norms[1](self.pool(self.lrn(functional.relu(self.conv2(x)))))
        x = self.norms[2](functional.relu(self.conv3(x)))
        x = self.norms[3](functional.relu(self.conv4(x)))
        x = self.norms[4](self.pool(functional.relu(self.conv5(x)))).flatten(1)
        x = self.norms[5](self.dropout(functional.relu(self.fc1(x))))
        x = self.norms[6](self.dropout(functional.relu(self.fc2(x))))
        return self.fc3(x)


class VGG16(nn.Module):
    """Thirteen 3x3 convolutions with BatchNorm, in five blocks."""

    BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        widths = [width for block in self.BLOCKS for width in block]
        inputs = [shape[2], *widths]
        self.convs = nn.ModuleList(
            nn.Conv2d(*pair, 3, padding=1) for pair in zip(inputs, widths, strict=False)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        layers = iter(zip(self.convs, self.norms, strict=True))
        for block in self.BLOCKS:
            for _ in block:
                conv, norm = next(layers)
                x = functional.relu(norm(conv(x)), inplace=True)
            x = functional.max_pool2d(x, 2)
        return self.fc(x.mean((2, 3)))


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(inputs, width, 3, stride, padding=1, bias=False)
        self.norm0 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.shortcut = inputs != width or stride != 1
        if self.shortcut:
            self.conv2 = nn.Conv2d(inputs, width, 1, stride, bias=False)
            self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm0(self.conv0(x)), inplace=True)
        y = self.norm1(self.conv1(y))
        if self.shortcut:
            x = self.norm2(self.conv2(x))
        return functional.relu(y + x, inplace=True)


class ResNet18(nn.Module):
    """Eight residual blocks."""

    def __init__(self, large: bool, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.large = large
        kernel, stride, padding = (7, 2, 3) if large else (3, 1, 1)
        self.conv1 = nn.Conv2d(shape[2], 64, kernel, stride, padding, bias=False)
        self.norm1 = nn.BatchNorm2d(64)
        widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
        self.blocks = nn.ModuleList(
            Block(before, width, 1 if before == width else 2)
            for before, width in itertools.pairwise(widths)
        )
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        if self.large:
            x = functional.max_pool2d(x, 3, 2, padding=1)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


class Tiny(nn.Module):
    """Two dense layers, to measure the cost of everything except the network."""

    def __init__(self, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.fc0 = nn.Linear(shape[0] * shape[1] * shape[2], 8)
        self.fc = nn.Linear(8, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(functional.relu(self.fc0(x.flatten(1))))


MODELS: dict[str, Callable[[int, tuple[int, ...]], nn.Module]] = {
    "lenet5": lambda classes, shape: LeNet5((6, 16), classes, shape),
    "lenet5_half": lambda classes, shape: LeNet5((3, 8), classes, shape),
    "alexnet": lambda classes, shape: AlexNet(1.0, classes, shape),
    "alexnet_half": lambda classes, shape: AlexNet(0.5, classes, shape),
    "vgg16": VGG16,
    "resnet18": lambda classes, shape: ResNet18(False, classes, shape),
    "resnet18_224": lambda classes, shape: ResNet18(True, classes, shape),
    "tiny": Tiny,
}


def build(model: str, classes: int, shape: tuple[int, ...], *, variables: Flax) -> nn.Module:
    """Returns a network by name for images ``(H, W, C)``, with the weights of the Flax network."""
    network = MODELS[model](classes, shape)
    load(network, variables)
    return network


def load(network: nn.Module, variables: Flax) -> None:
    """Puts the weights and the running statistics of a Flax network into the PyTorch network."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            kernel, bias = (_leaf(variables["params"], name, part) for part in ("kernel", "bias"))
            _fill(module.weight, _torch_layout(network, module, kernel))
            if bias is not None:
                _fill(module.bias, bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, group, part in (
                (module.weight, "params", "scale"),
                (module.bias, "params", "bias"),
                (module.running_mean, "batch_stats", "mean"),
                (module.running_var, "batch_stats", "var"),
            ):
                _fill(tensor, _leaf(variables[group], name, part))


def _leaf(group: Any, name: str, part: str) -> np.ndarray | None:
    """Finds an array of Flax by the name of PyTorch's module.

    ``blocks.0.norm1`` is ``blocks_0/BatchNorm_1`` there.
    """
    path = re.sub(r"\.(\d+)", r"_\1", name)
    path = re.sub(r"\.conv(\d)", r".Conv_\1", path)
    path = re.sub(r"\.norm(\d)", r".BatchNorm_\1", path)
    node = group
    for key in path.split("."):
        node = node[key]
    return node.get(part)


def _torch_layout(network: nn.Module, module: nn.Module, kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 4:
        return kernel.transpose(3, 2, 0, 1)
    # The first dense layer flattens [H, W, C] in Flax and [C, H, W] here.
    if module is getattr(network, "fc1", None):
        channels = (
            network.norms[4].num_features
            if isinstance(network, AlexNet)
            else network.conv2.out_channels
        )
        kernel = kernel.reshape(-1, channels, kernel.shape[1]).swapaxes(0, 1).reshape(kernel.shape)
    return kernel.T


def _fill(tensor: Tensor | None, values: np.ndarray | None) -> None:
    if tensor is None or values is None:
        raise ValueError("the two networks have different layers")
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.array(values)))
