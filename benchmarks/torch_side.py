"""The parts that all PyTorch workers share: device, network, memory format, matrix rate."""

import time

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import torch_networks

# Compiled variants, and the same ones without compilation.
COMPILED = {"compile": "eager", "compile_channels_last": "channels_last"}
# Variants to run a network, by device; the fastest one is used.
VARIANTS = {"cpu": ("eager", "channels_last"), "cuda": ("eager", "channels_last", *COMPILED)}


class TorchSide:
    """One network of PyTorch on the accelerator, or on CPU threads if there is no accelerator.

    Products of matrices are exact to float32 unless :meth:`choose_precision` sets another
    precision.
    """

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self.choose_precision("float32")
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cudnn.benchmark = True
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network: nn.Module = nn.Identity()
        self.run: nn.Module = self.network
        self.channels_last = False

    def choose_precision(self, precision: str) -> None:
        """Sets the precision of our side, so that both sides do the same work.

        Args:
          precision: full ``float32``, ``tensorfloat32``, or ``bfloat16`` by ``torch.autocast``.
        """
        tf32 = precision == "tensorfloat32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        self.halved = precision == "bfloat16"

    def describe(self) -> dict[str, str]:
        """Returns PyTorch's version and device, for the rows."""
        name = (
            torch.cuda.get_device_name()
            if self.device == "cuda"
            else f"CPU, {torch.get_num_threads()} threads"
        )
        return {"torch": torch.__version__, "torch_device": name}

    def matrix_rate(self, size: int) -> float:
        """Returns the FLOP/s of the fastest of several float32 products of square matrices."""
        a = torch.rand(size, size, device=self.device)
        times = []
        for _ in range(6):
            began = time.perf_counter()
            torch.mm(a, a)
            self.wait()
            times.append(time.perf_counter() - began)
        return 2 * size**3 / min(times[1:])

    def build(
        self, model: str, classes: int, shape: tuple[int, ...], *, variables: torch_networks.Flax
    ) -> None:
        """Builds the network with the weights of Flax's variables."""
        self.shape = shape
        self.network = torch_networks.build(model, classes, shape, variables=variables).to(
            self.device
        )
        self.choose_variant("eager")

    def variants(self) -> tuple[str, ...]:
        """Returns the variants to run a network on this device."""
        return VARIANTS[self.device]

    def choose_variant(self, variant: str) -> None:
        """Sets how the network is run: eager or compiled, and a memory format."""
        self.channels_last = variant.endswith("channels_last")
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        self.network = self.network.to(memory_format=layout)
        self.run = self.network
        if variant in COMPILED:
            torch.compiler.reset()  # otherwise it compiles for any shape after two shapes
            self.run = torch.compile(self.network, dynamic=False)

    def to_unit(self, images: np.ndarray) -> Tensor:
        """Maps ``uint8[B, H, W, C]`` to ``float32[B, C, H, W]`` in [0, 1], on the device."""
        return (
            torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2).float().contiguous() / 255
        )

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Returns the logits in inference mode: ``uint8[B, H, W, C]`` to ``float32[B, Y]``."""
        with torch.inference_mode():
            return self.network.eval()(self.to_unit(images)).cpu().numpy()

    def wait(self) -> None:
        """Waits until the device has finished all its work."""
        if self.device == "cuda":
            torch.cuda.synchronize()
