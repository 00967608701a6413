"""The part of a run's page about its rounds: learning curves, and the figures of each round."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from amkd.reporting import drawing, interval, summary_text, svg_chart
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import folded, meanings, percent, table, text
from amkd.reporting.svg_chart import Curve, Point

# Shares that are measured after every round, and the number of images that each was counted on.
MEASURES = {"student_accuracy": "accuracy_images", "agreement": "agreement_images"}
NAMES = {"student_accuracy": "student accuracy", "agreement": "agreement"}
_COLOURS = {"agreement": 0, "student_accuracy": 1}
_TEACHER = 2  # its colour
_INTERVAL = "95% interval"
_EPOCHS = 200  # the largest number of epochs of a round that are drawn

Entry = dict[str, Any]


def parts(summary: Entry, epochs: Sequence[Entry]) -> Iterator[str]:
    """Yields the HTML of the part.

    Args:
      summary: the content of ``summary.json``.
      epochs: the entries of epochs, as in ``metrics.jsonl``.
    """
    rounds = summary["rounds"]
    yield "<h2>Learning curves</h2>"
    drawings = [*([share] if (share := shares(summary)) else []), *losses(epochs)]
    if drawings:
        yield drawing.plots(drawings)
        yield text(
            "Shares are measured after every round, and are shown with 95% intervals (Wilson). The"
            " interval shows how uncertain a share is because the number of images is limited."
        )
    columns = _columns(rounds)
    rows = ([column.cell(entry) for column in columns] for entry in rounds)
    yield table([column.title for column in columns], rows)
    terms = [term for column in columns for term in column.terms]
    if any(entry.get("loss") is not None for entry in epochs):
        terms.append("loss")
    yield folded("What these words mean", meanings(*dict.fromkeys(terms)))


def measured(summary: Entry) -> list[str]:
    """Returns which of the shares the rounds of a run have."""
    return [
        name for name in MEASURES if any(entry.get(name) is not None for entry in summary["rounds"])
    ]


def points(rounds: Sequence[Entry], measure: str, scale: float = 1.0) -> tuple[Point, ...]:
    """Returns a share after each round, with its interval, against queries.

    Args:
      rounds: entries of rounds.
      measure: one of :data:`MEASURES`.
      scale: factor of the queries, such as the price of one.
    """
    found = []
    for entry in rounds:
        share, images = entry.get(measure), entry.get(MEASURES[measure])
        if share is not None:
            low, high = interval.wilson(share, images) if images else (share, share)
            found.append(Point(scale * entry["queries"], share, low, high))
    return tuple(found)


def shares(summary: Entry, scale: float = 1.0, x_label: str = "") -> Drawing | None:
    """Draws the shares after every round; None if the student was not evaluated.

    Args:
      summary: the content of ``summary.json``.
      scale: factor of the queries.
      x_label: the label below the chart; empty for queries.
    """
    names = measured(summary)
    if not names:
        return None
    curves = [
        Curve(_COLOURS[name], NAMES[name], points(summary["rounds"], name, scale)) for name in names
    ]
    share, images = summary.get("teacher_accuracy"), summary.get("teacher_images")
    if share is not None and "student_accuracy" in names:
        low, high = interval.wilson(share, images) if images else (share, share)
        ends = curves[0].points[0].x, curves[0].points[-1].x
        level = tuple(Point(x, share, low, high) for x in ends)
        curves.append(Curve(_TEACHER, "teacher accuracy", level, "band"))
    shown = " and ".join(NAMES[name] for name in names[::-1]).capitalize()
    against = x_label or "queries, real images included"
    title = f"{shown} against {'money' if x_label else 'queries'}"
    return svg_chart.chart(title, against, curves)


def losses(epochs: Sequence[Entry]) -> Iterator[Drawing]:
    """Yields the training loss of every round by epoch, if it is known."""
    by_round: dict[int, list[Entry]] = {}
    for entry in epochs:
        if entry.get("loss") is not None:
            by_round.setdefault(entry["round"], []).append(entry)
    if by_round:
        curves = []
        for number, own in sorted(by_round.items()):
            places = np.unique(np.linspace(0, len(own) - 1, _EPOCHS).astype(int))
            xs, ys = ([own[place][name] for place in places] for name in ("epoch", "loss"))
            curves.append(svg_chart.line(number, f"round {number}", xs, ys))
        yield svg_chart.chart("Training loss in every round", "epoch", curves, percent=False)


class _Column(NamedTuple):
    """A column of the table of rounds.

    Attributes:
      title: the title above it.
      cell: returns the text of a round, a dash if there is no value.
      terms: the terms that a reader may not know.
    """

    title: str
    cell: Callable[[Entry], str]
    terms: tuple[str, ...]


def _columns(rounds: Sequence[Entry]) -> list[_Column]:
    """Returns the columns in which any round has a figure."""
    ranges = (summary_text.score_range(entry) for entry in rounds)
    score = next((one.name for one in ranges if one), "C2")
    recall = "share of the k lowest found"
    columns = (
        _Column("round", lambda entry: str(entry["round"]), ("round",)),
        _Column("queries", lambda entry: f"{entry['queries']:,}", ("query",)),
        _Column("student accuracy", _share("student_accuracy"), ("student accuracy", _INTERVAL)),
        _Column("agreement", _share("agreement"), ("agreement", "evaluation images", _INTERVAL)),
        _Column("divergence", _divergence, ("divergence",)),
        _Column(score, _scores, (score,)),
        _Column(recall, _recall, (recall,)),
        _Column("evaluations", _evaluations, ("evaluations",)),
    )
    return [one for one in columns if any(one.cell(entry) != "-" for entry in rounds)]


def _share(name: str) -> Callable[[Entry], str]:
    def cell(entry: Entry) -> str:
        return "-" if entry.get(name) is None else summary_text.measured(entry, name)

    return cell


def _scores(entry: Entry) -> str:
    found = summary_text.score_range(entry)
    return f"{found.lowest:.3f} to {found.highest:.3f}" if found else "-"


def _recall(entry: Entry) -> str:
    recall = entry.get("search", {}).get("recall")
    return f"{percent(recall['low'])} or more" if recall else "-"


def _evaluations(entry: Entry) -> str:
    found = entry.get("search", {}).get("evaluations")
    return f"{found:,}" if found else "-"


def _divergence(entry: Entry) -> str:
    found = entry.get("divergence")
    return "-" if found is None else f"{found:.4f}"
