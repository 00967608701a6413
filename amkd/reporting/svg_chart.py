"""A line chart as inline SVG: curves of shares with intervals, in colours that follow dark mode."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

from amkd.reporting.html_parts import escape

_LIGHT = ("#1d4ed8", "#b45309", "#047857", "#be185d", "#6d28d9", "#0e7490", "#4d7c0f", "#b91c1c")
_DARK = ("#7aa7ff", "#fbbf24", "#34d399", "#f472b6", "#c4b5fd", "#22d3ee", "#a3e635", "#f87171")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")
MOST_CURVES = len(_LIGHT) * len(_DASHES)

_WIDTH, _HEIGHT = 420, 290  # in units of the picture, which a page scales
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 12, 12, 44
_TICKS = 5


def _colours(values: Sequence[str]) -> str:
    return " ".join(f"--curve-{number}: {value};" for number, value in enumerate(values))


STYLE = f"""<style>
:root {{ {_colours(_LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_colours(_DARK)} }} }}
.chart {{ display: block; width: 100%; max-width: 44rem; height: auto; }}
.chart text {{ fill: var(--ink); font: 12px system-ui, sans-serif; }}
.chart .grid {{ stroke: var(--line); }}
.chart .curve {{ fill: none; stroke-width: 2; }} .chart .span {{ stroke-width: 1.3; opacity: .75; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; \
font-size: .9rem; }}
.legend svg {{ width: 2.2rem; height: .8rem; margin-right: .4rem; vertical-align: middle; }}
.legend li {{ overflow-wrap: anywhere; }}
</style>"""


@dataclasses.dataclass(frozen=True)
class Point:
    """A share that was measured, and its interval.

    Attributes:
      x: where it was measured, such as queries or money.
      share: in [0, 1].
      low: lower end of the interval.
      high: upper end of the interval.
    """

    x: float
    share: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Curve:
    """The points of one run.

    Attributes:
      number: decides colour and dashes, the same in all charts of a page.
      name: of the run.
      points: by ascending x.
    """

    number: int
    name: str
    points: tuple[Point, ...]


def chart(title: str, x_label: str, curves: Sequence[Curve]) -> str:
    """Returns a chart of shares in percent; a point shows its figures where the mouse rests.

    Args:
      title: what is shown, for a person who does not see it.
      x_label: below the chart.
      curves: at least one, each with a point or more.
    """
    points = [point for curve in curves for point in curve.points]
    x_ticks = ticks(min(0.0, *(point.x for point in points)), max(point.x for point in points))
    y_ticks = ticks(
        100 * min(point.low for point in points), 100 * max(point.high for point in points)
    )
    frame = _Frame(x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1])
    body = [*_axes(frame, x_ticks, y_ticks, x_label)]
    for curve in curves:
        body += _drawn(frame, curve)
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"'
        f' aria-label="{escape(title)}">{"".join(body)}</svg>'
    )


def legend(curves: Sequence[Curve]) -> str:
    """Returns the names of the curves beside their colours and dashes."""
    rows = "".join(
        f'<li><svg viewBox="0 0 36 12" aria-hidden="true"><path d="M0 6 H36"{_stroke(curve)}'
        f' stroke-width="3"></path></svg>{escape(curve.name)}</li>'
        for curve in curves
    )
    return f'<ul class="legend">{rows}</ul>'


def ticks(low: float, high: float) -> list[float]:
    """Returns round numbers at equal distances, the first at most ``low``, the last at least
    ``high``.
    """
    rough = max(high - low, 1e-9) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Where the values of both axes lie in the picture."""

    left: float
    right: float
    bottom: float
    top: float

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left)
        return round(_LEFT + share * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(self, percent: float) -> float:
        share = (percent - self.bottom) / (self.top - self.bottom)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _axes(
    frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str
) -> Iterator[str]:
    for tick in y_ticks:
        y = frame.y(tick)
        yield f'<path class="grid" d="M{_LEFT} {y} H{_WIDTH - _RIGHT}"></path>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{tick:g}%</text>'
    for tick in x_ticks:
        x = frame.x(tick)
        yield f'<path class="grid" d="M{x} {_TOP} V{_HEIGHT - _BOTTOM}"></path>'
        yield (
            f'<text x="{x}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:,.10g}</text>'
        )
    yield (
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 6}" text-anchor="middle">'
        f"{escape(x_label)}</text>"
    )


def _drawn(frame: _Frame, curve: Curve) -> Iterator[str]:
    places = [(frame.x(point.x), frame.y(100 * point.share)) for point in curve.points]
    line = " L".join(f"{x} {y}" for x, y in places)
    yield f'<path class="curve" d="M{line}"{_stroke(curve)}></path>'
    colour = f"var(--curve-{curve.number % len(_LIGHT)})"
    for (x, y), point in zip(places, curve.points, strict=True):
        low, high = frame.y(100 * point.low), frame.y(100 * point.high)
        told = (
            f"{curve.name}: {100 * point.share:.1f}%, 95% interval {100 * point.low:.1f} to"
            f" {100 * point.high:.1f}, at {point.x:,.10g}"
        )
        yield (
            f'<path class="span" style="stroke: {colour}" d="M{x} {low} V{high} M{x - 3} {low}'
            f' H{x + 3} M{x - 3} {high} H{x + 3}"></path>'
            f'<circle cx="{x}" cy="{y}" r="3" style="fill: {colour}">'
            f"<title>{escape(told)}</title></circle>"
        )


def _stroke(curve: Curve) -> str:
    colour = curve.number % len(_LIGHT)
    dash = _DASHES[curve.number // len(_LIGHT) % len(_DASHES)]
    dashes = f"; stroke-dasharray: {dash}" if dash else ""
    return f' style="stroke: var(--curve-{colour}){dashes}"'
