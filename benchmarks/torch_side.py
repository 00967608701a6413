"""The other side: the same networks in PyTorch, and the loops that a user of PyTorch would write around them.

Nothing here knows JAX. Networks are idiomatic modules in ``[B, C, H, W]``; images are kept as floats in [0, 1] on the
device, so that no loop divides by 255. Layers are named so that :func:`load` finds their weights in Flax's variables.
"""

import re
import time
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
        margins = [((32 - side) // 2, 32 - side - (32 - side) // 2) for side in (shape[1], shape[0])]
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
    def __init__(self, width: float, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = [round(n * width) for n in (48, 128, 192, 192, 128, 512, 256)]
        kernels, inputs = (5, 5, 3, 3, 3), [shape[2], *size]
        for layer, kernel in enumerate(kernels):
            conv = nn.Conv2d(inputs[layer], size[layer], kernel, padding=kernel // 2)
            self.add_module(f"conv{layer + 1}", conv)
        left = [side for side in shape[:2]]
        for _ in range(3):
            left = [(side - 3) // 2 + 1 for side in left]
        self.fc1 = nn.Linear(size[4] * left[0] * left[1], size[5])
        self.fc2 = nn.Linear(size[5], size[6])
        self.fc3 = nn.Linear(size[6], classes)
        self.norms = nn.ModuleList(
            [nn.BatchNorm2d(n, eps=1e-3) for n in size[:5]] + [nn.BatchNorm1d(n, eps=1e-3) for n in size[5:]]
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
    BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        widths = [width for block in self.BLOCKS for width in block]
        inputs = [shape[2], *widths]
        self.convs = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in zip(inputs, widths, strict=False))
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
    def __init__(self, large: bool, classes: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.large = large
        kernel, stride, padding = (7, 2, 3) if large else (3, 1, 1)
        self.conv1 = nn.Conv2d(shape[2], 64, kernel, stride, padding, bias=False)
        self.norm1 = nn.BatchNorm2d(64)
        widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
        self.blocks = nn.ModuleList(
            Block(before, width, 1 if before == width else 2)
            for before, width in zip(widths, widths[1:], strict=False)
        )
        self.fc = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        if self.large:
            x = functional.max_pool2d(x, 3, 2, padding=1)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


MODELS: dict[str, Callable[[int, tuple[int, ...]], nn.Module]] = {
    "lenet5": lambda classes, shape: LeNet5((6, 16), classes, shape),
    "lenet5_half": lambda classes, shape: LeNet5((3, 8), classes, shape),
    "alexnet": lambda classes, shape: AlexNet(1.0, classes, shape),
    "alexnet_half": lambda classes, shape: AlexNet(0.5, classes, shape),
    "vgg16": VGG16,
    "resnet18": lambda classes, shape: ResNet18(False, classes, shape),
    "resnet18_224": lambda classes, shape: ResNet18(True, classes, shape),
}


def load(network: nn.Module, variables: Flax) -> None:
    """Puts the weights and the running statistics of a Flax network into its twin."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            kernel, bias = (_leaf(variables, "params", name, part) for part in ("kernel", "bias"))
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
                _fill(tensor, _leaf(variables, group, name, part))


def _leaf(variables: Flax, group: str, name: str, part: str) -> np.ndarray | None:
    """An array of Flax's by the name of PyTorch's module: ``blocks.0.norm1`` is ``blocks_0/BatchNorm_1`` there."""
    path = re.sub(r"\.(\d+)", r"_\1", name)
    path = re.sub(r"\.conv(\d)", r".Conv_\1", path)
    path = re.sub(r"\.norm(\d)", r".BatchNorm_\1", path)
    node = variables[group]
    for key in path.split("."):
        node = node[key]
    return node.get(part)


def _torch_layout(network: nn.Module, module: nn.Module, kernel: np.ndarray) -> np.ndarray:
    if kernel.ndim == 4:
        return kernel.transpose(3, 2, 0, 1)
    if module is getattr(network, "fc1", None):  # what it flattens is [H, W, C] there and [C, H, W] here
        channels = network.norms[4].num_features if isinstance(network, AlexNet) else network.conv2.out_channels
        kernel = kernel.reshape(-1, channels, kernel.shape[1]).swapaxes(0, 1).reshape(kernel.shape)
    return kernel.T


def _fill(tensor: Tensor | None, values: np.ndarray | None) -> None:
    if tensor is None or values is None:
        raise ValueError("the two networks have different layers")
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(np.array(values)))


def flops(network: nn.Module, shape: tuple[int, ...]) -> tuple[int, int]:
    """Operations of one evaluation in convolutions and dense layers, and those of the first layer among them."""
    found: list[int] = []

    def count(module: Any, _: Any, output: Tensor) -> None:
        found.append(2 * output[0].numel() * module.weight[0].numel())

    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        network(torch.zeros(1, shape[2], *shape[:2], device=next(network.parameters()).device))
    for hook in hooks:
        hook.remove()
    return sum(found), found[0]


VARIANTS = {"cpu": ("eager", "channels_last"), "cuda": ("eager", "channels_last", "compile", "compile_channels_last")}


class Side:
    """One network with images, and what is timed: lives in a worker process.

    Args of the constructor:
      threads: of PyTorch on CPU.
    """

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
        self.device = "cuda" if torch.cuda.is_available() else "cpu"

    def versions(self) -> dict[str, str]:
        """PyTorch's version, and the device that it runs on."""
        name = torch.cuda.get_device_name() if self.device == "cuda" else "CPU"
        return {"torch": torch.__version__, "torch device": name}

    def matrix_rate(self, size: int) -> float:
        """FLOP/s of the fastest of several float32 products of square matrices."""
        a = torch.rand(size, size, device=self.device)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            torch.mm(a, a)
            self._wait()
            times.append(time.perf_counter() - began)
        return 2 * size**3 / min(times)

    def setup(self, model: str, classes: int, images: np.ndarray, variables: Flax, lams: np.ndarray) -> None:
        """Takes over a network, ``uint8[N, H, W, C]`` images and a grid ``float32[L]``."""
        self.shape = images.shape[1:]
        self.network = MODELS[model](classes, self.shape)
        load(self.network, variables)
        self.network = self.network.to(self.device).eval()
        self.images = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float() / 255
        self.lams = torch.from_numpy(lams).to(self.device)
        self.pairs = torch.triu_indices(len(images), len(images), 1, device=self.device)
        self.choose("eager", 64)

    def flops(self) -> tuple[int, int]:
        """As :func:`flops`."""
        return flops(self.network, self.shape)

    def logits(self, images: np.ndarray) -> np.ndarray:
        """``uint8[B, H, W, C]`` to ``float32[B, Y]``."""
        x = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            return self.network(x).cpu().numpy()

    def choose(self, variant: str, block: int) -> None:
        """Takes a way to run the network, and the number of pairs that are scored together."""
        last = variant.endswith("channels_last")
        self.network = self.network.to(memory_format=torch.channels_last if last else torch.contiguous_format)
        # Pixels of an image in the order in which the network wants them: mixing needs no transposition.
        self.order = (0, 2, 3, 1) if last else (0, 1, 2, 3)
        self.flat = self.images.permute(self.order).reshape(len(self.images), -1).contiguous()
        self.run = torch.compile(self.network) if variant.startswith("compile") else self.network
        self.block = block

    def confidence(self, i: Tensor, j: Tensor) -> Tensor:
        """C1 of every mix of the pairs: ``[P, L]``."""
        mixed = torch.lerp(self.flat[j][:, None], self.flat[i][:, None], self.lams[None, :, None])
        sizes = [(mixed.shape[0] * mixed.shape[1], *self.images.shape[1:])[axis] for axis in self.order]
        back = (0, 3, 1, 2) if self.order[1] == 2 else (0, 1, 2, 3)
        logits = self.run(mixed.reshape(sizes).permute(back))
        return logits.softmax(1).amax(1).reshape(len(i), -1)

    def scores(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """C1 of every mix of the pairs, ``float32[P, L]``, a block at a time."""
        sides = torch.from_numpy(i).to(self.device), torch.from_numpy(j).to(self.device)
        with torch.inference_mode():
            parts = [self.confidence(*part) for part in zip(*(s.split(self.block) for s in sides), strict=True)]
        return torch.cat(parts).cpu().numpy()

    def scan(self, seconds: float, k: int, least: int = 1) -> tuple[int, float]:
        """Scores the pool for about so long and keeps the k lowest; pairs scored, and seconds that they took."""
        start, began, done = 0, 0.0, -1
        with torch.inference_mode():
            best = torch.full((k,), float("inf"), device=self.device)
            best_i = best_j = torch.zeros(k, dtype=torch.int64, device=self.device)
            while done < least or time.perf_counter() - began < seconds:
                i, j = self.pairs[:, start : start + self.block]
                score = self.confidence(i, j).amin(1)
                best, place = torch.cat([best, score]).topk(k, largest=False)
                best_i, best_j = torch.cat([best_i, i])[place], torch.cat([best_j, j])[place]
                start = start + self.block
                if start + self.block > self.pairs.shape[1]:
                    start = 0
                done += 1
                if done == 0:  # the first block is not timed: it may be compiled, and caches are cold
                    self._wait()
                    began = time.perf_counter()
            self._wait()
        return done * self.block, time.perf_counter() - began

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()
