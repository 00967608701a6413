"""Size on disk and CPU latency of an exported student, compared with the same student in Flax.

The three sides take turns, call by call, in one process with fresh weights: Flax's prediction under
``jit``, the StableHLO file called under ``jit``, and the ONNX file in onnxruntime. Each call starts
and ends with NumPy arrays. It prints the median latency, and the median over the turns of its ratio
to Flax's latency.

Run it from the repository's root, with nothing else running: ``python -m benchmarks.exported``.
"""

import os

os.environ["JAX_PLATFORMS"] = "cpu"

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import onnxruntime

from amkd import export, models
from amkd.models import prediction
from amkd.models.saved_network import load_network, save_network

Run = Callable[[np.ndarray], np.ndarray]

STUDENTS = (("lenet5_half", (28, 28, 1)), ("alexnet_half", (32, 32, 3)))


def main() -> None:
    """Measures every student at every batch size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=300, help="calls of each side")
    turns = parser.parse_args().turns
    print(
        f"{'student':<14}{'':<11}{'bytes':>10}"
        + "".join(f"{f'batch {batch}':>12}{'ratio':>7}" for batch in (1, 64))
    )
    for model, shape in STUDENTS:
        with tempfile.TemporaryDirectory() as folder:
            sides, sizes = prepare(model, shape, Path(folder))
            found = [
                latencies(list(sides.values()), shape, batch=batch, turns=turns)
                for batch in (1, 64)
            ]
        for place, name in enumerate(sides):
            cells = (
                f"{times[place] * 1e3:>9.3f} ms{ratios[place]:>7.2f}" for times, ratios in found
            )
            print(f"{model:<14}{name:<11}{sizes[name]:>10,}{''.join(cells)}", flush=True)


def prepare(
    model: str, shape: tuple[int, ...], folder: Path
) -> tuple[dict[str, Run], dict[str, int]]:
    """Returns the three sides by name, and their sizes on disk in bytes."""
    network = models.build(model, 10, shape)
    variables = jax.device_get(prediction.init(network, shape, jax.random.key(0)))
    card = {"role": "student", "model": model, "classes": 10, "shape": list(shape)}
    save_network(folder / "flax", variables, card)
    export.write(load_network(folder / "flax"), folder / "out", images_of(shape, 17))
    program = jax.export.deserialize(bytearray((folder / "out" / "student.stablehlo").read_bytes()))
    session = onnxruntime.InferenceSession(
        folder / "out" / "student.onnx", providers=["CPUExecutionProvider"]
    )
    flax, stablehlo = prediction.exportable(network, variables), jax.jit(program.call)
    sides: dict[str, Run] = {
        "flax": lambda images: np.asarray(flax(images)),
        "stablehlo": lambda images: np.asarray(stablehlo(images)),
        "onnx": lambda images: session.run(None, {"images": images})[0],
    }
    sizes = {name: (folder / "out" / f"student.{name}").stat().st_size for name in export.FORMATS}
    return sides, {
        "flax": sum(path.stat().st_size for path in (folder / "flax").rglob("*")),
        **sizes,
    }


def images_of(shape: tuple[int, ...], count: int) -> np.ndarray:
    """Makes noise: ``uint8[count, H, W, C]``."""
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def latencies(
    sides: list[Run], shape: tuple[int, ...], *, batch: int, turns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the median seconds of a call of each side, and the median of the ratio to the first
    side.
    """
    images = images_of(shape, batch)
    for run in sides:
        np.testing.assert_allclose(run(images), sides[0](images), atol=1e-4)  # compiled here
    orders = itertools.cycle(itertools.permutations(range(len(sides))))
    found = np.empty((turns, len(sides)))
    for times, order in zip(found, orders, strict=False):
        for place in order:
            began = time.perf_counter()
            sides[place](images)
            times[place] = time.perf_counter() - began
    return np.median(found, 0), np.median(found / found[:, :1], 0)


if __name__ == "__main__":
    main()
