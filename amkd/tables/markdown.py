"""A table for people, in Markdown. Shares are in percent."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from amkd.reporting.table_page import seeds
from amkd.tables.records import LAST
from amkd.tables.table import Table


def markdown(table: Table, records: list[dict[str, Any]]) -> str:
    """Formats a table; figures from publications are in separate columns.

    Columns in which no row has a value are left out. If a row has several comparisons with a
    baseline, the second p-value is adjusted for them.

    Args:
      table: the table.
      records: one for each cell, from :func:`amkd.tables.records.cell_records`.
    """
    measured = (f"{table.measure}, mean ± std", "success", "")
    if table.measure == "student_accuracy":
        measured = ("student, mean ± std", "success", "agreement")
    head = (
        *("row", "way", "N", "queries", "seeds", "teacher", *measured),
        *("divergence", "ECE", "Brier"),
        *(_heading(records, baseline) for baseline in table.against),
        *("evaluations", "minutes", "paper", "best published"),
    )
    lines = [_line(table, record) for record in records]
    shown = [
        bool(name) and any(line[column] != "-" for line in lines or [head])
        for column, name in enumerate(head)
    ]
    head, *lines = (tuple(itertools.compress(line, shown)) for line in (head, *lines))
    return f"**{table.title}**\n\n{rows(head, lines)}"


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Returns the rows of a table of plain text, under its heading."""
    whole = (head, ["---"] * len(head), *lines)
    return "".join("| " + " | ".join(line) + " |\n" for line in whole)


def _line(table: Table, record: dict[str, Any]) -> tuple[str, ...]:
    std, best = "", _number(record["best_published"])
    if record["accuracy_std"] is not None:
        std = f" ± {record['accuracy_std']:.2f}"
    if record["best_source"]:
        best += f" {record['best_source']}"
    return (
        record["row"],
        record["way"],
        _count(record["n_real"]),
        _count(record["queries"]),
        seeds(record),
        _number(record["teacher_accuracy"]),
        _number(record["accuracy_mean"]) + std,
        _number(record["success_rate"]),
        _number(record["agreement"]),
        *(_number(record[name], 4) for name in LAST),
        *(_comparison(record, baseline) for baseline in table.against),
        _count(record["evaluations"]),
        _number(record["seconds"] and record["seconds"] / 60, 1),
        _number(record["paper"]),
        best,
    )


def _count(value: int | None) -> str:
    return f"{value:,}" if value else "-"


def _heading(records: list[dict[str, Any]], baseline: str) -> str:
    adjusted = any(record[f"holm_{baseline}"] != record[f"p_{baseline}"] for record in records)
    return f"against {baseline} (p; Holm)" if adjusted else f"against {baseline} (p)"


def _comparison(record: dict[str, Any], baseline: str) -> str:
    difference, p, holm = (record[f"{name}_{baseline}"] for name in ("difference", "p", "holm"))
    if difference is None:
        return "-"
    p_values = "; ".join(f"{value:.3f}" for value in dict.fromkeys((p, holm)) if value is not None)
    return f"{difference:+.2f}" + (f" ({p_values})" if p_values else "")


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
