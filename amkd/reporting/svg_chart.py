"""A line chart with intervals, as a vector drawing."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Literal

from amkd.reporting import palette
from amkd.reporting.drawing import CHARACTER, WIDTH, Drawing, stroke
from amkd.reporting.html_parts import escape

_DASHES = ("", "6 3", "2 3", "8 3 2 3")
MOST_CURVES = palette.CURVES * len(_DASHES)

_HEIGHT = 280
_RIGHT, _TOP, _BOTTOM = 14, 12, 46
_TICKS = 5

# How a curve is drawn: points with their intervals; a line with a band; a line alone; or a thin
# line for comparison.
Kind = Literal["points", "band", "line", "reference"]


@dataclasses.dataclass(frozen=True)
class Point:
    """A measured value, and its interval.

    Attributes:
      x: the position at which it was measured, such as queries or money.
      y: the measured value; a share in [0, 1] in a chart of percent.
      low: lower end of the interval.
      high: upper end of the interval.
    """

    x: float
    y: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Curve:
    """The points of one line.

    Attributes:
      number: decides colour and dashes, the same in all charts of a page.
      name: its name in the legend.
      points: its points, in order of x.
      kind: how it is drawn.
      span: what the interval of a point is, in words.
    """

    number: int
    name: str
    points: tuple[Point, ...]
    kind: Kind = "points"
    span: str = "95% interval"


def line(number: int, name: str, xs: Sequence[float], ys: Sequence[float]) -> Curve:
    """Returns a curve without intervals."""
    points = (Point(x, y, y, y) for x, y in zip(xs, ys, strict=True))
    return Curve(number, name, tuple(points), "line")


def chart(
    title: str,
    x_label: str,
    curves: Sequence[Curve],
    *,
    percent: bool = True,
    x_percent: bool = False,
    legend: bool = True,
) -> Drawing:
    """Returns a chart; each point has a tooltip with its figures.

    Args:
      title: what is shown.
      x_label: the label below the chart.
      curves: one or more, each with a point or more.
      percent: whether y is a share, shown in percent.
      x_percent: whether x is also a share.
      legend: whether the chart has a legend of its curves.
    """
    scales = 100.0 if x_percent else 1.0, 100.0 if percent else 1.0
    scaled = [_scaled(curve, *scales) for curve in curves]
    points = [point for curve in scaled for point in curve.points]
    x_ticks = ticks(min(0.0, *(point.x for point in points)), max(point.x for point in points))
    y_ticks = ticks(min(point.low for point in points), max(point.high for point in points))
    units = "%" if x_percent else "", "%" if percent else ""
    left = 16 + CHARACTER * max(len(f"{tick:g}{units[1]}") for tick in y_ticks)
    frame = _Frame(left, x_ticks[0], x_ticks[-1], y_ticks[0], y_ticks[-1], units)
    body = [*_axes(frame, x_ticks, y_ticks, x_label)]
    for curve in scaled:
        body += _drawn(frame, curve)
    names = tuple((curve.name, curve_stroke(curve)) for curve in curves) if legend else ()
    return Drawing(title, _HEIGHT, "".join(body), names)


def ticks(low: float, high: float) -> list[float]:
    """Returns round numbers at equal distances, the first at most ``low``, the last at least
    ``high``.
    """
    # Even if the values are almost equal, the labels of the ticks must differ.
    least = max(1e-9, 1e-4 * max(abs(low), abs(high)))
    rough = max(high - low, least) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def every(labels: Sequence[str], units: float) -> int:
    """Returns n such that every n-th label along an axis can be written and no two labels touch."""
    widest = max(len(label) for label in labels) * CHARACTER + 10
    return max(math.ceil(widest * (len(labels) - 1) / units), 1)


@dataclasses.dataclass(frozen=True)
class _Frame:
    """The positions of the values of both axes in the drawing."""

    margin: float
    left: float
    right: float
    bottom: float
    top: float
    units: tuple[str, str]

    def x(self, value: float) -> float:
        share = (value - self.left) / (self.right - self.left)
        return round(self.margin + share * (WIDTH - self.margin - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.bottom) / (self.top - self.bottom)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _scaled(curve: Curve, x_scale: float, y_scale: float) -> Curve:
    points = (
        Point(x_scale * one.x, y_scale * one.y, y_scale * one.low, y_scale * one.high)
        for one in curve.points
    )
    return dataclasses.replace(curve, points=tuple(points))


def _axes(
    frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str
) -> Iterator[str]:
    left, bottom = round(frame.margin, 1), _HEIGHT - _BOTTOM
    for tick in y_ticks:
        y = frame.y(tick)
        yield f'<path class="grid" d="M{left} {y} H{WIDTH - _RIGHT}"></path>'
        label = f"{tick:g}{frame.units[1]}"
        yield f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
    labels = [f"{tick:,.10g}{frame.units[0]}" for tick in x_ticks]
    step = every(labels, WIDTH - _RIGHT - frame.margin)
    for number, (tick, label) in enumerate(zip(x_ticks, labels, strict=True)):
        x = frame.x(tick)
        yield f'<path class="grid" d="M{x} {_TOP} V{bottom}"></path>'
        if number % step == 0:
            beyond = x + len(label) * CHARACTER / 2 + 3 > WIDTH
            at, anchor = (WIDTH - 1, "end") if beyond else (x, "middle")
            yield f'<text x="{at}" y="{bottom + 18}" text-anchor="{anchor}">{label}</text>'
    middle = round((frame.margin + WIDTH - _RIGHT) / 2, 1)
    yield f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'


def _drawn(frame: _Frame, curve: Curve) -> Iterator[str]:
    places = [(frame.x(point.x), frame.y(point.y)) for point in curve.points]
    colour = palette.curve(curve.number)
    if curve.kind == "band":
        edge = [(frame.x(point.x), frame.y(point.high)) for point in curve.points]
        edge += [(frame.x(point.x), frame.y(point.low)) for point in reversed(curve.points)]
        around = " ".join(f"{x},{y}" for x, y in edge)
        yield f'<polygon class="band" points="{around}" style="fill: {colour}"></polygon>'
    path = " L".join(f"{x} {y}" for x, y in places)
    yield f'<path class="curve" d="M{path}"{curve_stroke(curve)}></path>'
    if curve.kind == "points":
        yield from (_marked(frame, curve, point, colour) for point in curve.points)


def _marked(frame: _Frame, curve: Curve, point: Point, colour: str) -> str:
    x, y, low, high = frame.x(point.x), *map(frame.y, (point.y, point.low, point.high))
    x_unit, unit = frame.units
    told = f"{curve.name}: {_number(point.y, unit)}"
    if point.low < point.high:
        told += f", {curve.span} {_number(point.low)} to {_number(point.high)}"
    told += f", at {point.x:.1f}%" if x_unit else f", at {point.x:,.10g}"
    span = ""
    if point.low < point.high:
        span = (
            f'<path class="span" style="stroke: {colour}" d="M{x} {low} V{high} M{x - 3:.1f} {low}'
            f' h6 M{x - 3:.1f} {high} h6"></path>'
        )
    return (
        f'{span}<circle cx="{x}" cy="{y}" r="3" style="fill: {colour}">'
        f"<title>{escape(told)}</title></circle>"
    )


def _number(value: float, unit: str = "") -> str:
    return f"{value:.1f}{unit}" if unit or abs(value) >= 1 else f"{value:.3g}"


def curve_stroke(curve: Curve) -> str:
    """Returns the attribute that draws a line in the style of a curve."""
    if curve.kind == "reference":
        return ' style="stroke: var(--soft); stroke-dasharray: 4 4"'
    return stroke(curve.number, _DASHES[curve.number // palette.CURVES % len(_DASHES)])
