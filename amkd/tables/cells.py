"""The cells of a table: one row by one way, over its seeds, compared with the table's baselines."""

import dataclasses
import json
import math

from amkd.core.errors import UserError
from amkd.tables import statistics
from amkd.tables.short_records import ShortRecord
from amkd.tables.statistics import Paired, Spread
from amkd.tables.table import Table


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A cell compared with a baseline's cell on the same seeds.

    Attributes:
      paired: the comparison.
      holm: its p-value, adjusted for all comparisons of its row with that baseline; None if there
        is no p-value.
    """

    paired: Paired
    holm: float | None


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of a table by one way, over its seeds.

    Attributes:
      row: name of the row.
      way: name of the way.
      runs: the kept records of its finished runs, by seed.
      against: its comparisons, by baseline.
      measure: the quantity that the table compares.
    """

    row: str
    way: str
    runs: list[ShortRecord]
    against: dict[str, Comparison]
    measure: str

    @property
    def accuracies(self) -> dict[int, float]:
        """The quantity that the table compares, by seed, in percent."""
        return {run["seed"]: 100 * run[self.measure] for run in self.runs}

    def spread(self, name: str) -> Spread | None:
        """Returns mean and standard deviation of a share in percent; None where no run has it."""
        values = [100 * run[name] for run in self.runs if run[name] is not None]
        return statistics.spread(values) if values else None


def cells(table: Table, runs: list[ShortRecord]) -> list[Cell]:
    """Returns the finished cells of a table, in the order of the table."""
    found = []
    for row in table.rows:
        alone = {
            way: Cell(row, way, own, {}, table.measure)
            for way in table.ways_of(row)
            if (own := _runs(table, runs, row, way=way))
        }
        comparisons = {
            baseline: _compare(alone, baseline) for baseline in table.against if baseline in alone
        }
        for way, cell in alone.items():
            against = {baseline: by[way] for baseline, by in comparisons.items() if way in by}
            found.append(dataclasses.replace(cell, against=against))
    return found


def _compare(row: dict[str, Cell], baseline: str) -> dict[str, Comparison]:
    """Compares every cell of a row with the baseline's, if they have a seed in common."""
    theirs = row[baseline].accuracies
    paired = {
        way: found
        for way, cell in row.items()
        if way != baseline and (found := statistics.paired(cell.accuracies, theirs))
    }
    adjusted = statistics.holm([one.p for one in paired.values()])
    return {way: Comparison(one, p) for (way, one), p in zip(paired.items(), adjusted, strict=True)}


def _inputs(run: ShortRecord) -> str:
    """Returns what all seeds of a cell have in common."""
    inputs = {name: run.get(name) for name in ("teacher", "data", "weights")}
    return json.dumps([{**run["config"], "seed": None}, inputs], sort_keys=True)


def _share(run: ShortRecord, name: str) -> float:
    """Returns a share of a kept run; NaN where it was not measured."""
    value = run.get(name)
    return math.nan if value is None else value


def _runs(table: Table, runs: list[ShortRecord], row: str, *, way: str) -> list[ShortRecord]:
    """Returns the kept runs of one cell that have an accuracy, by seed.

    Raises:
      UserError: they have different inputs, or one seed occurs twice.
    """
    own = [
        run for run in runs if (run["row"], run["way"]) == (row, way) and run["seed"] in table.seeds
    ]
    if len({*map(_inputs, own)}) > 1:
        raise UserError(
            f"the kept records of {row}, {way} come from runs with different configurations,"
            f" teachers, images or initial weights; delete the old files from runs/{table.name}"
        )
    if len({run["seed"] for run in own}) < len(own):
        raise UserError(
            f"runs/{table.name} contains two files for one seed of {row}, {way}; delete the copy"
        )
    measured = [run for run in own if math.isfinite(_share(run, table.measure))]
    return sorted(measured, key=lambda run: run["seed"])
