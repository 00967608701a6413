"""The grid of a table: lines by real images, columns by selected images (paper, Tables 2 and 3)."""

from collections.abc import Iterator, Sequence
from typing import Any

from amkd.tables.markdown import rows


def lines(
    records: Sequence[dict[str, Any]], points: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, ...]]:
    """Yields the heading and a line for each cell that was run, by real images: the measured
    quantity after each number of selected images, as mean and standard deviation over seeds in
    percent.

    Args:
      records: one for each cell, from :func:`amkd.tables.records.cell_records`.
      points: one for each cell and round, from :func:`amkd.tables.curves.curve_points`.
    """
    run = sorted((record for record in records if record["seeds"]), key=lambda one: one["n_real"])
    found = [_by_selected(record, points) for record in run]
    columns = sorted({selected for cells in found for selected in cells})
    yield ("way", "real images", *(f"{selected:,} selected" for selected in columns))
    for record, cells in zip(run, found, strict=True):
        yield (
            record["way"],
            f"{record['n_real']:,}",
            *(cells.get(selected, "-") for selected in columns),
        )


def _by_selected(record: dict[str, Any], points: Sequence[dict[str, Any]]) -> dict[int, str]:
    """Returns a cell's figures by the number of selected images."""
    own = (point for point in points if (point["row"], point["way"]) == _place(record))
    return {point["queries"] - record["n_real"]: _figure(point) for point in own}


def _place(record: dict[str, Any]) -> tuple[str, str]:
    return record["row"], record["way"]


def _figure(point: dict[str, Any]) -> str:
    std = "" if point["accuracy_std"] is None else f" ± {point['accuracy_std']:.2f}"
    return f"{point['accuracy_mean']:.2f}{std}"


def markdown(records: Sequence[dict[str, Any]], points: Sequence[dict[str, Any]]) -> str:
    """Returns the grid in Markdown."""
    head, *body = lines(records, points)
    return "\n" + rows(head, body)
