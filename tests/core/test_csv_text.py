"""Cells of a CSV file that come from others' names."""

import csv
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amkd.core import csv_text

CELLS = {
    "plain": ("photos/cat 1.jpg", "photos/cat 1.jpg"),
    "letters of all kinds": ("日本/ä'.png", "日本/ä'.png"),
    "a formula": ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
    "a sum": ("+1+2", "'+1+2"),
    "a number below 0": ("-1", "'-1"),
    "a function": ("@SUM(A1)", "'@SUM(A1)"),
    "a tab": ("\t=1", r"'\x09=1"),
    "an apostrophe": ("'=1", "''=1"),
    "a terminal's commands": ("a\x1b[31m\x07", r"a\x1b[31m\x07"),
    "two lines": ("a\r\n=b", r"a\x0d\x0a=b"),
    "commands of one byte": ("\x9b31m\x7f", r"\u009b31m\x7f"),
    "the order of writing": ("a\u202egnp", r"a\u202egnp"),
    "a byte that is not UTF-8": (os.fsdecode(b"a\xff"), r"a\udcff"),
    "a backslash": (r"a\x1b", r"a\\x1b"),
    "empty": ("", ""),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_cell(case):
    text, cell = CELLS[case]
    assert csv_text.protect(text) == cell
    assert csv_text.restore(cell) == text


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_any_text_is_read_back_exactly(text):
    written = io.StringIO()
    csv.writer(written).writerow([csv_text.protect(text), "x"])
    written.getvalue().encode()  # is UTF-8
    (row,) = csv.reader(io.StringIO(written.getvalue(), newline=""))
    assert csv_text.restore(row[0]) == text
    assert not row[0].startswith(("=", "+", "-", "@", "\t", "\r"))
