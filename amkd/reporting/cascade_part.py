"""The part of a run's page about the cascade: what it is, the curve, and its figures."""

from collections.abc import Iterator
from typing import Any

from amkd.reporting.html_parts import escape, percent, table

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 44  # margins
_HEAD = ("answered by the student", "threshold", "agreement", "95% interval")
_STEPS = 4  # lines across the drawing

Told = dict[str, Any]


def parts(told: Told | None, currency: str) -> Iterator[str]:
    """Yields the HTML of the part; nothing if the cascade was not measured.

    Args:
      told: ``cascade`` of the summary.
      currency: of the costs.
    """
    if not told:
        return
    yield "<h2>Student and teacher together: the cascade</h2>"
    yield (
        "<p>The student answers an image if its highest probability reaches the threshold. The"
        " teacher answers all other images, for its price. Agreement: how often the answer is the"
        f" teacher's class, over all images. Measured on {told['images']:,} images that the"
        " student was not trained on.</p>"
    )
    yield _drawing(told["points"])
    yield from map(_wanted_line, _wanted(told, currency))
    priced = any(point["cost"] for point in told["points"])
    head = (*_HEAD, f"cost of 1,000 images, {currency}".rstrip(", ")) if priced else _HEAD
    rows = (_row(point)[: len(head)] for point in told["points"])
    yield f"<details><summary>All thresholds</summary>{table(head, rows)}</details>"


def _wanted_line(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _wanted(told: Told, currency: str) -> Iterator[str]:
    """Yields sentences about the agreement that is wanted."""
    wanted = told["wanted"]
    if not wanted:
        return
    goal = percent(wanted["agreement"])
    yield f"For an agreement of {goal}, as measured: {_choice(wanted['estimate'], currency)}"
    yield f"With the whole 95% interval at {goal} or above: {_choice(wanted['surely'], currency)}"


def _choice(point: Told | None, currency: str) -> str:
    if point is None:
        return "no threshold; more images that judge make the interval narrower."
    if point["threshold"] is None:
        return "no threshold; the teacher must answer all images."
    cost = f", {point['cost']:,.6g} {currency} for 1,000 images".rstrip()
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
        f"{point['cost']:,.6g}",
    ]


def _drawing(points: list[Told]) -> str:
    """Draws agreement against the share that the student answers, with the interval as a band."""
    floor = _floor(min(point["low"] for point in points))

    def place(local: float, agreement: float) -> str:
        across = _LEFT + local * (_WIDTH - _LEFT - _RIGHT)
        down = _TOP + (1 - agreement) / (1 - floor) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    line = " ".join(place(point["local"], point["agreement"]) for point in points)
    band = [place(point["local"], point["high"]) for point in points]
    band += [place(point["local"], point["low"]) for point in reversed(points)]
    ends = points[0], points[-1]
    label = (
        f"Agreement of the cascade: {percent(ends[0]['agreement'])} where the student answers"
        f" nothing, {percent(ends[1]['agreement'])} where it answers all images"
    )
    return (
        f'<div class="wide"><svg role="img" aria-label="{escape(label)}"'
        f' viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}"'
        ' style="max-width: 100%; height: auto; font: 12px system-ui, sans-serif">'
        f"{''.join(_axes(floor))}"
        f'<polygon points="{" ".join(band)}" fill="rgba(var(--accent), .2)"/>'
        f'<polyline points="{line}" fill="none" stroke="rgb(var(--accent))" stroke-width="2"/>'
        "</svg></div>"
    )


def _floor(lowest: float) -> float:
    """Returns where the axis of the agreement begins: a multiple of 10%, below 100%."""
    return min(int(10 * lowest) / 10, 0.9)


def _axes(floor: float) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for step in range(_STEPS + 1):
        share = step / _STEPS
        down = bottom - share * (bottom - _TOP)
        across = _LEFT + share * (right - _LEFT)
        yield (
            f'<line x1="{_LEFT}" x2="{right}" y1="{down:.1f}" y2="{down:.1f}"'
            ' style="stroke: var(--line)"/>'
        )
        yield _text(_LEFT - 6, down + 4, f"{100 * (floor + share * (1 - floor)):.3g}%", "end")
        yield _text(
            across, bottom + 16, f"{100 * share:.0f}%", "end" if step == _STEPS else "middle"
        )
    yield _text((_LEFT + right) / 2, _HEIGHT - 6, "images that the student answers", "middle")
    yield _text(_LEFT + 6, bottom - 6, "agreement of the whole", "start")


def _text(across: float, down: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}"'
        f' style="fill: var(--soft)">{text}</text>'
    )
