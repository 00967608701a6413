"""The cells of a table as records, with all their digits. Shares are in percent.

The code that shows or stores a figure rounds it, so that no figure is rounded twice.
"""

from collections.abc import Sequence
from typing import Any

from amkd.tables import statistics
from amkd.tables.cells import Cell
from amkd.tables.short_records import ShortRecord
from amkd.tables.table import Table

# Figures of a run's last round in addition to accuracy and agreement; they are not shares.
LAST = ("divergence", "calibration_error", "brier_score")


_COMPARED = ("difference", "p", "holm")


def cell_records(
    table: Table, cells: Sequence[Cell], waiting: Sequence[Cell] = ()
) -> list[dict[str, Any]]:
    """Returns a record for each cell, in the order of the table. A cell that was not run has no
    seeds and no figures.

    Args:
      table: the table.
      cells: the cells whose figures are shown.
      waiting: cells of which only the seeds are shown.
    """
    finished = {(cell.row, cell.way): _record(table, cell) for cell in cells}
    seeds = {(cell.row, cell.way): [run["seed"] for run in cell.runs] for cell in waiting}
    return [
        finished.get((name, way))
        or _without_figures(table, name, way, seeds=seeds.get((name, way), []))
        for name in table.rows
        for way in table.ways_of(name)
    ]


def rounded(record: dict[str, Any]) -> dict[str, Any]:
    """Returns a record as it is in the table's JSON and CSV files."""
    return {
        name: _rounded(name.partition("_")[0], value) if isinstance(value, float) else value
        for name, value in record.items()
    }


def _rounded(kind: str, value: float) -> float:
    """Returns a figure as it is in the files: a p-value below .001 always has three significant
    digits.
    """
    if kind in ("p", "holm") and value < 1e-3:
        return float(f"{value:.3g}")
    small = ("divergence", "calibration", "brier", "p", "holm")
    return round(value, 1 if kind == "seconds" else 6 if kind in small else 4)


def _record(table: Table, cell: Cell) -> dict[str, Any]:
    first, row = cell.runs[0], table.rows[cell.row]
    teacher, accuracy, success, agreement = (
        cell.spread(name)
        for name in ("teacher_accuracy", cell.measure, "success_rate", "agreement")
    )
    seconds = [sum(run["seconds"].values()) for run in cell.runs]
    return {
        "row": cell.row,
        "way": cell.way,
        "dataset": first["dataset"],
        "teacher": first["teacher"],
        "student": first["student"],
        "method": first["method"],
        "n_real": first["n_real"],
        "queries": max(run["queries"] for run in cell.runs),
        "seeds": [run["seed"] for run in cell.runs],
        "seeds_planned": len(table.seeds),
        "teacher_accuracy": teacher and teacher.mean,
        "accuracy_mean": accuracy and accuracy.mean,
        "accuracy_std": accuracy and accuracy.std,
        "success_rate": success and success.mean,
        "agreement": agreement and agreement.mean,
        **{name: _last(cell.runs, name) for name in LAST},
        **_comparisons(table, cell),
        "evaluations": round(statistics.spread([_evaluations(run) for run in cell.runs]).mean),
        "seconds": statistics.spread(seconds).mean,
        "paper": row.printed(cell.way),
        "best_published": row.best,
        "best_source": row.source,
    }


def _without_figures(table: Table, name: str, way: str, *, seeds: list[int]) -> dict[str, Any]:
    row = table.rows[name]
    known = {
        "row": name,
        "way": way,
        "seeds": seeds,
        "seeds_planned": len(table.seeds),
        "paper": row.printed(way),
        "best_published": row.best,
        "best_source": row.source,
    }
    return {**dict.fromkeys(_names(table)), **known}


def _names(table: Table) -> tuple[str, ...]:
    """Returns the names of a record, in its order."""
    compared = (f"{name}_{baseline}" for baseline in table.against for name in _COMPARED)
    return (
        *("row", "way", "dataset", "teacher", "student", "method", "n_real", "queries", "seeds"),
        *("seeds_planned", "teacher_accuracy", "accuracy_mean", "accuracy_std", "success_rate"),
        *("agreement", *LAST, *compared, "evaluations", "seconds"),
        *("paper", "best_published", "best_source"),
    )


def _comparisons(table: Table, cell: Cell) -> dict[str, float | None]:
    """Returns difference, p and Holm's p for every baseline of the table."""
    found: dict[str, float | None] = {}
    for baseline in table.against:
        against = cell.against.get(baseline)
        found[f"difference_{baseline}"] = against.paired.difference if against else None
        found[f"p_{baseline}"] = against.paired.p if against else None
        found[f"holm_{baseline}"] = against.holm if against else None
    return found


def _last(runs: list[ShortRecord], name: str) -> float | None:
    """Returns the mean of a figure after the last round, of the runs that have it."""
    last = [run["rounds"][-1].get(name) for run in runs]
    known = [value for value in last if value is not None]
    return statistics.spread(known).mean if known else None


def _evaluations(run: ShortRecord) -> int:
    """Returns the number of forward passes that scored pairs, mixes or images, in all rounds."""
    return sum(entry["search"].get("evaluations", 0) for entry in run["rounds"])
