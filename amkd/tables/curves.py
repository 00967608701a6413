"""The curves of a table: accuracy in percent after every round, over seeds, with all digits."""

from typing import Any

from amkd.tables import statistics
from amkd.tables.cells import Cell
from amkd.tables.table import Table

BySeed = dict[int, float]


def curve_points(table: Table, cells: list[Cell]) -> list[dict[str, Any]]:
    """Returns a record for each cell and round, compared with baselines at the same queries."""
    curves = {(cell.row, cell.way): _curve(cell) for cell in cells}
    points = []
    for cell in cells:
        for queries, own in curves[cell.row, cell.way].items():
            baselines = {
                baseline: {}
                if baseline == cell.way
                else curves.get((cell.row, baseline), {}).get(queries, {})
                for baseline in table.against
            }
            points.append(_point(cell, queries, own, baselines=baselines))
    return points


def _curve(cell: Cell) -> dict[int, BySeed]:
    """Returns accuracy by queries and seed, after the rounds that all runs of a cell have.

    A round without the measure is left out: a run may have no money for all evaluation images
    until its last round.
    """
    rounds = min(len(run["rounds"]) for run in cell.runs)
    curve = {}
    for number in range(rounds):
        entries = {run["seed"]: run["rounds"][number] for run in cell.runs}
        if any(entry.get(cell.measure) is None for entry in entries.values()):
            continue
        queries = max(entry["queries"] for entry in entries.values())
        curve[queries] = {seed: 100 * entry[cell.measure] for seed, entry in entries.items()}
    return curve


def _point(
    cell: Cell, queries: int, own: BySeed, *, baselines: dict[str, BySeed]
) -> dict[str, Any]:
    accuracy = statistics.spread(list(own.values()))
    comparisons = {}
    for baseline, theirs in baselines.items():
        paired = statistics.paired(own, theirs)
        comparisons[f"difference_{baseline}"] = paired and paired.difference
        comparisons[f"p_{baseline}"] = paired and paired.p
    return {
        "row": cell.row,
        "way": cell.way,
        "queries": queries,
        "accuracy_mean": accuracy.mean,
        "accuracy_std": accuracy.std,
        "seeds": accuracy.seeds,
        **comparisons,
    }
