"""A table from what is kept of its runs: Markdown, CSV, JSON and a plot, the same bytes from the
same runs.
"""

import csv
import io
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core import files
from amkd.core.errors import UserError
from amkd.reporting import page, plots
from amkd.tables import kept, statistics, sweep
from amkd.tables.kept import Kept
from amkd.tables.statistics import Paired, Spread
from amkd.tables.table import Table


class Against(NamedTuple):
    """A cell beside a rival's on the same seeds.

    Attributes:
      paired: the comparison.
      holm: its p, adjusted for all comparisons of its row with that rival; None where there is
        none.
    """

    paired: Paired
    holm: float | None


class Cell(NamedTuple):
    """One row of a table by one way, over its seeds. Accuracies are in percent.

    Attributes:
      row: name of the row.
      way: name of the way.
      runs: what is kept of its finished runs, by seed.
      against: its comparisons, by rival.
      measure: the table's.
    """

    row: str
    way: str
    runs: list[Kept]
    against: dict[str, Against]
    measure: str

    @property
    def accuracy(self) -> Spread:
        """The students', or what the table measures in its place."""
        return _spread(self.runs, self.measure)  # type: ignore[return-value]


def _percent(found: Kept, name: str) -> float | None:
    return None if found[name] is None else 100 * found[name]


def _spread(runs: list[Kept], name: str) -> Spread | None:
    values = [value for found in runs if (value := _percent(found, name)) is not None]
    return statistics.spread(values) if values else None


def cells(table: Table, runs: list[Kept]) -> list[Cell]:
    """The finished part of a table, in its own order."""
    found = []
    for name, row in table.rows.items():
        of = {way: own for way in row.ways or table.ways if (own := _of(table, runs, name, way))}
        accuracies = {way: _accuracies(own, table.measure) for way, own in of.items()}
        beside = {rival: _against(accuracies, rival) for rival in table.against if rival in of}
        for way, own in of.items():
            against = {
                rival: compared[way] for rival, compared in beside.items() if way in compared
            }
            found.append(Cell(name, way, own, against, table.measure))
    return found


def _against(accuracies: dict[str, dict[int, float]], rival: str) -> dict[str, Against]:
    """Every way of a row beside a rival, of those that have a seed in common with it."""
    compared = {
        way: paired
        for way, own in accuracies.items()
        if way != rival and (paired := statistics.paired(own, accuracies[rival]))
    }
    adjusted = statistics.holm([paired.p for paired in compared.values()])
    return {
        way: Against(paired, p) for (way, paired), p in zip(compared.items(), adjusted, strict=True)
    }


def _of(table: Table, runs: list[Kept], row: str, way: str) -> list[Kept]:
    """The kept runs of one cell that have an accuracy, by seed.

    Raises:
      UserError: they are of different configurations, or teachers.
    """
    own = [
        one for one in runs if (one["row"], one["way"]) == (row, way) and one["seed"] in table.seeds
    ]
    configs = {json.dumps({**one["config"], "seed": None}, sort_keys=True) for one in own}
    if len(configs) > 1 or len({one["teacher"] for one in own}) > 1:
        raise UserError(
            f"what is kept of {row}, {way} comes from runs of different configurations or"
            " teachers; delete the old"
            f" files from runs/{table.name}"
        )
    return sorted(
        (one for one in own if one[table.measure] is not None), key=lambda one: one["seed"]
    )


def _accuracies(runs: list[Kept], measure: str) -> dict[int, float]:
    return {one["seed"]: 100 * one[measure] for one in runs}


def as_rows(table: Table, found: list[Cell]) -> list[dict[str, Any]]:
    """The table for machines: a dictionary for each cell, accuracies in percent."""
    return [_as_row(table, cell) for cell in found]


