"""Renders a table from the kept records of its runs; the same records give the same bytes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from amkd.core import csv_text, files
from amkd.core.errors import UserError
from amkd.reporting import drawing, table_page
from amkd.tables import grid, kept, outdated, pictures, planned, sweep
from amkd.tables.cells import cells
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
        kept.write(kept.shorten(run, place), folder / "runs" / table.name)
    return len(finished), len(runs)


def kept_runs(table: Table, folder: Path) -> list[kept.Kept]:
    """Returns the records of a table's runs in a folder of results."""
    return kept.read(folder / "runs" / table.name)


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
    runs = kept_runs(table, folder)
    outdated.check(table, runs)
    found = cells(table, runs)
    judged = [*planned.outcomes(table, found)]
    hidden = planned.withheld(table, judged)
    waiting = [cell for cell in found if (cell.row, cell.way) in hidden]
    found = [cell for cell in found if cell not in waiting]
    records = cell_records(table, found, waiting)
    stored = [rounded(record) for record in records]
    measured_points = curve_points(table, found)
    points = [rounded(point) for point in measured_points]
    text = markdown(table, records)
    if table.grid:
        text += grid.markdown(records, measured_points)
    outcomes = [planned.record(one) for one in judged]
    text += "".join(planned.markdown(outcomes))
    # Written first: _check_folder recognises an earlier output by this file.
    files.write_text(folder / f"{table.name}.json", json.dumps(stored, indent=1) + "\n")
    if outcomes:
        planned_file = folder / f"{table.name}-comparisons.json"
        files.write_text(planned_file, json.dumps([*map(rounded, outcomes)], indent=1) + "\n")
    files.write_text(folder / f"{table.name}.md", text)
    files.write_text(folder / f"{table.name}.csv", _csv(stored))
    files.write_text(folder / f"{table.name}-curves.csv", _csv(points))
    measured = "test accuracy" if table.measure == "student_accuracy" else table.measure
    curves = list(pictures.curves(table, points, measured))
    differences = [*pictures.differences(table, found), *pictures.comparisons(judged)]
    if curves:
        picture = drawing.file(f"{table.title}: {measured}", curves)
        files.write_text(folder / f"{table.name}.svg", picture)
    else:  # an earlier chart may show figures that are now withheld
        (folder / f"{table.name}.svg").unlink(missing_ok=True)
    page = table_page.render(
        table.title,
        measured,
        records,
        curves=curves,
        differences=differences,
        planned=[*planned.groups(outcomes)],
    )
    files.write_text(folder / f"{table.name}.html", page)
    return text


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
            f"{there[0]} exists and is not an earlier output of this table: nothing was written;"
            " choose another --output"
        )


def _is_output(path: Path) -> bool:
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(records, list) and all(
        isinstance(one, dict) and {"row", "way"} <= one.keys() for one in records
    )
