"""The parts that HTML reports are made of: a whole page, tables, figures, details.

A page is one file that needs no network: style and pictures are inside.
"""

import base64
import html
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #5b6570; --line: #d9dee3; --paper: \
#fff; --card: #f5f7f9;
  --accent: 37, 99, 235; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa4ae; --line: #343b43; \
--paper: #15181c;
  --card: #1e2329; --accent: 96, 150, 255; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; color: var(--ink); \
background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
p, figcaption { color: var(--soft); margin: .2rem 0 .8rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .7rem; \
margin: 1.2rem 0; }
.card { background: var(--card); border-radius: .6rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; } .card span { color: var(--soft); font-size: \
.85rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); \
white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { color: var(--soft); font-weight: \
600; }
figure { margin: 0 0 1.5rem; } img { max-width: 100%; height: auto; background: #fff; \
border-radius: .4rem; }
pre { background: var(--card); padding: .8rem; border-radius: .6rem; overflow-x: auto; font-size: \
.82rem; }
.bar { display: flex; height: 1.1rem; border-radius: .4rem; overflow: hidden; background: \
var(--card); }
.bar i { display: block; } details { margin: .6rem 0; } summary { cursor: pointer; color: \
var(--soft); }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Returns a whole HTML page.

    Args:
      title: plain text.
      parts: HTML, from top to bottom.
    """
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def escape(value: object) -> str:
    """Returns a value as text that HTML takes literally."""
    return html.escape(str(value))


def percent(value: float | None) -> str:
    """Formats a share in [0, 1] as a percentage, and None as a dash."""
    return "-" if value is None else f"{100 * value:.2f}%"


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """Returns a table of plain text; a wide one scrolls."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return (
        f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def figure(caption: str, path: Path) -> str:
    """Returns a PNG file as a figure."""
    data = base64.b64encode(path.read_bytes()).decode()
    alt = escape(caption)
    return f'<figure><h2>{alt}</h2><img alt="{alt}" src="data:image/png;base64,{data}"></figure>'


def details(title: str, values: dict[str, Any]) -> str:
    """Returns a table of values that is folded away."""
    rows = table(("field", "value"), ([name, str(value)] for name, value in values.items()))
    return f"<details><summary>{escape(title)}</summary>{rows}</details>"
