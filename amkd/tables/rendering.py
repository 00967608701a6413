"""Renders a table from the kept records of its runs; the same records give the same bytes."""

import csv
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core import csv_text, files
from amkd.core.errors import UserError
from amkd.reporting import drawing, table_page
from amkd.tables import charts, grid, outdated, planned, short_records, sweep
from amkd.tables.cells import Cell, cells
from amkd.tables.curves import curve_points
from amkd.tables.markdown import markdown
from amkd.tables.records import cell_records, rounded
from amkd.tables.table import Table


def collect(table: Table, workdir: Path, folder: Path) -> tuple[int, int]:
    """Keeps the finished runs of a table in a folder of results.

    Returns:
      How many runs are finished, and how many there are.
    """
    runs = sweep.expand(table, workdir)
    finished = list(sweep.finished(runs, workdir))
    for run, place in finished:
        short_records.write(short_records.shorten(run, place), folder / "runs" / table.name)
    for run in sweep.ended_early(runs, workdir):  # earlier versions kept them
        short_records.path_of(run.row, run.way, run.seed, folder / "runs" / table.name).unlink(True)
    return len(finished), len(runs)


def records_of(table: Table, folder: Path) -> list[short_records.ShortRecord]:
    """Returns the records of a table's runs in a folder of results."""
    return short_records.read(folder / "runs" / table.name)


def render(table: Table, folder: Path) -> str:
    """Writes the table's files next to ``runs/TABLE``; they depend only on the records kept there.

    Args:
      table: the table.
      folder: the folder of the results; the records of the runs are in its ``runs/TABLE``.

    Returns:
      The Markdown.

    Raises:
      UserError: a file there is not an earlier output, or a kept run has another configuration.
    """
    _check_folder(table, folder)
    runs = records_of(table, folder)
    outdated.check(table, runs)
    found = cells(table, runs)
    compared = [*planned.outcomes(table, found)]
    hidden = planned.withheld(table, compared)
    waiting = [cell for cell in found if (cell.row, cell.way) in hidden]
    # Without the hidden runs: a difference from one of them would tell its figure.
    found = cells(table, [run for run in runs if (run["row"], run["way"]) not in hidden])
    shown = _Shown(found, cell_records(table, found, waiting), compared, curve_points(table, found))
    text = _markdown(table, shown)
    _write_figures(table, shown, folder)
    files.write_text(folder / f"{table.name}.md", text)
    _write_charts(table, shown, folder)
    return text


class _Shown(NamedTuple):
    """What a table shows: without the figures that are withheld (:func:`planned.withheld`).

    Attributes:
      cells: the cells whose figures are shown.
      records: all cells, as records; those that wait have no figures.
      outcomes: the outcomes of the planned comparisons.
      points: the points of the curves.
    """

    cells: list[Cell]
    records: list[dict[str, Any]]
    outcomes: list[planned.Outcome]
    points: list[dict[str, Any]]

    @property
    def outcome_records(self) -> list[dict[str, Any]]:
        """The outcomes of the planned comparisons, as records."""
        return [planned.record(one) for one in self.outcomes]


def _markdown(table: Table, shown: _Shown) -> str:
    text = markdown(table, shown.records)
    if table.grid:
        text += grid.markdown(shown.records, shown.points)
    return text + "".join(planned.markdown(shown.outcome_records))


def _write_figures(table: Table, shown: _Shown, folder: Path) -> None:
    """Writes the files for programs, with rounded figures."""
    stored = [rounded(record) for record in shown.records]
    # Written first: _check_folder recognises an earlier output by this file.
    files.write_text(folder / f"{table.name}.json", json.dumps(stored, indent=1) + "\n")
    if shown.outcomes:
        outcomes = [*map(rounded, shown.outcome_records)]
        planned_file = folder / f"{table.name}-comparisons.json"
        files.write_text(planned_file, json.dumps(outcomes, indent=1) + "\n")
    files.write_text(folder / f"{table.name}.csv", _csv(stored))
    points = [rounded(point) for point in shown.points]
    files.write_text(folder / f"{table.name}-curves.csv", _csv(points))


def _write_charts(table: Table, shown: _Shown, folder: Path) -> None:
    """Writes the page, and the curves also as a file of their own."""
    measured = "test accuracy" if table.measure == "student_accuracy" else table.measure
    curves = list(charts.curves(table, [rounded(point) for point in shown.points], measured))
    differences = [*charts.differences(table, shown.cells), *charts.comparisons(shown.outcomes)]
    if curves:
        drawn = drawing.file(f"{table.title}: {measured}", curves)
        files.write_text(folder / f"{table.name}.svg", drawn)
    else:  # an earlier chart may show figures that are now withheld
        (folder / f"{table.name}.svg").unlink(missing_ok=True)
    page = table_page.render(
        table.title,
        measured,
        shown.records,
        curves=curves,
        differences=differences,
        planned=[*planned.groups(shown.outcome_records)],
    )
    files.write_text(folder / f"{table.name}.html", page)


def _csv(records: list[dict[str, Any]]) -> str:
    """Formats records of one kind, with a heading."""
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, records[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in one.items()} for one in records)
    return text.getvalue()


def _cell(value: Any) -> Any:
    return csv_text.protect(value) if isinstance(value, str) else value


def _check_folder(table: Table, folder: Path) -> None:
    """Refuses to replace files that are not an earlier output of this table."""
    kinds = (".json", ".md", ".csv", "-curves.csv", ".svg", ".html")
    there = [path for kind in kinds if (path := folder / f"{table.name}{kind}").exists()]
    if there and not _is_output(folder / f"{table.name}.json"):
        raise UserError(
            f"{there[0]} exists, but {folder / table.name}.json is missing or is not of this"
            " table, so it may not be an earlier output: nothing was written; choose another"
            f" --output, or delete the files {table.name}.* there if they are old outputs"
        )


def _is_output(path: Path) -> bool:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(records, list) and all(
        isinstance(one, dict) and {"row", "way"} <= one.keys() for one in records
    )
