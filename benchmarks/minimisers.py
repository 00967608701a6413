"""Measures how close each method to minimise over lambda comes to the true minimum, and to the true
k lowest.

A run of each data set's configuration (with a pool of 300,000 pairs) gives a student after every
round. For each student:

excess  C2 minus the lowest C2 of a dense grid of 161 lambdas, mean and 99th percentile over
        ``--pairs`` pairs; it is negative where a method found a minimum between two places of that
        grid.
recall  The share of the true k lowest that is found, for k from .25% to 4% of all pairs of
        ``--images`` images. The scores after 12 refined evaluations count as true. For the
        screened search, its claim is also given: the lower end of its interval.

Only accuracy is measured, so other work on the machine does not matter. Run it from the
repository's root, with TFDS_DATA_DIR set: ``python -m benchmarks.minimisers``; this takes half an
hour on 2 cores.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from amkd.config.search import SearchSettings
from amkd.core.stopping import StopSignal
from amkd.run import experiment, rounds, workdir
from amkd.run.context import RunContext
from amkd.run.round_state import RoundState
from amkd.search import confidence, pairs, pool_search, refinement, screening
from amkd.search.selection import SelectionInputs
from amkd.tables import sweep
from benchmarks import our_side, turns

SHARES = (0.0025, 0.005, 0.01, 0.02, 0.04)  # k of the pool
DENSE, TRUTH = 161, 12  # lambdas; evaluations


def main() -> None:
    """Measures every requested data set after every requested round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--configs", default="mnist,fashion_mnist", help="files of configs/ (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", default="0,1,3", help="rounds whose student is used (default: %(default)s)"
    )
    parser.add_argument(
        "--evaluations", default="3,4,5,6", help="of a refined pair (default: %(default)s)"
    )
    parser.add_argument("--set", nargs="*", default=[], help="fields of the runs, each NAME=VALUE")
    parser.add_argument(
        "--pairs", type=int, default=4000, help="for the excess (default: %(default)s)"
    )
    parser.add_argument(
        "--images", type=int, default=700, help="for the recall (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, help="file to write the rows to")
    flags = parser.parse_args()
    rows: list[turns.Measurement] = []
    for name in flags.configs.split(","):
        for round_, inputs in students(
            name, flags.set, [int(one) for one in flags.rounds.split(",")]
        ):
            label = f"{name}, round {round_}"
            counts = [int(one) for one in flags.evaluations.split(",")]
            for row in (
                *excesses(inputs, label, counts=counts, size=flags.pairs),
                *recalls(inputs, label, flags.images),
            ):
                rows.append(row)
                turns.show(row)
                turns.write(flags.json, rows, our_side.describe())


def students(
    name: str, given: list[str], wanted: list[int]
) -> Iterator[tuple[int, SelectionInputs]]:
    """Yields the wanted rounds of a run, each with the inputs of the search after it."""
    fields = {"search.max_pairs": 300_000, "report.plots": False, "report.tensorboard": False}
    fields |= dict(map(sweep.field, given))
    frozen = sweep.configured(f"configs/{name}.py", fields)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run = workdir.owner(frozen, folder)
        with experiment.assembled(frozen, folder, run, StopSignal()) as (context, state):
            while state.round <= max(wanted):
                round_, state = state.round, rounds.one_round(context, state)
                if round_ in wanted:
                    yield round_, _inputs(context, state)


def _inputs(context: RunContext, state: RoundState) -> SelectionInputs:
    """Returns the inputs of a search; the methods compared here need no answers."""

    def no_answers() -> NoReturn:
        raise NotImplementedError

    scans = rounds.scans_of(context, state, lambda scans: None)
    return rounds.selection_inputs(
        context, state, 1, progress=lambda _: None, targets=no_answers, scans=scans
    )


def excesses(
    inputs: SelectionInputs, label: str, *, counts: list[int], size: int
) -> Iterator[turns.Measurement]:
    """Yields rows of the excess over the dense grid."""
    some = inputs._replace(
        pool=pairs.make_pair_pool(len(inputs.images), size, 0), chosen=np.empty(0, np.int64)
    )
    dense = scores(some, grid(inputs.settings, DENSE))
    ways: dict[str, confidence.Minimiser] = {
        "grid": grid(inputs.settings, inputs.settings.lam_count)
    }
    for count in counts:
        ways[f"refined, {count}"] = refinement.Refined(
            pool_search.lam_range(inputs.settings), count
        )
    for name, way in ways.items():
        excess = scores(some, way) - dense
        details = {
            "way": name,
            "evaluations": way.evaluations,
            "percentile_99": float(np.quantile(excess, 0.99)),
        }
        yield turns.Measurement("excess", label, "mean C2", float(excess.mean()), details=details)


def recalls(inputs: SelectionInputs, label: str, n: int) -> Iterator[turns.Measurement]:
    """Yields rows of the recall of the true k lowest."""
    some = inputs._replace(
        images=inputs.images[:n], pool=pairs.make_pair_pool(n, 0, 0), chosen=np.empty(0, np.int64)
    )
    plan, size = inputs.settings, some.pool.size
    most = round(max(SHARES) * size)
    refined = refinement.Refined(pool_search.lam_range(plan), plan.evaluations)
    true = ranks(some, refined._replace(evaluations=TRUTH), most)
    ways: dict[str, confidence.Minimiser] = {"grid": grid(plan, plan.lam_count), "refined": refined}
    found = {name: ranks(some, way, most) for name, way in ways.items()}
    for share in SHARES:
        k = round(share * size)
        for name, way in ways.items():
            details = {"way": name, "k": k, "share": share, "evaluations": float(way.evaluations)}
            yield turns.Measurement(
                "recall", label, "share", shared(found[name][:k], true[:k]), details=details
            )
        screened, told = screening.lowest_c2(
            some._replace(k=k), screening.make_screening(plan, size, k)
        )
        details = {
            "way": "screened",
            "k": k,
            "share": share,
            "evaluations": told["evaluations"] / size,
        }
        details |= {"claimed": told["recall"]["low"], "shortlist": told["shortlist"] / size}
        there = pairs.rank_of(screened.i, screened.j, n)
        yield turns.Measurement("recall", label, "share", shared(there, true[:k]), details=details)


def grid(plan: SearchSettings, lams: int) -> confidence.Minimiser:
    """Returns a grid of ``lams`` places in the configured range."""
    return pool_search.configured_minimiser(
        dataclasses.replace(plan, minimiser="grid", lam_count=lams)
    )


def scores(inputs: SelectionInputs, way: confidence.Minimiser) -> np.ndarray:
    """Returns C2 of every pair of the pool, in the order of their ranks."""
    found = pool_search.lowest_c2(inputs, way, inputs.pool.size)
    return found.score[np.argsort(pairs.rank_of(found.i, found.j, inputs.pool.n))]


def ranks(inputs: SelectionInputs, way: confidence.Minimiser, k: int) -> np.ndarray:
    """Returns the ranks of the k lowest pairs, lowest first."""
    found = pool_search.lowest_c2(inputs, way, k)
    return pairs.rank_of(found.i, found.j, inputs.pool.n)


def shared(found: np.ndarray, true: np.ndarray) -> float:
    """Returns the share of the true lowest pairs that were found."""
    return float(np.isin(true, found).mean())


if __name__ == "__main__":
    main()
