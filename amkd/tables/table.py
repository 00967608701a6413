"""A table of runs, as its configuration (``configs/tables/``) states it.

A table has *rows* (what is distilled), *ways* (how the queries are spent: a named set of fields
each), and seeds. It has a run for every row, way and seed.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from amkd.core.errors import UserError

# Measured with ground-truth test labels, or with the teacher's answers alone: recipes are chosen by
# the latter, on training images (data.evaluate_on). Lanes are also measured by F1.
MEASURES = ("student_accuracy", "agreement", "f1")


@dataclasses.dataclass(frozen=True)
class TableRow:
    """A row of a table, and a panel of its plot.

    Attributes:
      config: file of the configuration, with an optional ``:preset``.
      set: its fields, each ``name=value`` as on the command line.
      ways: names of the ways that are run for it; empty for all.
      paper: accuracy that the paper prints, in percent: of its own method, or by way; None if it
        prints none.
      best: the best accuracy published since, in percent.
      source: who published it.
    """

    config: str
    set: tuple[str, ...] = ()
    ways: tuple[str, ...] = ()
    paper: float | dict[str, float] | None = None
    best: float | None = None
    source: str = ""

    def printed(self, way: str) -> float | None:
        """Returns the accuracy that the paper prints for a way."""
        return self.paper.get(way) if isinstance(self.paper, dict) else self.paper


@dataclasses.dataclass(frozen=True)
class PlannedComparison:
    """Two ways that are to be compared on one row.

    Attributes:
      row: name of the row.
      way: name of the way.
      baseline: name of the way with which it is compared.
    """

    row: str
    way: str
    baseline: str


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of runs.

    Attributes:
      name: the name of its files.
      title: its heading.
      seeds: one run for each.
      rows: the rows, by name.
      ways: fields of each way, by name, as in ``TableRow.set``.
      set: fields of all runs.
      against: the ways that all others are compared with, seed by seed.
      only: names of the rows to run; empty for all.
      measure: the quantity that is compared, one of ``MEASURES``.
      blocks: comparisons that were planned before the runs, by block, the primary one first; in
        the configuration each is ``ROW: WAY - BASELINE``.
      grid: also show the result after every number of selected images, as in Tables 2 and 3.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    rows: dict[str, TableRow]
    ways: dict[str, tuple[str, ...]]
    set: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    measure: str = "student_accuracy"
    grid: bool = False
    blocks: dict[str, tuple[PlannedComparison, ...]] = dataclasses.field(default_factory=dict)

    def ways_of(self, row: str) -> tuple[str, ...]:
        """Returns the names of the ways that are run for a row."""
        return self.rows[row].ways or tuple(self.ways)


def is_table(config: Mapping[str, Any]) -> bool:
    """Returns whether a configuration is of a table, and not of a run."""
    return "rows" in config and "ways" in config


def from_config(config: Mapping[str, Any]) -> Table:
    """Makes a table from its configuration.

    Raises:
      UserError: there is no such field, row or way, or a value is impossible.
    """
    _check_fields("config", config, Table)
    for name, row in config["rows"].items():
        _check_fields(f"config.rows.{name}", row, TableRow)
    rows = {name: TableRow(**row) for name, row in config["rows"].items()}
    seeds = config["seeds"] if isinstance(config["seeds"], tuple) else (config["seeds"],)
    against = config.get("against", ())
    table = Table(
        **{
            **config,
            "rows": rows,
            "ways": dict(config["ways"]),
            "seeds": seeds,
            "blocks": {
                name: tuple(_planned(f"config.blocks.{name}", text) for text in texts)
                for name, texts in config.get("blocks", {}).items()
            },
            "against": (against,) if isinstance(against, str) else tuple(against),
        }
    )
    _check_names_and_seeds(table)
    _check_references(table)
    _check_file_names(table)
    return table


def _planned(where: str, text: str) -> PlannedComparison:
    """Reads a planned comparison."""
    row, _, ways = text.partition(":")
    way, _, baseline = ways.partition(" - ")
    found = PlannedComparison(row.strip(), way.strip(), baseline.strip())
    if not all(dataclasses.astuple(found)):
        raise UserError(f"{where}: {text!r} must be 'ROW: WAY - BASELINE'")
    return found


def _check_names_and_seeds(table: Table) -> None:
    """Refuses names that cannot be part of file names, and seeds that are not different numbers."""
    if (
        not table.seeds
        or len(set(table.seeds)) != len(table.seeds)
        or not all(type(seed) is int for seed in table.seeds)
    ):
        raise UserError(
            f"config.seeds={table.seeds!r}: must be one or more different whole numbers"
        )
    for field, names in (("name", (table.name,)), ("rows", table.rows), ("ways", table.ways)):
        for name in names:
            if not re.fullmatch(r"[^\W_][\w.-]*", name):
                raise UserError(
                    f"config.{field}: {name!r} is part of file names, and must consist of letters,"
                    " digits, '_', '-' and '.', beginning with a letter or a digit"
                )


def _check_file_names(table: Table) -> None:
    """Refuses two cells whose runs would be kept in the same files."""
    cells: dict[str, tuple[str, str]] = {}
    for row in table.rows:
        for way in table.ways_of(row):
            if (other := cells.setdefault(f"{row}-{way}", (row, way))) != (row, way):
                raise UserError(
                    f"config.rows: way {way!r} of row {row!r} and way {other[1]!r} of row"
                    f" {other[0]!r} would be kept in one file, {row}-{way}-SEED.json; rename one"
                )


def _check_references(table: Table) -> None:
    """Refuses names of rows, ways and measures that do not exist."""
    for name, row in table.rows.items():
        for way in row.ways:
            if way not in table.ways:
                raise UserError(
                    f"config.rows.{name}.ways={way!r}: must be some of {', '.join(table.ways)}"
                )
    for name in table.only:
        if name not in table.rows:
            raise UserError(
                f"config.only={table.only!r}: {name!r} is not one of the rows"
                f" {', '.join(table.rows)}"
            )
    if table.measure not in MEASURES:
        raise UserError(f"config.measure={table.measure!r}: must be one of {', '.join(MEASURES)}")
    for name, planned in table.blocks.items():
        for one in planned:
            if one.row not in table.rows or not {one.way, one.baseline} <= {
                *table.ways_of(one.row)
            }:
                raise UserError(
                    f"config.blocks.{name}: {one.row}: {one.way} - {one.baseline}: there is no such"
                    " row, or it has no such way"
                )
    for way in table.against:
        if way not in table.ways:
            raise UserError(
                f"config.against={','.join(table.against)!r}: {way!r} is not one of the ways"
                f" {', '.join(table.ways)}"
            )


def _check_fields(where: str, given: Mapping[str, Any], kind: type[Table] | type[TableRow]) -> None:
    known = [field.name for field in dataclasses.fields(kind)]
    for name in given:
        if name not in known:
            raise UserError(
                f"{where}.{name}: there is no such field; the fields are {', '.join(known)}"
            )