def _as_row(table: Table, cell: Cell) -> dict[str, Any]:
    first, row = cell.runs[0], table.rows[cell.row]
    teacher, success, agreement = (
        _spread(cell.runs, name) for name in ("teacher_accuracy", "success_rate", "agreement")
    )
    return {
        "row": cell.row,
        "way": cell.way,
        "dataset": first["dataset"],
        "teacher": first["teacher"],
        "student": first["student"],
        "method": first["method"],
        "n_real": first["n_real"],
        "queries": max(one["queries"] for one in cell.runs),
        "seeds": [one["seed"] for one in cell.runs],
        "teacher_accuracy": _rounded(teacher and teacher.mean),
        "accuracy_mean": _rounded(cell.accuracy.mean),
        "accuracy_std": _rounded(cell.accuracy.std),
        "success_rate": _rounded(success and success.mean),
        "agreement": _rounded(agreement and agreement.mean),
        "divergence": _rounded(_divergence(cell.runs), 6),
        **_compared(table, cell),
        "evaluations": round(statistics.spread([_evaluations(one) for one in cell.runs]).mean),
        "seconds": _rounded(
            statistics.spread([sum(one["seconds"].values()) for one in cell.runs]).mean, 1
        ),
        "paper": row.printed(cell.way),
        "best_published": row.best,
        "best_source": row.source,
    }


def _compared(table: Table, cell: Cell) -> dict[str, float | None]:
    """Difference, p and Holm's p for every rival of the table."""
    found = {}
    for rival in table.against:
        against = cell.against.get(rival)
        found[f"difference_{rival}"] = _rounded(against and against.paired.difference)
        found[f"p_{rival}"] = _rounded(against and against.paired.p, 6)
        found[f"holm_{rival}"] = _rounded(against and against.holm, 6)
    return found


def _divergence(runs: list[Kept]) -> float | None:
    values = [value for one in runs if (value := one["rounds"][-1].get("divergence")) is not None]
    return statistics.spread(values).mean if values else None


def _evaluations(run: Kept) -> int:
    """Of a student, to choose what to ask, in all rounds."""
    return sum(one["search"].get("evaluations", 0) for one in run["rounds"])


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def markdown(table: Table, found: list[Cell]) -> str:
    """The table for people. Accuracies in percent; quoted figures stand in columns of their own.

    Columns in which nothing is known of any row are left out. Where a row has several comparisons
    with a rival, the second p is adjusted for them.
    """
    by_labels, rows = table.measure == "student_accuracy", as_rows(table, found)
    head = (
        *("row", "way", "N", "queries", "seeds", "teacher"),
        *(
            ("student, mean ± std", "success", "agreement")
            if by_labels
            else ("agreement, mean ± std", "success", "")
        ),
        "divergence",
        *(_heading(rows, rival) for rival in table.against),
        *("evaluations", "minutes", "paper", "best published"),
    )
    told = [_line(table, row) for row in rows]
    shown = [
        bool(name) and any(line[place] != "-" for line in told or [head])
        for place, name in enumerate(head)
    ]
    lines = [tuple(itertools.compress(line, shown)) for line in (head, ["---"] * len(head), *told)]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"**{table.title}**\n\n{body}\n"


def _line(table: Table, row: dict[str, Any]) -> tuple[str, ...]:
    spread = "" if row["accuracy_std"] is None else f" ± {row['accuracy_std']:.2f}"
    best = _shown(row["best_published"]) + (f" {row['best_source']}" if row["best_source"] else "")
    return (
        row["row"],
        row["way"],
        f"{row['n_real']:,}",
        f"{row['queries']:,}",
        str(len(row["seeds"])),
        _shown(row["teacher_accuracy"]),
        _shown(row["accuracy_mean"]) + spread,
        _shown(row["success_rate"]),
        _shown(row["agreement"]),
        "-" if row["divergence"] is None else f"{row['divergence']:.4f}",
        *(_beside(row, rival) for rival in table.against),
        f"{row['evaluations']:,}" if row["evaluations"] else "-",
        f"{row['seconds'] / 60:.1f}",
        _shown(row["paper"]),
        best,
    )


