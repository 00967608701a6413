"""Checks this machine's accelerator and measures its speed: run this before a long run.

It compares C1, C2 and gradients with NumPy in float64, and the chosen pairs with those of a CPU. It
checks whether searches, trainings and resumed trainings have the same bits. Then it measures search
and training, compared with PyTorch on the same device if PyTorch is installed: the fastest of
eager, compiled and channels-last, at the same precision as ours. A failed check is shown in the
table, and makes the exit status 1.

It needs JAX, Flax, optax and orbax, but neither TFDS nor ml-collections. It also runs on a CPU.

Run it from the repository's root, with nothing else running:

  python -m benchmarks.accelerator --json=build/bench/accelerator.json
  python -m benchmarks.results build/bench/*.json > build/bench/RESULTS.md

``--quick`` takes seconds: one small network, few images, no PyTorch.
"""

import argparse
import importlib.util
import itertools
import os
import sys
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp

from amkd.core import devices
from amkd.reporting import provenance
from benchmarks import device_checks, memory, options, our_side, search, train, turns, worker

MODELS = "lenet5_half,alexnet_half,vgg16,resnet18"
# The precisions at which matrix products are measured: that of exact scores, this backend's default
# for float32, which training uses, and bfloat16.
RATES = {
    "jax_matrix_gflops": ("highest", jnp.float32),
    "default_matrix_gflops": ("default", jnp.float32),
    "bfloat16_matrix_gflops": ("default", jnp.bfloat16),
}


def main() -> None:
    """Checks, measures, prints a table and writes the rows."""
    flags = arguments()
    where = facts(matrix_size(flags.quick))
    print("\n".join(f"{name:<24}{value}" for name, value in where.items()), flush=True)
    rows = []
    for check in checks(flags.quick):
        rows.append(row_of(check))
        turns.show(rows[-1])
        turns.write(flags.json, rows, where)
    with_torch = not flags.quick and importlib.util.find_spec("torch") is not None
    measured = itertools.chain(
        searches(flags, where, with_torch), trainings(flags, where, with_torch)
    )
    for row in measured:
        rows.append(row)
        turns.write(flags.json, rows, where)
    failed = [row.details["what"] for row in rows if row.details.get("holds") == "no"]
    if failed:
        sys.exit(f"not as it should be: {', '.join(failed)}; see docs/accelerators.md")


def arguments() -> argparse.Namespace:
    """Reads the command line; a quick run is as small as possible."""
    parser = options.parser(__doc__, models=MODELS, turns=3)
    parser.add_argument("--images", type=int, default=2000, help="N (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=128, help="B (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="takes seconds: checks that all works")
    flags = parser.parse_args()
    # Options that only the other benchmarks have.
    flags.lams, flags.keep, flags.chunk, flags.records, flags.tune = 11, 7333, 0, 0, 0.5
    # Batches are split evenly.
    flags.batch = devices.count() * -(-flags.batch // devices.count())
    if flags.quick:
        flags.models, flags.turns, flags.seconds = "lenet5_half", 1, 0.1
        flags.images, flags.keep, flags.chunk, flags.records = 100, 100, 1024, 256
    return flags


def facts(size: int) -> dict[str, Any]:
    """Describes the devices: kind, memory, flags, and the rate of matrix products."""
    first = jax.local_devices()[0]
    stats = first.memory_stats() or {}
    found: dict[str, Any] = {
        **our_side.describe(),
        "devices": devices.count(),
        "platform_version": first.client.platform_version,
    }
    if limit := stats.get("bytes_limit"):
        found["device_memory_gib"] = round(limit / 2**30, 1)
    for name in ("XLA_FLAGS", "JAX_PLATFORMS", "XLA_PYTHON_CLIENT_MEM_FRACTION"):
        if name in os.environ:
            found[name.lower()] = os.environ[name]
    for name, (precision, dtype) in RATES.items():
        found[name] = round(our_side.matrix_rate(size, precision, dtype) / 1e9, 1)
    return found


def matrix_size(quick: bool) -> int:
    """Returns the size that matrices must have for a device's full rate."""
    return 128 if quick else 2048 if jax.default_backend() == "cpu" else 8192


def checks(quick: bool) -> Any:
    """Yields every check."""
    images, k = (20, 60) if quick else (500, 2000)
    yield device_checks.confidences()
    yield device_checks.gradients("default")
    yield device_checks.gradients("float32")
    yield from device_checks.choices(images, k)
    yield from device_checks.trainings()


def row_of(check: device_checks.Check) -> turns.Measurement:
    """Returns a check as a row of the table."""
    return turns.Measurement(
        name="check",
        model=device_checks.MODEL,
        unit="figure",
        ours=check.figure,
        details={
            "what": check.what,
            "allowed": check.allowed,
            "holds": "yes" if check.holds else "no",
        },
    )


def searches(flags: argparse.Namespace, where: dict[str, Any], with_torch: bool) -> Any:
    """Yields a row for every model: evaluations per second, at full precision."""
    with torch_worker("benchmarks.torch_search:TorchSearch", with_torch) as theirs:
        if theirs:
            where |= theirs.call("describe")
            where["torch_matrix_gflops"] = search.matrix_rates(theirs)["torch_matrix_gflops"]
        for model in options.models(flags):
            row = search.measure(model, flags, theirs=theirs, where=where)
            row.details["peak_mib"] = peak_mib()
            turns.show(row)
            yield row


def trainings(flags: argparse.Namespace, where: dict[str, Any], with_torch: bool) -> Any:
    """Yields a row for every model: images per second, with the configuration's augmentation."""
    with torch_worker("benchmarks.torch_train:TorchTrain", with_torch) as theirs:
        for model in options.models(flags):
            row = train.measure(model, flags, theirs, augmented=True)
            rate = where["default_matrix_gflops"] * 1e3  # megaflop/s
            share = row.ours * row.details["mflop_an_image"] / rate / devices.count()
            row.details["of_matrix_rate"] = turns.rounded(share)
            row.details["peak_mib"] = peak_mib()
            turns.show(row)
            yield row


def torch_worker(target: str, wanted: bool) -> Any:
    """Returns PyTorch's side in a separate process; None if it is not wanted."""
    return worker.Worker(target, provenance.cores()) if wanted else nullcontext()


def peak_mib() -> int:
    """Returns the peak memory so far: of the device with the highest peak, or of the process if
    devices do not report it.
    """
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    peaks = [one["peak_bytes_in_use"] for one in stats if "peak_bytes_in_use" in one]
    return round(max(peaks) / memory.MIB if peaks else memory.peak())


if __name__ == "__main__":
    main()
