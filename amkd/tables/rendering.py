"""Renders a table from what is kept of its runs: the same bytes from the same runs."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from amkd.core import files
from amkd.reporting import plots, table_page
from amkd.tables import kept, sweep
from amkd.tables.cells import cells
from amkd.tables.curves import curve_points
from amkd.tables.markdown import markdown
from amkd.tables.records import cell_records
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
    """Returns what a folder of results keeps of a table's runs."""
    return kept.read(folder / "runs" / table.name)


def render(table: Table, folder: Path) -> str:
    """Writes the table's files beside ``runs/TABLE``, from which alone they follow.

    Args:
      table: the table.
      folder: of the results; ``runs/TABLE`` in it holds what is kept of the runs.

    Returns:
      The Markdown.
    """
    found = cells(table, kept_runs(table, folder))
    records, points = cell_records(table, found), curve_points(table, found)
    text = markdown(table, records)
    files.write_text(folder / f"{table.name}.md", text)
    files.write_text(folder / f"{table.name}.csv", _csv(records))
    files.write_text(folder / f"{table.name}.json", json.dumps(records, indent=1) + "\n")
    files.write_text(folder / f"{table.name}-curves.csv", _csv(points))
    picture = folder / f"{table.name}.png" if points else None
    measured = "test accuracy" if table.measure == "student_accuracy" else table.measure
    if picture:
        plots.table_curves(points, measured, title=table.title, path=picture)
    page = table_page.render(table.title, measured, records, picture=picture)
    files.write_text(folder / f"{table.name}.html", page)
    return text


def _csv(records: list[dict[str, Any]]) -> str:
    """Formats records of one kind, with a heading."""
    text = io.StringIO()
    if records:
        writer = csv.DictWriter(text, records[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    return text.getvalue()
