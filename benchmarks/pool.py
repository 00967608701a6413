"""Measures the cost of a pool: memory and time of searches of 1e5 to 1e7 pairs and of samples of
3.2e9 pairs, and the cost for each pair.

There are three measurements. Each line of the first two is measured in a fresh process; the peak of
its resident memory is given:

search  A whole round's search of all pairs of N images of MNIST's size (MNIST itself if
        ``TFDS_DATA_DIR`` is set), compiled before the clock starts. It is compared with a PyTorch
        loop that keeps the score of every pair and sorts at the end; each runs once, one after the
        other. Both must find the same k lowest scores, to 1e-5. Pools of more than ``--largest``
        pairs are searched only with the network ``tiny``, which has two dense layers (784-8-10), so
        that the pool's own cost remains. PyTorch searches pools of more than ``--beside`` pairs
        only with ``tiny``.
sample  A pool of ``max_pairs`` of all pairs of 80,000 images, made and read once, compared with
        NumPy's ``Generator.choice`` if this does not need 25.6 GB.
cost    Seconds per million pairs of whole searches against N, k and L. There is no comparison.

Run it from the repository's root, with nothing else running: ``python -m benchmarks.pool``.
"""

import argparse
import dataclasses
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from amkd.configs import mnist
from amkd.data import mixing, sources
from amkd.data.dataset import draw_real
from amkd.reporting import provenance
from amkd.search import pairs
from benchmarks import options, our_side, students, turns, worker

PAIRS = (100_000, 1_000_000, 10_000_000)
SAMPLES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
OF = 80_000  # images
LAMS = 11


def main() -> None:
    """Runs the requested measurements."""
    parser = options.parser(__doc__, models="lenet5_half,tiny", turns=3)
    parser.add_argument(
        "--parts", default="search,sample,cost", help="measurements to run (default: %(default)s)"
    )
    parser.add_argument(
        "--largest",
        type=float,
        default=1e6,
        help="most pairs for other networks than tiny (default: %(default)g)",
    )
    parser.add_argument(
        "--beside", type=float, default=1e6, help="most pairs for PyTorch (default: %(default)g)"
    )
    parser.add_argument(
        "--largest-sample", type=float, default=1e8, help="most ranks (default: %(default)g)"
    )
    parser.add_argument(
        "--keep", type=int, default=7333, help="k of the searches (default: %(default)s)"
    )
    flags = parser.parse_args()
    source, real = load()
    where = {**our_side.describe(), "images": source}
    parts = {"search": searches, "sample": samples, "cost": costs}
    rows: list[turns.Measurement] = []
    for part in flags.parts.split(","):
        for row in parts[part](flags, real):
            rows.append(row)
            turns.show(row)
            turns.write(flags.json, rows, where)


def load() -> tuple[str, np.ndarray]:
    """Returns images for the largest pool, and their source: MNIST if it is prepared."""
    n = images_for(PAIRS[-1])
    if not os.environ.get("TFDS_DATA_DIR"):
        return "patterns of MNIST's size", students.patterns(n, (28, 28, 1))
    cache = Path(mnist.get_config().cache_dir).expanduser()
    return "MNIST", draw_real(sources.load("mnist", cache_dir=cache), n, 0)


def images_for(size: int) -> int:
    """Returns the smallest N with at least ``size`` pairs."""
    n = int((2 * size) ** 0.5)
    while pairs.count(n) < size:
        n += 1
    return n


def searches(flags: argparse.Namespace, real: np.ndarray) -> Iterator[turns.Measurement]:
    """Yields rows of the searches: speed, then memory."""
    for model in options.models(flags, (*students.MODELS, "tiny")):
        way = fastest_way(model, real, flags.keep)
        for size in (size for size in PAIRS if model == "tiny" or size <= flags.largest):
            beside = model == "tiny" or size <= flags.beside
            yield from one_search(
                model, real[: images_for(size)], keep=flags.keep, way=way if beside else None
            )