def _heading(rows: list[dict[str, Any]], rival: str) -> str:
    adjusted = any(row[f"holm_{rival}"] != row[f"p_{rival}"] for row in rows)
    return f"against {rival} (p; Holm)" if adjusted else f"against {rival} (p)"


def _beside(row: dict[str, Any], rival: str) -> str:
    difference, p, holm = (row[f"{name}_{rival}"] for name in ("difference", "p", "holm"))
    if difference is None:
        return "-"
    told = "; ".join(f"{value:.3f}" for value in dict.fromkeys((p, holm)) if value is not None)
    return f"{difference:+.2f}" + (f" ({told})" if told else "")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def curves(table: Table, found: list[Cell]) -> list[dict[str, Any]]:
    """Accuracy after every round, over seeds, and against the table's rivals where those have asked
    as much.
    """
    of = {(cell.row, cell.way): _by_queries(cell) for cell in found}
    points = []
    for cell in found:
        for queries, own in of[cell.row, cell.way].items():
            there = {
                rival: of.get((cell.row, rival), {}).get(queries, {}) for rival in table.against
            }
            others = {
                rival: {} if rival == cell.way else accuracies
                for rival, accuracies in there.items()
            }
            points.append(_point(cell, queries, own, others))
    return points


def _by_queries(cell: Cell) -> dict[int, dict[int, float]]:
    """Accuracy by queries and seed, after the rounds that all runs of a cell have."""
    rounds = min(len(one["rounds"]) for one in cell.runs)
    here = [{one["seed"]: one["rounds"][number] for one in cell.runs} for number in range(rounds)]
    return {
        max(point["queries"] for point in points.values()): {
            seed: 100 * point[cell.measure] for seed, point in points.items()
        }
        for points in here
    }


def _point(
    cell: Cell, queries: int, own: dict[int, float], rivals: dict[str, dict[int, float]]
) -> dict[str, Any]:
    accuracy = statistics.spread(list(own.values()))
    compared = {rival: statistics.paired(own, accuracies) for rival, accuracies in rivals.items()}
    beside = {}
    for rival, against in compared.items():
        beside[f"difference_{rival}"] = _rounded(against and against.difference)
        beside[f"p_{rival}"] = _rounded(against and against.p, 6)
    return {
        "row": cell.row,
        "way": cell.way,
        "queries": queries,
        "accuracy_mean": _rounded(accuracy.mean),
        "accuracy_std": _rounded(accuracy.std),
        "seeds": accuracy.seeds,
        **beside,
    }


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Rows of one kind as CSV, with a heading."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def render(table: Table, folder: Path) -> str:
    """Writes the table's files beside ``runs/TABLE``, from which alone they follow.

    Args:
      table: the table.
      folder: of the results; ``runs/TABLE`` in it holds what is kept of the runs.

    Returns:
      The Markdown.
    """
    found = cells(table, kept.read(folder / "runs" / table.name))
    rows, points, text = as_rows(table, found), curves(table, found), markdown(table, found)
    files.write_text(folder / f"{table.name}.md", text)
    files.write_text(folder / f"{table.name}.csv", as_csv(rows))
    files.write_text(folder / f"{table.name}.json", json.dumps(rows, indent=1) + "\n")
    files.write_text(folder / f"{table.name}-curves.csv", as_csv(points))
    picture = folder / f"{table.name}.png" if points else None
    measured = "test accuracy" if table.measure == "student_accuracy" else table.measure
    if picture:
        plots.curves(points, measured, table.title, picture)
    files.write_text(
        folder / f"{table.name}.html", page.of_table(table.title, measured, rows, picture)
    )
    return text


def gather(table: Table, workdir: Path, folder: Path) -> tuple[int, int]:
    """Keeps what is finished of a table's runs in a folder of results; how many are, and of how
    many.
    """
    runs = sweep.expand(table, workdir)
    done = 0
    for one, place in sweep.finished(runs, workdir):
        kept.write(kept.of(*one, place), folder / "runs" / table.name)
        done += 1
    return done, len(runs)
