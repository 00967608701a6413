"""The HTML report of a table of runs."""

from pathlib import Path
from typing import Any

from amkd.reporting import html_parts

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
)
_LAST_NAMES = ("evaluations", "paper", "best_published")


def render(title: str, measured: str, rows: list[dict[str, Any]], *, picture: Path | None) -> str:
    """Returns the page of a table.

    Args:
      title: of the table.
      measured: what its accuracies are of, in words.
      rows: a dictionary for each cell, as in the table's JSON file.
      picture: a PNG file of its curves; None if there are none.
    """
    keys = rows[0] if rows else {}
    compared = [name for name in keys if name.startswith(("difference_", "p_", "holm_"))]
    head = (
        *("row", "way", "N", "queries", "seeds", "teacher", measured, "±", "success", "agreement"),
        "divergence",
        *(name.replace("_", " ", 1).replace("difference", "against") for name in compared),
        *("evaluations", "paper", "best published"),
    )
    names = (*_NAMES, *compared, *_LAST_NAMES)
    parts = [
        f"<h1>{html_parts.escape(title)}</h1><p>Accuracies in percent; quoted figures stand in"
        " columns of their own.</p>",
        html_parts.table(head, [[_cell(name, row[name]) for name in names] for row in rows]),
    ]
    if picture:
        caption = f"{measured.capitalize()} against queries, mean and spread over seeds"
        parts.append(html_parts.figure(caption, picture))
    return html_parts.page(title, parts)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "divergence":
        return f"{value:.4f}"
    if name.startswith(("p_", "holm_")):
        return f"{value:.3f}"
    if isinstance(value, list):
        return str(len(value))
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
