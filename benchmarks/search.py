"""Evaluations of a student per second while the pool is searched, beside an eager PyTorch loop.

Run from the repository's root, with nothing else running: ``python -m benchmarks.search``.
"""

import argparse
import os

import numpy as np

from amkd import mixing, models, pairs
from benchmarks import our_side, turns, worker

BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="lenet5_half")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--lams", type=int, default=11)
    parser.add_argument("--keep", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    flags = parser.parse_args()
    with worker.Worker("benchmarks.torch_side:Side", flags.threads) as theirs:
        print(f"matmul GFLOP/s: jax {our_side.matrix_rate(2048) / 1e9:.0f}, torch {theirs.call('matrix_rate', 2048) / 1e9:.0f}")
        for model in flags.models.split(","):
            one(model, flags, theirs)


def one(model, flags, theirs):
    ours = our_side.setup(model, flags.images)
    grid = mixing.lam_of(our_side.grid(flags.lams))
    few = our_side.Setup(model, ours.images[:24], ours.variables)
    theirs.call("setup", model, 10, ours.images, ours.variables, grid)
    choice = our_side.choose(few, pairs.count(24), flags.lams, lambda _: None)
    scores = theirs.call("scores", choice.records.i.astype(np.int64), choice.records.j.astype(np.int64))
    print(model, "largest difference of C2:", np.abs(scores.min(1) - choice.score).max(), flush=True)
    variant, block, table = best(theirs, flags)
    theirs.call("choose", variant, block)

    def our_rate():
        done, seconds = our_side.scan(ours, flags.keep, flags.lams, flags.seconds)
        return done * flags.lams / seconds

    def their_rate():
        done, seconds = theirs.call("scan", flags.seconds, flags.keep)
        return done * flags.lams / seconds

    our_rate()
    rates = turns.alternate(our_rate, their_rate, flags.turns)
    row = turns.compared("search", model, "evaluations/s", rates, variant=variant, block=block)
    print(row, flush=True)


def best(theirs, flags):
    found = {}
    for variant in ("eager", "channels_last"):
        for block in BLOCKS:
            theirs.call("choose", variant, block)
            done, seconds = theirs.call("scan", 0.7, flags.keep)
            found[variant, block] = done * flags.lams / seconds
    top = max(found, key=found.get)
    print("PyTorch's best:", top, round(found[top]))
    return *top, found


if __name__ == "__main__":
    main()
