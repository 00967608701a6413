"""Lines for a person, with a name on the left and a text in one column."""

import textwrap

INDENT = 21  # characters before the text
_WIDTH = 100


def line(name: str, text: str) -> str:
    """Returns one line, however long the text is."""
    return f"{name:<{INDENT}}{text}"


def wrapped(text: str, name: str = "") -> list[str]:
    """Returns a text as lines of at most 100 characters; the first one has the name."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=f"{name:<{INDENT}}",
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
