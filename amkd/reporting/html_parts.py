"""The parts that HTML reports are made of: a whole page, tables, cards, terms, details.

A page is one file that needs no network: style and images are inside. Its text is at least 12
pixels high. Only tables and commands may be wider than a screen of 420 pixels; they have their own
scroll bars.
"""

import html
from collections.abc import Iterable
from typing import Any

from amkd.reporting import palette, terms

# How every page begins: a file that begins otherwise is not one of ours.
BEGIN = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
)

_STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; color: var(--ink); \
background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p, figcaption { color: var(--soft); margin: .2rem 0 .8rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); \
gap: .7rem; margin: 1.2rem 0; }
.card { background: var(--card); border-radius: .6rem; padding: .7rem .9rem; }
.card b { display: block; font-size: 1.35rem; }
.card span, .card small { display: block; color: var(--soft); font-size: .85rem; }
.card span { color: var(--ink); }
.wide { overflow-x: auto; overflow-wrap: normal; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); \
white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
thead th { color: var(--soft); font-weight: 600; }
figure { margin: 0 0 1.5rem; } img { max-width: 100%; height: auto; border-radius: .4rem; }
pre { background: var(--card); padding: .8rem; border-radius: .6rem; overflow-x: auto; \
overflow-wrap: normal; font-size: .82rem; }
dl { margin: .2rem 0 .8rem; font-size: .9rem; } dt { font-weight: 600; }
dd { margin: 0 0 .4rem; color: var(--soft); }
.bar { display: flex; height: 1.1rem; border-radius: .4rem; overflow: hidden; background: \
var(--card); }
.bar i { display: block; } details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--soft); }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Returns a whole HTML page.

    Args:
      title: plain text.
      parts: HTML, from top to bottom.
    """
    style = f"<style>\n{palette.variables()}{_STYLE}</style>"
    body = "\n".join(parts)
    return f"{BEGIN}<title>{escape(title)}</title>{style}</head>\n<body>\n{body}\n</body></html>\n"


def escape(value: object) -> str:
    """Returns a value as text that HTML takes literally."""
    return html.escape(str(value))


def percent(value: float | None) -> str:
    """Formats a share in [0, 1] as a percentage, and None as a dash."""
    return "-" if value is None else f"{100 * value:.2f}%"


def text(words: str) -> str:
    """Returns plain words as a paragraph."""
    return f"<p>{escape(words)}</p>"


def card(figure: str, name: str, meaning: str) -> str:
    """Returns one figure with its name and a sentence about its meaning."""
    return (
        f'<div class="card"><b>{escape(figure)}</b><span>{escape(name)}</span>'
        f"<small>{escape(meaning)}</small></div>"
    )


def meanings(*names: str) -> str:
    """Returns the meanings of terms, as a list of definitions.

    Args:
      names: keys of :data:`amkd.reporting.terms.TERMS`.
    """
    pairs = (f"<dt>{escape(name)}</dt><dd>{escape(terms.TERMS[name])}</dd>" for name in names)
    return f"<dl>{''.join(pairs)}</dl>"


def table(head: Iterable[str], body: Iterable[Iterable[str]]) -> str:
    """Returns a table of plain text; a wide one scrolls."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in body
    )
    return (
        '<div class="wide" tabindex="0"><table>'
        f"<thead><tr>{top}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def folded(title: str, inside: str) -> str:
    """Returns HTML that is hidden until a reader opens it."""
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def details(title: str, values: dict[str, Any]) -> str:
    """Returns a table of values that is hidden until a reader opens it."""
    rows = table(("field", "value"), ([name, str(value)] for name, value in values.items()))
    return folded(title, rows)
