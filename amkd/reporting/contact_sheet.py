"""A contact sheet: queried images of a method, each with a caption.

A mix is shown between its two real images; an image that is not a mix is shown alone.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from amkd.reporting import drawing, thumbnail
from amkd.reporting.drawing import CHARACTER
from amkd.reporting.html_parts import escape, folded

FIRST = 6  # images that a page shows at once
STYLE = """<style>
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; }
.sheet.mixes { grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); }
.sheet figure { margin: 0; background: var(--card); border-radius: .6rem; padding: .6rem; }
.sheet img { width: 100%; min-height: 6rem; object-fit: contain; image-rendering: pixelated; }
.sheet .parts { display: flex; gap: .4rem; } .sheet .parts img { width: calc((100% - .8rem) / 3); }
.sheet figcaption { font-size: .85rem; color: var(--ink); margin: .2rem 0 0; }
</style>"""
_THUMBNAIL = 112  # pixels: a sheet has three of them side by side
_MIX = ("image i", "mix", "image j")

_SIDE, _GAP, _TEXT = 84, 6, 18  # of the file: an image, between images, a line of text
_COLUMNS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Cell:
    """One image of a sheet.

    Attributes:
      images: ``(x_i, mix, x_j)``, or the image alone; each ``uint8[H, W, C]``.
      lines: the caption, in plain text.
    """

    images: tuple[np.ndarray, ...]
    lines: tuple[str, ...] = ()


def cell(images: Sequence[np.ndarray], *, lam: float, score: str, said: str) -> Cell:
    """Returns a cell with its caption.

    Args:
      images: ``(x_i, mix, x_j)``, or one image.
      lam: weight of image i.
      score: name and value, such as ``C2 0.251``; empty if there is no score.
      said: the teacher's answer, in words.
    """
    first = [f"λ {lam:.2f}"] if len(images) == len(_MIX) else []
    line = ", ".join([*first, *([score] if score else [])])
    return Cell(tuple(images), tuple(filter(None, (line, said))))


def html(cells: Sequence[Cell], first: int = FIRST) -> str:
    """Returns a sheet as part of a page: a few cells, and the others on demand.

    Args:
      cells: all of them.
      first: how many are shown at once; if there are more, evenly spread ones.
    """
    if len(cells) <= first:
        return _grid(cells)
    shown = np.unique(np.linspace(0, len(cells) - 1, first).astype(int)) if first else ()
    some = _grid([cells[place] for place in shown]) if first else ""
    return some + folded(f"All {len(cells)}", _grid(cells))


def _grid(cells: Sequence[Cell]) -> str:
    mixed = " mixes" if any(len(one.images) > 1 for one in cells) else ""
    return f'<div class="sheet{mixed}">{"".join(map(_figure, cells))}</div>'


def _figure(one: Cell) -> str:
    names = _MIX if len(one.images) == len(_MIX) else ("image",)
    images = "".join(
        f'<img alt="{name}" src="{thumbnail.address(image, _THUMBNAIL)}">'
        for name, image in zip(names, one.images, strict=True)
    )
    inside = f'<div class="parts">{images}</div>' if len(one.images) > 1 else images
    caption = "<br>".join(map(escape, one.lines))
    return f"<figure>{inside}<figcaption>{caption}</figcaption></figure>"


def file(title: str, cells: Sequence[Cell]) -> str:
    """Returns a sheet as the text of an SVG file.

    Args:
      title: the title above the sheet.
      cells: one or more cells.
    """
    parts = max(len(one.images) for one in cells)
    columns = _COLUMNS * len(_MIX) // parts
    wide = max(parts * (_SIDE + _GAP), 0 if parts == 1 else 260) + 2 * _GAP
    tall = _SIDE + _GAP + _TEXT * max(len(one.lines) for one in cells) + 2 * _GAP
    width = columns * wide + 2 * _GAP
    body = [f'<text x="{2 * _GAP}" y="22">{escape(drawing.shortened(title, width))}</text>']
    for number, one in enumerate(cells):
        left, top = number % columns * wide + 2 * _GAP, number // columns * tall + 32
        body += [
            _image(image, left + at * (_SIDE + _GAP), top) for at, image in enumerate(one.images)
        ]
        for line, text in enumerate(one.lines, 1):
            down = top + _SIDE + line * _TEXT
            short = escape(drawing.shortened(text, wide - _GAP - CHARACTER))
            body.append(f'<text x="{left}" y="{down}">{short}</text>')
    height = -(-len(cells) // columns) * tall + 40
    return drawing.whole(title, width, height, "".join(body))


def _image(image: np.ndarray, left: float, top: float) -> str:
    address = thumbnail.address(image, _THUMBNAIL)
    return (
        f'<image x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}"'
        f' style="image-rendering: pixelated" href="{address}"></image>'
    )
