r"""Text in a CSV file: no spreadsheet or terminal executes it, and it can be read back.

Names of files, classes and labels come from others. A cell that begins with ``= + - @``, a tab, a
carriage return or an apostrophe gets an apostrophe in front, so that a spreadsheet takes it as
text. Control characters and bytes that are not UTF-8 are written as ``\x1b`` or ``\udcff``, and a
backslash is written as two.
"""

import re

_RUN = ("=", "+", "-", "@", "\t", "\r", "'")
_ODD = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")


def protect(text: str) -> str:
    """Returns text as a cell; :func:`restore` returns it as it was."""
    escaped = _ODD.sub(_escaped, text)
    return f"'{escaped}" if text.startswith(_RUN) else escaped


def restore(cell: str) -> str:
    """Returns the text of a protected cell, exactly."""
    return _ESCAPE.sub(_plain, cell.removeprefix("'"))


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\\":
        return "\\\\"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def _plain(found: re.Match[str]) -> str:
    digits = found[1] or found[2]
    return chr(int(digits, 16)) if digits else "\\"
