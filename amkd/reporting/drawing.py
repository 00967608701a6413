"""A vector drawing: part of a page, or a separate file. Its colours follow dark mode."""

import dataclasses
import re
from collections.abc import Iterator, Sequence

from amkd.reporting import palette
from amkd.reporting.html_parts import escape

WIDTH = 380  # of a drawing in units; a page shows it about as wide in pixels, or wider
FONT = 13  # height of its text in units, so that a screen of 420 pixels shows at least 12 pixels
CHARACTER = 7.4  # width of a digit

# A drawing is shown from 360 to 480 pixels wide: its text is from 12.3 to 16.4 pixels high.
_CSS = f"""
.chart text {{ fill: var(--ink); font: {FONT}px system-ui, sans-serif; }}
.chart .grid {{ stroke: var(--line); }} .chart .zero {{ stroke: var(--soft); }}
.chart .curve {{ fill: none; stroke-width: 2; }} .chart .span {{ fill: none; stroke-width: 1.5; }}
.chart .band {{ opacity: .2; }}
"""
STYLE = f"""<style>{_CSS}
.chart {{ display: block; width: 100%; height: auto; }}
.plots {{ display: grid; gap: 1rem 2rem; \
grid-template-columns: repeat(auto-fill, minmax(min(100%, 22.5rem), 1fr)); }}
.plot {{ margin: 0; max-width: 30rem; }} .plot figcaption {{ color: var(--ink); font-weight: 600; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; margin: .2rem 0; \
list-style: none; font-size: .9rem; }}
.legend svg {{ width: 2.2rem; height: .8rem; margin-right: .4rem; vertical-align: middle; }}
</style>"""


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A drawing without its frame.

    Attributes:
      title: what it shows, in plain text; screen readers also use it.
      height: its height in units; the width is :data:`WIDTH`.
      body: what is drawn, as SVG.
      names: the name and the stroke of each line, for a legend.
    """

    title: str
    height: int
    body: str
    names: tuple[tuple[str, str], ...] = ()

    def inline(self) -> str:
        """Returns the drawing as part of a page."""
        return (
            f'<svg class="chart" viewBox="0 0 {WIDTH} {self.height}" role="img"'
            f' aria-label="{escape(self.title)}">{self.body}</svg>'
        )

    def figure(self) -> str:
        """Returns the drawing with its title and its legend as part of a page."""
        key = legend(self.names) if self.names else ""
        caption = f"<figcaption>{escape(self.title)}</figcaption>"
        return f'<figure class="plot">{caption}{self.inline()}{key}</figure>'


def stroke(number: int, dash: str = "") -> str:
    """Returns the attribute that draws a line in the colour of a curve."""
    dashes = f"; stroke-dasharray: {dash}" if dash else ""
    return f' style="stroke: {palette.curve(number)}{dashes}"'


def legend(names: Sequence[tuple[str, str]]) -> str:
    """Returns the names of lines, each next to a sample of the line."""
    rows = "".join(
        f'<li><svg viewBox="0 0 36 12" aria-hidden="true"><path d="M0 6 H36"{line}'
        f' stroke-width="3"></path></svg>{escape(name)}</li>'
        for name, line in names
    )
    return f'<ul class="legend">{rows}</ul>'


def plots(drawings: Sequence[Drawing]) -> str:
    """Returns drawings as part of a page, side by side if there is room."""
    return f'<div class="plots">{"".join(one.figure() for one in drawings)}</div>'


def shortened(text: str, units: float) -> str:
    """Returns text that fits into a width, cut with an ellipsis where it is longer."""
    most = max(int(units / CHARACTER), 2)
    return text if len(text) <= most else f"{text[: most - 1]}…"


_GAP, _LINE = 24, 20  # units between drawings, and from line to line of the legend
_NOT_XML = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]")


def file(title: str, drawings: Sequence[Drawing], columns: int = 3) -> str:
    """Returns a file of drawings, each with its title and its legend.

    Args:
      title: the title above the drawings.
      drawings: one or more drawings.
      columns: the largest number of columns.
    """
    columns = min(columns, len(drawings))
    width = columns * (WIDTH + _GAP) + _GAP
    parts, top = [_text(_GAP, 28, shortened(title, width - 2 * _GAP), "font-weight: 600")], 44
    for start in range(0, len(drawings), columns):
        row = drawings[start : start + columns]
        for place, one in enumerate(row):
            left = _GAP + place * (WIDTH + _GAP)
            parts.append(_text(left, top + 16, shortened(one.title, WIDTH)))
            parts.append(
                f'<svg x="{left}" y="{top + 22}" width="{WIDTH}" height="{one.height}">'
                f"{one.body}</svg>"
            )
            parts += _key(one, left, top + 22 + one.height + _LINE)
        lines = max(one.height + _LINE * (-(-len(one.names) // 2) + 1) for one in row)
        top += 22 + lines + _GAP
    return whole(title, width, top, "".join(parts))


def _key(one: Drawing, left: int, top: int) -> Iterator[str]:
    """Yields the legend of a drawing, in two columns."""
    half = WIDTH // 2
    for number, (name, line) in enumerate(one.names):
        x, y = left + number % 2 * half, top + number // 2 * _LINE
        yield f'<path d="M{x} {y} h24"{line} stroke-width="3"></path>'
        yield _text(x + 30, y + 4, shortened(name, half - 30))


def whole(title: str, width: int, height: int, body: str) -> str:
    """Returns SVG as the text of a file, with its own background, and without the control
    characters that XML cannot represent.
    """
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" role="img" aria-label="{escape(title)}">'
        f"<style>\n{palette.variables()}{_CSS}</style>"
        f'<rect width="100%" height="100%" style="fill: var(--paper)"></rect>{body}</svg>\n'
    )
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _text(left: float, down: float, text: str, style: str = "") -> str:
    how = f' style="{style}"' if style else ""
    return f'<text x="{left}" y="{down}"{how}>{escape(text)}</text>'
