"""Evaluations of a student per second while the pool is searched, beside a loop in eager PyTorch.

Ours is a round's real search of all pairs, timed from its first finished chunk until the time is
up: the steady rate of a search of any length. Theirs mixes blocks of pairs by broadcasting under
``inference_mode``, evaluates them and keeps the k lowest, in the way (memory format, pairs in a
block) that is the fastest on this machine; that is searched first. Weights, images, grid and k are
the same, and before anything is timed both must agree: logits to 1e-4, C2 and the confidence at its
arg-min lambda to 1e-5.

The sides run in a process each, on the same cores, and take turns: the threads of the libraries
would otherwise disturb each other, and a waiting side only waits for its pipe. The cores are those
that the command may use: prefix it with ``taskset``.

Run from the repository's root, with nothing else running: ``python -m benchmarks.search``.
"""

import argparse

import jax
import numpy as np

from amkd.data import mixing
from amkd.reporting import provenance
from amkd.search import pairs
from benchmarks import options, our_side, students, turns, worker

# Images of the larger networks, whose table of activations must fit into memory.
IMAGES = {"resnet18_224": 100}
COMPARED = 16  # images whose pairs are compared before the timing


def main() -> None:
    """Measures every model that is asked for."""
    parser = options.parser(__doc__, models="lenet5_half,alexnet_half,vgg16")
    parser.add_argument("--images", type=int, default=2000, help="N; at most 100 for resnet18_224")
    parser.add_argument("--lams", type=int, default=11, help="L, values in the grid")
    parser.add_argument(
        "--keep", type=int, default=7333, help="k; as MNIST's configuration keeps in a round"
    )
    parser.add_argument(
        "--chunk",
        type=int,
        default=0,
        help="pairs in a dispatch of ours; 0: see details in the rows",
    )
    parser.add_argument(
        "--tune", type=float, default=0.5, help="seconds to try one of PyTorch's ways"
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
    """GFLOP/s of a large float32 product of matrices on each side."""
    size = 2048 if jax.default_backend() == "cpu" else 8192
    rates = {"jax": our_side.matrix_rate(size), "torch": theirs.call("matrix_rate", size)}
    return {f"{name}_matrix_gflops": round(rate / 1e9, 1) for name, rate in rates.items()}


def measure(
    model: str, flags: argparse.Namespace, *, theirs: worker.Worker, where: dict[str, float]
) -> turns.Measurement:
    """Compares, tunes and times one model."""
    ours = students.make(model, min(flags.images, IMAGES.get(model, flags.images)))
    lams = mixing.lam_of(our_side.grid(flags.lams))
    theirs.call("setup", model, students.CLASSES, ours.images, variables=ours.variables, lams=lams)
    difference = compare(ours, flags.lams, theirs)
    whole, stem = theirs.call("flops")
    chunk = flags.chunk or chunk_for(whole * flags.lams)
    keep = min(flags.keep, pairs.count(len(ours.images)))
    ways = theirs.call("tune", flags.tune, keep)

    def our_rate(seconds: float = flags.seconds) -> float:
        done, took = our_side.scan(ours, keep, flags.lams, seconds=seconds, chunk=chunk)
        return done * flags.lams / took

    def their_rate() -> float:
        done, took = theirs.call("scan", flags.seconds, keep)
        return done * flags.lams / took

    our_rate(0.0)  # compiles
    rates = turns.alternate(our_rate, their_rate, turns=flags.turns)
    row = turns.compared("search", model, "evaluations/s", rates=rates)
    machine = max(where["jax_matrix_gflops"], where["torch_matrix_gflops"]) * 1e9
    row.details.update(
        images=len(ours.images),
        lams=flags.lams,
        keep=keep,
        chunk=chunk or "as shipped",
        c2_difference=turns.rounded(difference),
        pytorch=f"{ways[0][0]}, {ways[0][1]} pairs a block",
        pytorch_next=[
            f"{way}, {block}: {rate * flags.lams:.0f}/s" for way, block, rate in ways[1:]
        ],
        mflop_whole=whole / 1e6,
        mflop_after_stem=(whole - stem) / 1e6,
        # Ours does not evaluate the first layer again, so its work per evaluation is the smaller
        # figure.
        ours_of_matrix_rate=turns.rounded(row.ours * (whole - stem) / machine),
        theirs_of_matrix_rate=turns.rounded(row.theirs * whole / machine),
    )
    return row


def chunk_for(flops_per_pair: float) -> int:
    """Chooses the pairs in a dispatch: as shipped (0) on accelerators; fewer for large networks
    on a CPU, so that a turn takes seconds.

    The chunk never changes the result; it only sets how often the search reports.
    """
    if jax.default_backend() != "cpu":
        return 0
    fits = 5e10 / flops_per_pair
    return 0 if fits >= 4096 else 2 ** max(int(np.log2(max(fits, 1))), 0)


def compare(ours: students.Student, lams: int, theirs: worker.Worker) -> float:
    """Checks that both sides compute the same; returns the largest difference between their C2.

    Raises:
      AssertionError: they do not.
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
    # Where two lambdas tie but for rounding, either may be the arg-min.
    at_best = confidence[np.arange(len(w)), np.searchsorted(our_side.grid(lams), w)]
    np.testing.assert_allclose(at_best, lowest, atol=1e-5, rtol=0)
    return float(np.abs(choice.score - lowest).max())


if __name__ == "__main__":
    main()
