"""A forest plot: figures with their intervals, in a row for each name, as a drawing."""

import dataclasses
from collections.abc import Iterator, Sequence

from amkd.reporting import palette
from amkd.reporting.drawing import WIDTH, Drawing, shortened, stroke
from amkd.reporting.html_parts import escape
from amkd.reporting.svg_chart import every, ticks

_TOP, _BOTTOM, _SIDE = 6, 46, 18
_NAME, _MARK, _AFTER = 20, 14, 8  # heights of a row's name, of each of its figures, and below them


@dataclasses.dataclass(frozen=True)
class Mark:
    """A figure with its interval.

    Attributes:
      number: decides the colour.
      name: its name in the legend.
      value: the figure.
      low: lower end of the interval; None if there is none.
      high: upper end of the interval.
      note: further text in the tooltip, after the figure.
    """

    number: int
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Row:
    """The figures of one name, such as of a class.

    Attributes:
      name: the title above the figures.
      marks: the figures.
    """

    name: str
    marks: tuple[Mark, ...]


def chart(
    title: str,
    x_label: str,
    rows: Sequence[Row],
    *,
    unit: str = "%",
    zero: bool = False,
    legend: bool = True,
) -> Drawing:
    """Returns the drawing; intervals far beyond all figures are cut, and end in an arrow.

    Args:
      title: what is shown.
      x_label: the label below the chart.
      rows: one or more, each with a figure or more.
      unit: the unit of the figures.
      zero: whether 0 is drawn, as the line of no difference.
      legend: whether the chart has a legend of its figures.
    """
    frame = _frame(rows, zero)
    body, down = [], float(_TOP)
    for row in rows:
        name = shortened(row.name, WIDTH - 4)
        body.append(f'<text x="2" y="{down + 13:.1f}">{escape(name)}</text>')
        for place, mark in enumerate(row.marks):
            body.append(
                _drawn(frame, mark, down + _NAME + _MARK * (place + 0.5) - 2, unit, row.name)
            )
        down += _NAME + _MARK * len(row.marks) + _AFTER
    axes = _axes(frame, down, x_label, unit, zero)
    marks = dict.fromkeys((mark.name, stroke(mark.number)) for row in rows for mark in row.marks)
    names = tuple(marks) if legend else ()
    return Drawing(title, int(down) + _BOTTOM, "".join([*axes, *body]), names)


@dataclasses.dataclass(frozen=True)
class _Frame:
    """The positions of the figures in the drawing."""

    ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        inside = min(max(value, low), high)
        return round(_SIDE + (inside - low) / (high - low) * (WIDTH - 2 * _SIDE), 1)

    def cuts(self, value: float) -> bool:
        """Returns whether a value is outside of the drawing."""
        return not self.ticks[0] <= value <= self.ticks[-1]


def _frame(rows: Sequence[Row], zero: bool) -> _Frame:
    marks = [mark for row in rows for mark in row.marks]
    values = [mark.value for mark in marks] + ([0.0] if zero else [])
    low, high = min(values), max(values)
    # With two seeds an interval may be twenty times as wide as all differences.
    most = 2 * max(high - low, abs(high), abs(low), 1e-6) if zero else float("inf")
    ends = [end for mark in marks for end in (mark.low, mark.high) if end is not None]
    return _Frame(
        tuple(ticks(max(min([low, *ends]), low - most), min(max([high, *ends]), high + most)))
    )


def _axes(frame: _Frame, bottom: float, x_label: str, unit: str, zero: bool) -> Iterator[str]:
    labels = [f"{tick:g}{unit}" for tick in frame.ticks]
    step = every(labels, WIDTH - 2 * _SIDE)
    for number, (tick, label) in enumerate(zip(frame.ticks, labels, strict=True)):
        x = frame.x(tick)
        kind = "zero" if zero and tick == 0 else "grid"
        yield f'<path class="{kind}" d="M{x} {_TOP} V{bottom:.1f}"></path>'
        if number % step == 0:
            yield f'<text x="{x}" y="{bottom + 17:.1f}" text-anchor="middle">{label}</text>'
    middle, down = WIDTH / 2, bottom + _BOTTOM - 8
    yield f'<text x="{middle:g}" y="{down:.1f}" text-anchor="middle">{escape(x_label)}</text>'


def _drawn(frame: _Frame, mark: Mark, y: float, unit: str, row: str) -> str:
    x, colour = frame.x(mark.value), palette.curve(mark.number)
    told, span = f"{row}, {mark.name}: {mark.value:.2f}{unit}", ""
    if mark.low is not None and mark.high is not None:
        told += f", 95% interval {mark.low:.2f} to {mark.high:.2f}"
        left, right = frame.x(mark.low), frame.x(mark.high)
        ends = _end(left, y, 5 if frame.cuts(mark.low) else 0)
        ends += _end(right, y, -5 if frame.cuts(mark.high) else 0)
        span = (
            f'<path class="span" style="stroke: {colour}"'
            f' d="M{left} {y:.1f} H{right}{ends}"></path>'
        )
    told += f", {mark.note}" if mark.note else ""
    return (
        f'{span}<circle cx="{x}" cy="{y:.1f}" r="4" style="fill: {colour}">'
        f"<title>{escape(told)}</title></circle>"
    )


def _end(x: float, y: float, arrow: int) -> str:
    """Returns the end of an interval: a short line across, or an arrow where it is cut."""
    return f" M{x + arrow:.1f} {y - 4:.1f} L{x} {y:.1f} L{x + arrow:.1f} {y + 4:.1f}"
