"""Evaluations of a student per second in a search of the pool, compared with a loop in eager
PyTorch.

Ours is a round's real search of all pairs, timed from its first finished chunk until the time is
over: the steady rate of a search of any length. Theirs mixes blocks of pairs by broadcasting under
``inference_mode``, evaluates them and keeps the k lowest, with the setting (memory format, pairs in
a block) that is fastest on this machine; this setting is determined first. Weights, images, grid
and k are the same, and before the measurement both must agree: logits to 1e-4, C2 and the
confidence at its arg-min lambda to 1e-5.

Each side runs in its own process, on the same cores, and they take turns: otherwise the threads of
the libraries would disturb each other. A waiting side only waits for its pipe. The cores are those
that the command may use: prefix it with ``taskset``.

Run it from the repository's root, with nothing else running: ``python -m benchmarks.search``.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from amkd.core import devices
from amkd.data import mixing
from amkd.reporting import provenance
from amkd.search import pairs
from benchmarks import operations, options, our_side, students, turns, worker

# Number of images for the larger networks, whose table of activations must fit into memory.
IMAGES = {"resnet18_224": 100}
COMPARED = 16  # images whose pairs are compared before the timing


def main() -> None:
    """Measures every requested model."""
    parser = options.parser(__doc__, models="lenet5_half,alexnet_half,vgg16")
    parser.add_argument("--images", type=int, default=2000, help="N; at most 100 for resnet18_224")
    parser.add_argument("--lams", type=int, default=11, help="L, values in the grid")
    parser.add_argument(
        "--keep", type=int, default=7333, help="k; as in a round of MNIST's configuration"
    )
    parser.add_argument(
        "--chunk",
        type=int,
        default=0,
        help="pairs in one of our dispatches; 0: see the details of the rows",
    )
    parser.add_argument(
        "--tune", type=float, default=0.5, help="seconds to try one setting of PyTorch"
    )
    flags = parser.parse_args()
    rows = []
    with worker.Worker("benchmarks.torch_search:TorchSearch", provenance.cores()) as theirs:
        where = {**our_side.describe(), **theirs.call("describe"), **matrix_rates(theirs)}
        for model in options.models(flags):
            rows.append(measure(model, flags, theirs=theirs, where=where))
            turns.show(rows[-1])
            turns.write(flags.json, rows, where)


def matrix_rates(theirs: worker.Worker) -> dict[str, float]:
    """Returns the GFLOP/s of a large float32 product of matrices on each side."""
    size = 2048 if jax.default_backend() == "cpu" else 8192
    rates = {"jax": our_side.matrix_rate(size), "torch": theirs.call("matrix_rate", size)}
    return {f"{name}_matrix_gflops": round(rate / 1e9, 1) for name, rate in rates.items()}


def measure(
    model: str,
    flags: argparse.Namespace,
    *,
    theirs: worker.Worker | None,
    where: Mapping[str, Any],
) -> turns.Measurement:
    """Compares, tunes and times one model; only our side if there is no PyTorch."""
    ours = students.make(model, min(flags.images, IMAGES.get(model, flags.images)))
    whole, stem = operations.of_student(ours)
    chunk = flags.chunk or chunk_for(whole * flags.lams)
    keep = min(flags.keep, pairs.count(len(ours.images)))
    sides = [
        where[f"{side}_matrix_gflops"]
        for side in ("jax", "torch")
        if f"{side}_matrix_gflops" in where
    ]
    rate = max(sides) * 1e9  # of one device; PyTorch uses one
    machine = rate * devices.count()
    details: dict[str, Any] = {
        "images": len(ours.images),
        "lams": flags.lams,
        "keep": keep,
        "chunk": chunk or "as shipped",
        "mflop_whole": whole / 1e6,
        "mflop_after_stem": (whole - stem) / 1e6,
    }

    def our_rate(seconds: float = flags.seconds) -> float:
        done, took = our_side.scan(ours, keep, flags.lams, seconds=seconds, chunk=chunk)
        return done * flags.lams / took

    our_rate(0.0)  # compiles
    if theirs is None:
        row = turns.alone("search", model, "evaluations/s", our_rate, turns=flags.turns, **details)
    else:
        row = beside(ours, flags, theirs=theirs, our_rate=our_rate, keep=keep)
        row.details.update(details)
        row.details["theirs_of_matrix_rate"] = turns.rounded(row.theirs * whole / rate)
    # Our side does not evaluate the first layer again, so the smaller figure is its work for each
    # evaluation.
    row.details["ours_of_matrix_rate"] = turns.rounded(row.ours * (whole - stem) / machine)
    return row


def beside(
    ours: students.Student,
    flags: argparse.Namespace,
    *,
    theirs: worker.Worker,
    our_rate: turns.Rate,
    keep: int,
) -> turns.Measurement:
    """Compares, tunes and times both sides."""
    lams = mixing.lam_of(our_side.grid(flags.lams))
    theirs.call(
        "setup", ours.model, students.CLASSES, ours.images, variables=ours.variables, lams=lams
    )
    difference = compare(ours, flags.lams, theirs)
    ways = theirs.call("tune", flags.tune, keep)

    def their_rate() -> float:
        done, took = theirs.call("scan", flags.seconds, keep)
        return done * flags.lams / took

    return turns.compared(
        "search",
        ours.model,
        "evaluations/s",
        rates=turns.alternate(our_rate, their_rate, turns=flags.turns),
        c2_difference=turns.rounded(difference),
        pytorch=f"{ways[0][0]}, {ways[0][1]} pairs a block",
        pytorch_next=[
            f"{way}, {block}: {rate * flags.lams:.0f}/s" for way, block, rate in ways[1:]
        ],
    )


def chunk_for(flops_per_pair: float) -> int:
    """Chooses the number of pairs in a dispatch: the shipped one (0) on accelerators; fewer for
    large networks on a CPU, so that a turn takes seconds.

    The chunk never changes the result; it only sets how often the search reports.
    """
    if jax.default_backend() != "cpu":
        return 0
    fits = 5e10 / flops_per_pair
    return 0 if fits >= 4096 else 2 ** max(int(np.log2(max(fits, 1))), 0)


def compare(ours: students.Student, lams: int, theirs: worker.Worker) -> float:
    """Checks that both sides compute the same; returns the largest difference between their C2.

    Raises:
      AssertionError: they compute different numbers.
    """
    few = ours.few(COMPARED if ours.images.shape[1] <= 32 else 4)
    np.testing.assert_allclose(
        theirs.call("logits", few.images), students.logits(few, few.images), atol=1e-4, rtol=1e-4
    )
    choice = our_side.choose(few, pairs.count(len(few.images)), lams)
    i, j, w = choice.records.i, choice.records.j, choice.records.w
    confidence = theirs.call("scores", i.astype(np.int64), j.astype(np.int64))
    lowest = confidence.min(1)
    np.testing.assert_allclose(choice.score, lowest, atol=1e-5, rtol=0)
    # If two lambdas are equal up to rounding, either may be the arg-min.
    at_best = confidence[np.arange(len(w)), np.searchsorted(our_side.grid(lams), w)]
    np.testing.assert_allclose(at_best, lowest, atol=1e-5, rtol=0)
    return float(np.abs(choice.score - lowest).max())


if __name__ == "__main__":
    main()
