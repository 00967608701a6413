"""The charts of a table: its curves, and its paired differences with their intervals."""

from collections.abc import Iterator, Sequence
from typing import Any

from amkd.reporting import interval_chart, palette, svg_chart
from amkd.reporting.drawing import Drawing
from amkd.reporting.interval_chart import Mark, Row
from amkd.reporting.svg_chart import Curve, Point
from amkd.tables.cells import Cell
from amkd.tables.planned import Outcome
from amkd.tables.table import Table


def curves(table: Table, points: Sequence[dict[str, Any]], measured: str) -> Iterator[Drawing]:
    """Yields a chart for each row, with a line for each way.

    A chart has no more ways than there are colours. A row with more ways has several charts, and
    the baselines are in each of them.

    Args:
      table: the table.
      points: mean and spread over seeds in percent, as in the table's ``-curves.csv``.
      measured: the measured quantity, in words.
    """
    for row in dict.fromkeys(point["row"] for point in points):
        own = [point for point in points if point["row"] == row]
        ways = list(dict.fromkeys(point["way"] for point in own))
        groups = grouped(ways, table.against)
        for number, group in enumerate(groups, 1):
            part = f" ({number} of {len(groups)})" if len(groups) > 1 else ""
            lines = [
                Curve(
                    place,
                    way,
                    tuple(_point(one) for one in own if one["way"] == way),
                    span="mean over seeds; ± one standard deviation:",
                )
                for place, way in enumerate(group)
            ]
            yield svg_chart.chart(
                f"{row}: {measured}{part}", "queries, real images included", lines
            )


def grouped(ways: Sequence[str], baselines: Sequence[str]) -> list[list[str]]:
    """Returns ways in groups that are not larger than the number of colours; in every group the
    baselines are first.
    """
    first = [way for way in baselines if way in ways][: palette.CURVES - 1]
    others = [way for way in ways if way not in first]
    room = palette.CURVES - len(first)
    starts = range(0, max(len(others), 1), room)
    return [first + others[start : start + room] for start in starts]


def _point(point: dict[str, Any]) -> Point:
    """Returns a mean over seeds with its standard deviation, as a share."""
    mean, std = point["accuracy_mean"] / 100, (point["accuracy_std"] or 0.0) / 100
    return Point(point["queries"], mean, mean - std, mean + std)


def differences(table: Table, cells: Sequence[Cell]) -> Iterator[Drawing]:
    """Yields a forest plot for each baseline: the paired difference of every way on every row, with
    its interval over the seeds.
    """
    for baseline in table.against:
        for name in table.rows:
            if rows := list(_rows(cells, name, baseline)):
                yield interval_chart.chart(
                    f"{name}: way minus {baseline}",
                    f"way minus {baseline}, percentage points",
                    rows,
                    unit="",
                    zero=True,
                    legend=False,
                )


def _rows(cells: Sequence[Cell], name: str, baseline: str) -> Iterator[Row]:
    """Yields the difference of each way on one row of a table."""
    for cell in cells:
        if cell.row == name and baseline in cell.against:
            one = cell.against[baseline]
            low, high = one.paired.interval or (None, None)
            note = f"{one.paired.seeds} seeds"
            if one.holm is not None:
                note += f", Holm's p {one.holm:.4f}"
            mark = Mark(0, f"minus {baseline}", one.paired.difference, low, high, note)
            yield Row(cell.way, (mark,))


def comparisons(outcomes: Sequence[Outcome]) -> Iterator[Drawing]:
    """Yields a forest plot for each finished block: its planned comparisons with their intervals,
    the primary one first.
    """
    for block in dict.fromkeys(one.block for one in outcomes):
        if rows := [row for one in outcomes if one.block == block for row in _planned_row(one)]:
            yield interval_chart.chart(
                block,
                "way minus baseline, percentage points",
                rows,
                unit="",
                zero=True,
                legend=False,
            )


def _planned_row(one: Outcome) -> Iterator[Row]:
    """Yields the difference of a planned comparison, once its block is finished."""
    if one.paired is not None:
        low, high = one.paired.interval or (None, None)
        note = f"{one.paired.seeds} seeds, {one.words}"
        mark = Mark(0, "difference", one.paired.difference, low, high, note)
        yield Row(f"{one.plan.row}: {one.plan.way} - {one.plan.baseline}", (mark,))
