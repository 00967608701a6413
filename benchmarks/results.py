"""Renders rows of the benchmarks as the tables of RESULTS.md.

``python -m benchmarks.results build/bench/*.json > build/bench/RESULTS.md``
"""

import argparse
import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]  # a measurement as written to a file

TITLES = {
    "check": "Checks of what a device computes",
    "search": "Searching the pool",
    "train": "Training",
    "pool": "A whole search",
    "pool memory": "Peak memory of a whole search",
    "sample": "Drawing a sample of the pool",
    "sample memory": "Peak memory that a sample adds",
    "cost": "Cost of a search against pairs, k and lambdas",
    "excess": "C2 above the least of a dense grid",
    "recall": "Share of the true k lowest that is found",
}


def main() -> None:
    """Prints the tables of the given files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="written with --json")
    rows = [row for path in parser.parse_args().files for row in json.loads(path.read_text())]
    print(render(rows), end="")


def render(rows: list[Record]) -> str:
    """Returns the document: the origin of the figures, then a table for every kind of row."""
    parts = ["# Results of the benchmarks", *_origin(rows)]
    parts.append(
        "`ratio` is ours / theirs in speed: the median of the turns, and the lowest and the"
        " highest of them. What each benchmark compares, and how, is written at the top of its"
        " file."
    )
    for name in dict.fromkeys(row["name"] for row in rows):
        parts += [
            f"## {TITLES.get(name, name)}",
            _table([row for row in rows if row["name"] == name]),
        ]
    return "\n\n".join(parts) + "\n"


def _origin(rows: list[Record]) -> list[str]:
    """Returns date, machine, versions and commands: one line for each that differs."""
    lines = []
    for key, value in (("date", str), ("machine", _facts), ("versions", _facts)):
        found = dict.fromkeys(value(row[key]) for row in rows)
        lines += [f"- {key}: {one}" for one in found]
    commands = "\n".join(dict.fromkeys(row["command"] for row in rows))
    return ["\n".join(lines), f"```\n{commands}\n```"]


def _facts(found: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_cell(value)}" for name, value in found.items())


def _table(rows: list[Record]) -> str:
    """Returns a table with one line for each row, and a column for every detail of any row, except
    lists.
    """
    against = next((row["against"] for row in rows if row["against"]), None)
    details = list(
        dict.fromkeys(
            key for row in rows for key, value in row["details"].items() if type(value) is not list
        )
    )
    columns = [f"ours, {rows[0]['unit']}"]
    if any(row["model"] for row in rows):
        columns.insert(0, "model")
    if against:
        columns.append(against)
    if any(row["ratio"] is not None for row in rows):
        columns += ["ratio", "turns"]
    columns += [detail.replace("_", " ") for detail in details]
    lines = [columns, ["---"] * len(columns), *(_line(row, columns, details) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _line(row: Record, columns: list[str], details: list[str]) -> list[str]:
    cells = [row["model"]] if columns[0] == "model" else []
    cells.append(_cell(row["ours"]))
    rest = columns[len(cells) : len(columns) - len(details)]
    if rest and rest[0] not in ("ratio", "turns"):
        cells.append(_cell(row["theirs"]))
    if "ratio" in rest:
        spread = (
            "-"
            if row["ratio"] is None
            else f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        )
        cells += [spread, str(row["turns"])]
    return cells + [_cell(row["details"].get(detail)) for detail in details]


def _cell(value: Any) -> str:
    """Returns a number with three digits, and with commas if it is large."""
    if value is None:
        return "-"
    if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 1000):
        return f"{float(f'{value:.3g}'):,.0f}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
