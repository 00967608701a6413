"""The part of a run's page about the cascade: what it is, the curve, and its figures."""

from collections.abc import Iterator
from typing import Any

from amkd.core.text import plain
from amkd.reporting import drawing, svg_chart
from amkd.reporting.drawing import Drawing
from amkd.reporting.html_parts import escape, folded, percent, table
from amkd.reporting.svg_chart import Curve, Point

_HEAD = ("answered by the student", "threshold", "agreement", "95% interval")

Told = dict[str, Any]


def parts(told: Told | None, currency: str) -> Iterator[str]:
    """Yields the HTML of the part; nothing if the cascade was not measured.

    Args:
      told: ``cascade`` of the summary.
      currency: the currency of the costs.
    """
    if not told:
        return
    yield "<h2>Student and teacher together: the cascade</h2>"
    yield (
        "<p>The student answers an image if its highest probability reaches the threshold. The"
        " teacher answers all other images, at its price. Agreement is the share of images for"
        f" which the answer is the teacher's class. It was measured on {told['images']:,} images"
        f" that the student was not trained on.{_unnamed(told)}</p>"
    )
    yield drawing.plots([_drawing(told["points"])])
    yield from map(_wanted_line, _wanted(told, currency))
    priced = any(point["cost"] for point in told["points"])
    head = (*_HEAD, f"cost of 1,000 images, {currency}".rstrip(", ")) if priced else _HEAD
    rows = (_row(point)[: len(head)] for point in told["points"])
    yield folded("All thresholds", table(head, rows))


def _unnamed(told: Told) -> str:
    """Returns a sentence about images for which the teacher names no class; empty without any."""
    unnamed = told["images"] - told.get("named", told["images"])
    return (
        f" For {unnamed:,} of them the teacher names no class: they count for the share and the"
        " cost, but not for the agreement."
        if unnamed
        else ""
    )


def _wanted_line(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _wanted(told: Told, currency: str) -> Iterator[str]:
    """Yields sentences about the required agreement."""
    wanted = told["wanted"]
    if not wanted:
        return
    goal = percent(wanted["agreement"])
    yield f"For a measured agreement of {goal} or more: {_choice(wanted['estimate'], currency)}"
    yield f"For a 95% interval that lies at or above {goal}: {_choice(wanted['surely'], currency)}"


def _choice(point: Told | None, currency: str) -> str:
    if point is None:
        return "no threshold; more evaluation images make the interval narrower."
    if point["threshold"] is None:
        return "no threshold; the teacher must answer all images."
    cost = f", {plain(point['cost'], 6)} {currency} for 1,000 images".rstrip()
    return (
        f"threshold {point['threshold']:.4f}; the student answers {percent(point['local'])}"
        f"{cost if point['cost'] else ''}."
    )


def _row(point: Told) -> list[str]:
    threshold = "-" if point["threshold"] is None else f"{point['threshold']:.4f}"
    span = f"{100 * point['low']:.1f} to {100 * point['high']:.1f}"
    return [
        percent(point["local"]),
        threshold,
        percent(point["agreement"]),
        span,
        plain(point["cost"], 6),
    ]


def _drawing(points: list[Told]) -> Drawing:
    """Draws agreement against the share that the student answers, with the interval as a band."""
    measured = (
        Point(point["local"], point["agreement"], point["low"], point["high"]) for point in points
    )
    return svg_chart.chart(
        "Agreement of the cascade",
        "images that the student answers",
        [Curve(0, "agreement, with its 95% interval", tuple(measured), "band")],
        x_percent=True,
    )