def one_search(
    model: str, few: np.ndarray, *, keep: int, way: tuple[str, int] | None
) -> Iterator[turns.Measurement]:
    """Measures speed and memory of one pool, compared with PyTorch if ``way`` is given for it."""
    size = pairs.count(len(few))
    details: dict[str, Any] = {"pairs": size, "images": len(few), "keep": keep, "lams": LAMS}
    ours = in_a_process("Ours", "search", model, few, k=keep, lams=LAMS)
    details["before"] = round(ours["before"])
    memory = turns.Measurement("pool memory", model, "MiB", ours["peak"], details=details)
    speed = turns.Measurement("pool", model, "pairs/s", size / ours["seconds"])
    if way:
        theirs = in_a_process(
            "PyTorch",
            "search",
            model,
            students.CLASSES,
            few,
            variables=students.make(model, len(few), few).variables,
            k=keep,
            lams=mixing.lam_of(our_side.grid(LAMS)),
            threads=provenance.cores(),
            way=way,
        )
        np.testing.assert_allclose(ours["lowest"], theirs["lowest"], atol=1e-5, rtol=0)
        details["pytorch_before"] = round(theirs["before"])
        memory = dataclasses.replace(memory, theirs=theirs["peak"], against="PyTorch")
        rates = [(size / ours["seconds"], size / theirs["seconds"])]
        speed = turns.compared("pool", model, "pairs/s", rates=rates)
        speed.details["pytorch"] = f"{way[0]}, {way[1]} pairs a block"
    speed.details.update(
        pairs=size, images=len(few), keep=keep, lams=LAMS, seconds=turns.rounded(ours["seconds"])
    )
    yield from (speed, memory)


def fastest_way(model: str, real: np.ndarray, keep: int) -> tuple[str, int]:
    """Returns PyTorch's fastest setting: how it runs the network, and the number of pairs that it
    evaluates together.
    """
    of, lams = students.make(model, images_for(PAIRS[0]), real), mixing.lam_of(our_side.grid(LAMS))
    with worker.Worker("benchmarks.torch_search:TorchSearch", provenance.cores()) as theirs:
        theirs.call("setup", model, students.CLASSES, of.images, variables=of.variables, lams=lams)
        return theirs.call("tune", 0.3, keep)[0][:2]


def in_a_process(kind: str, method: str, *args: Any, **named: Any) -> dict[str, Any]:
    """Calls a method of a class of :mod:`benchmarks.memory` in a separate process."""
    with worker.Worker(f"benchmarks.memory:{kind}") as fresh:
        return fresh.call(method, *args, **named)


def samples(flags: argparse.Namespace, real: np.ndarray) -> Iterator[turns.Measurement]:
    """Yields rows of the samples: speed, then memory."""
    del real
    for size in (size for size in SAMPLES if size <= flags.largest_sample):
        # Above a fiftieth of the population NumPy shuffles the whole population: 25.6 GB.
        kinds = ("Ours", "NumPy") if size <= pairs.count(OF) // 50 else ("Ours",)
        found = [
            [in_a_process(kind, "sample", OF, size) for kind in kinds] for _ in range(flags.turns)
        ]
        seconds = [[one["seconds"] for one in turn] for turn in found]
        took = statistics.median(turn[0] for turn in seconds)
        details = {"sampled": size, "of": pairs.count(OF), "seconds": turns.rounded(took)}
        if len(kinds) == 2:
            rates = [(size / a, size / b) for a, b in seconds]
            yield turns.compared("sample", "", "ranks/s", rates=rates, against="NumPy", **details)
        else:
            yield turns.Measurement(
                "sample", "", "ranks/s", size / took, turns=flags.turns, details=details
            )
        added = [
            max(turn[place]["peak"] - turn[place]["before"] for turn in found)
            for place in range(len(kinds))
        ]
        memory = (*added, "NumPy") if len(kinds) == 2 else added
        yield turns.Measurement(
            "sample memory",
            "",
            "MiB",
            *memory,
            turns=flags.turns,
            details={"sampled": size, "of": pairs.count(OF)},
        )


def costs(flags: argparse.Namespace, real: np.ndarray) -> Iterator[turns.Measurement]:
    """Yields rows of whole searches: against N, k and L."""
    lenet, tiny = "lenet5_half", "tiny"
    points = [(tiny, size, 1000, LAMS) for size in (10_000, 100_000, 1_000_000)]
    points += [(lenet, size, 1000, LAMS) for size in (10_000, 100_000)]
    points += [(tiny, 1_000_000, k, LAMS) for k in (1, 10_000, 100_000, 1_000_000)]
    points += [(lenet, 10_000, 1000, lams) for lams in (1, 3, 6, 21, 41)]
    for model, size, k, lams in points:
        of = students.make(model, images_for(size), real)
        our_side.compile_search(of, k, lams)
        times = []
        for _ in range(flags.turns):
            began = time.perf_counter()
            our_side.choose(of, k, lams)
            times.append(time.perf_counter() - began)
        count = pairs.count(len(of.images))
        details = {"pairs": count, "images": len(of.images), "keep": k, "lams": lams}
        cost = statistics.median(times) / count * 1e6
        yield turns.Measurement(
            "cost", model, "s per million pairs", cost, turns=flags.turns, details=details
        )


if __name__ == "__main__":
    main()
