"""The HTML report of a table of runs."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from amkd.reporting import drawing, html_parts
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import folded, meanings, text

_NAMES = (
    "row",
    "way",
    "n_real",
    "queries",
    "seeds",
    "teacher_accuracy",
    "accuracy_mean",
    "accuracy_std",
    "success_rate",
    "agreement",
    "divergence",
    "calibration_error",
    "brier_score",
)
_LAST_NAMES = ("evaluations", "paper", "best_published")
_TERMS = (
    *("way", "query", "student accuracy", "success rate", "agreement", "divergence", "difference"),
    *("ECE", "Brier score", "p", "Holm's p", "interval of a difference", "evaluations"),
)


def render(
    title: str,
    measured: str,
    rows: list[dict[str, Any]],
    *,
    curves: Sequence[Drawing] = (),
    differences: Sequence[Drawing] = (),
    planned: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = (),
) -> str:
    """Returns the page of a table.

    Args:
      title: the title of the table.
      measured: the measured quantity, in words.
      rows: a dictionary for each cell, as in the table's JSON file.
      curves: drawings of the shares against queries.
      differences: drawings of the paired differences.
      planned: title, heading and lines of each block of planned comparisons.
    """
    keys = rows[0] if rows else {}
    compared = [name for name in keys if name.startswith(("difference_", "p_", "holm_"))]
    head = (
        *("row", "way", "N", "queries", "seeds", "teacher", measured, "±", "success", "agreement"),
        *("divergence", "ECE", "Brier"),
        *(name.replace("_", " ", 1).replace("difference", "against") for name in compared),
        *("evaluations", "paper", "best published"),
    )
    names = (*_NAMES, *compared, *_LAST_NAMES)
    cells = [[_cell(name, row) for name in names] for row in rows]
    shown = [
        # A table that compares agreement has this column once, and no column is empty.
        (heading != measured or name == "accuracy_mean")
        and any(row[place] != "-" for row in cells or [list(head)])
        for place, (name, heading) in enumerate(zip(names, head, strict=True))
    ]
    parts = [
        drawing.STYLE,
        f"<h1>{html_parts.escape(title)}</h1>",
        text(
            "Accuracies are in percent, as means over seeds ± standard deviation. N is the number"
            " of real images. Figures from publications are in separate columns."
        ),
        html_parts.table(compress(head, shown), [compress(row, shown) for row in cells]),
        folded("What these words mean", meanings(*_TERMS)),
    ]
    parts += _planned(measured, planned)
    parts += [*_drawn_differences(measured, differences), *_drawn_curves(measured, curves)]
    return html_parts.page(title, parts)


def seeds(record: dict[str, Any]) -> str:
    """Returns how many of the planned seeds were run, as text."""
    done, planned = len(record["seeds"]), record["seeds_planned"]
    if not done:
        return "not run"
    return str(done) if done == planned else f"{done} of {planned}"


def _planned(
    measured: str, blocks: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]]
) -> Iterator[str]:
    """Yields the part of the planned comparisons, if there are any."""
    if blocks:
        yield "<h2>Planned comparisons</h2>"
        yield text(
            f"Each difference is the way minus its baseline, in percentage points of {measured},"
            " paired by seed. The comparisons were planned before the runs; the first comparison"
            " of a block is its primary one. Holm's p is adjusted for all comparisons of its block."
        )
        for title, head, lines in blocks:
            yield f"<h3>{html_parts.escape(title)}</h3>"
            yield html_parts.table(head, lines)


def _drawn_differences(measured: str, drawings: Sequence[Drawing]) -> Iterator[str]:
    """Yields the part of the paired differences, if there are any."""
    if drawings:
        yield "<h2>Paired differences</h2>"
        yield text(
            f"Each way minus its baseline, in percentage points of {measured}, paired by seed: the"
            " mean and its 95% interval (Student's t). If the interval contains 0, the result is"
            " inconclusive with these seeds. An arrow means that the interval continues beyond the"
            " plot. A point without a line has one seed and no interval."
        )
        yield drawing.plots(drawings)


def _drawn_curves(measured: str, drawings: Sequence[Drawing]) -> Iterator[str]:
    """Yields the part of the curves, if there are any."""
    if drawings:
        yield "<h2>Curves</h2>"
        yield text(
            f"{measured.capitalize()} against queries: mean and standard deviation over seeds."
        )
        yield drawing.plots(drawings)


def _cell(name: str, row: dict[str, Any]) -> str:
    value = row[name]
    if name == "seeds":
        return seeds(row)
    if value is None:
        return "-"
    if name in ("divergence", "calibration_error", "brier_score"):
        return f"{value:.4f}"
    if name.startswith(("p_", "holm_")):
        return f"{value:.3f}"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
