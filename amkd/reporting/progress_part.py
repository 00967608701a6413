"""The part of a run's page about its rounds: learning curves, and the figures of each round."""

from collections.abc import Iterator, Sequence
from typing import Any

from amkd.reporting import drawing, interval, summary_text, svg_chart
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import folded, meanings, percent, table, text
from amkd.reporting.svg_chart import Curve, Point

# Shares that are measured after every round, and the number of images that each was counted on.
MEASURES = {"student_accuracy": "accuracy_images", "agreement": "agreement_images"}
NAMES = {"student_accuracy": "student accuracy", "agreement": "agreement"}
_COLOURS = {"agreement": 0, "student_accuracy": 1}
_TEACHER = 2  # its colour

Entry = dict[str, Any]


def parts(summary: Entry, epochs: Sequence[Entry]) -> Iterator[str]:
    """Yields the HTML of the part.

    Args:
      summary: as in ``summary.json``.
      epochs: the entries of epochs, as in ``metrics.jsonl``.
    """
    rounds = summary["rounds"]
    yield "<h2>Learning curves</h2>"
    drawings = [*([share] if (share := shares(summary)) else []), *losses(epochs)]
    if drawings:
        yield drawing.plots(drawings)
        yield text(
            "After every round, with 95% intervals (Wilson): so far may a share be off because it"
            " was counted on few images."
        )
    columns = [column for column in _COLUMNS if any(column.shown(entry) for entry in rounds)]
    rows = ([column.cell(entry) for column in columns] for entry in rounds)
    yield table([column.title(rounds) for column in columns], rows)
    terms = [term for column in columns for term in column.terms(rounds)]
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
    """Draws the shares after every round; None if nothing judged the student.

    Args:
      summary: as in ``summary.json``.
      scale: factor of the queries.
      x_label: below the chart; empty for queries.
    """
    names = measured(summary)
    if not names:
        return None
    curves = [
        Curve(_COLOURS[name], NAMES[name], points(summary["rounds"], name, scale)) for name in names
    ]
    share, images = summary.get("teacher_accuracy"), summary.get("agreement_images")
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
        curves = [
            svg_chart.line(
                number,
                f"round {number}",
                [entry["epoch"] for entry in own],
                [entry["loss"] for entry in own],
            )
            for number, own in sorted(by_round.items())
        ]
        yield svg_chart.chart("Training loss in every round", "epoch", curves, percent=False)


class _Column:
    """A column of the table of rounds; its name is a term, unless it says others."""

    def __init__(self, name: str, cell: Any, *terms: str) -> None:
        self._name, self._cell, self._terms = name, cell, terms or (name,)

    def shown(self, entry: Entry) -> bool:
        """Tells whether a round has it."""
        return self.cell(entry) != "-"

    def cell(self, entry: Entry) -> str:
        """Returns the text of a round."""
        return str(self._cell(entry))

    def title(self, rounds: Sequence[Entry]) -> str:
        """Returns the heading."""
        del rounds
        return self._name

    def terms(self, rounds: Sequence[Entry]) -> tuple[str, ...]:
        """Returns the terms that a reader may not know."""
        del rounds
        return self._terms


class _Scores(_Column):
    """The column of C1 or C2, as the method scores."""

    def title(self, rounds: Sequence[Entry]) -> str:
        """Returns the score's name."""
        return self.terms(rounds)[0]

    def terms(self, rounds: Sequence[Entry]) -> tuple[str, ...]:
        """Returns the score's name."""
        found = (summary_text.score_range(entry) for entry in rounds)
        return tuple(dict.fromkeys(one.name for one in found if one))


def _share(name: str) -> Any:
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


_COLUMNS = (
    _Column("round", lambda entry: entry["round"]),
    _Column("queries", lambda entry: f"{entry['queries']:,}", "query"),
    _Column("student accuracy", _share("student_accuracy"), "student accuracy", "95% interval"),
    _Column("agreement", _share("agreement"), "agreement", "judging images", "95% interval"),
    _Column("divergence", _divergence),
    _Scores("", _scores),
    _Column("share of the k lowest found", _recall),
    _Column("evaluations", _evaluations),
)
