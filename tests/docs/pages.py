"""The pages that people read, and what stands in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "results/README.md", "results/experiments.md")
PAGES = sorted(path for name in NAMES for path in ROOT.glob(name))

_FENCE = re.compile(
    r"(?:<!-- not run: (?P<why>[^\n]+) -->\n\n?)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


class Block(NamedTuple):
    """A fenced block.

    Attributes:
      kind: its language: sh, python, text.
      text: what stands in it.
      why: why no test runs it; None where one does.
    """

    kind: str
    text: str
    why: str | None


def name_of(page):
    """Its path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page, kind):
    """The fenced blocks of one language on a page."""
    found = [Block(m["kind"], m["text"], m["why"]) for m in _FENCE.finditer(page.read_text())]
    return [block for block in found if block.kind == kind]


def prose(page):
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def text_of(page):
    """The prose of a page by its path, with one space for all white space."""
    return " ".join(prose(ROOT / page).split())
