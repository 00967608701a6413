"""Reads the rows in the pages of a SQLite file one page at a time, even if the file is damaged.

The format is described at https://www.sqlite.org/fileformat2.html.
"""

import mmap
import struct
from collections.abc import Iterator
from typing import NamedTuple

Value = None | int | float | bytes | str

_MAGIC = b"SQLite format 3\0"
_USUAL_SIZE = 4096
_INNER_INDEX, _INNER_TABLE, _LEAF_INDEX, _LEAF_TABLE = 2, 5, 10, 13  # a page's first byte
_OTHER = 0  # overflow, free or blank pages: they begin with a page number
_LONGEST = 1 << 24  # bytes of the longest row that may belong to a ledger
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of an integer, by its serial type


class PageRow(NamedTuple):
    """One row of a table or one entry of an index; SQLite stores WITHOUT ROWID tables as indexes.

    Attributes:
      number: row number; None in an index.
      values: values of the columns.
    """

    number: int | None
    values: tuple[Value, ...]


class UnreadablePage(Exception):
    """Raised for a page, or for a row of a page, that does not follow the format."""


class Pages:
    """The pages of one file.

    Args of the constructor:
      data: the file's bytes.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        self.size, self.expected = _header(data[:100], len(data))
        self.count = -(-len(data) // self.size)

    def page(self, number: int) -> bytes:
        """Returns the bytes of a page, from number 1 onwards, with zeros if the file ends early."""
        return self._data[(number - 1) * self.size : number * self.size].ljust(self.size, b"\0")

    def rows(self, number: int) -> Iterator[PageRow | None]:
        """Yields the rows of a page, and None for each row that cannot be read.

        If the first byte is not a valid page type, the type that yields the most rows is taken.

        Raises:
          UnreadablePage: no part of the page can be read.
        """
        kind = self.page(number)[0]
        if kind in (_OTHER, _INNER_TABLE):
            return
        if kind in (_INNER_INDEX, _LEAF_INDEX, _LEAF_TABLE):
            yield from self._rows(number, kind)
            return
        readings = [
            self._read_as(number, kind) for kind in (_LEAF_INDEX, _LEAF_TABLE, _INNER_INDEX)
        ]
        best = max(readings, key=lambda rows: sum(row is not None for row in rows))
        if not any(best):
            raise UnreadablePage(f"page {number}")
        yield from best

    def _read_as(self, number: int, kind: int) -> list[PageRow | None]:
        try:
            return list(self._rows(number, kind))
        except UnreadablePage:
            return []

    def _rows(self, number: int, kind: int) -> Iterator[PageRow | None]:
        page = self.page(number)
        (cells,) = struct.unpack_from(">H", page, 3)
        start = 12 if kind == _INNER_INDEX else 8
        if start + 2 * cells > self.size:
            raise UnreadablePage(f"page {number}")
        for place in struct.unpack_from(f">{cells}H", page, start):
            try:
                yield self._row(page, place, kind)
            except (UnreadablePage, IndexError, struct.error, UnicodeDecodeError):
                yield None

    def _row(self, page: bytes, place: int, kind: int) -> PageRow:
        place += 4 if kind == _INNER_INDEX else 0
        length, place = _varint(page, place)
        number = None
        if kind == _LEAF_TABLE:
            number, place = _varint(page, place)
        return PageRow(
            number, _values(self._payload(page, place, length, table=kind == _LEAF_TABLE))
        )

    def _payload(self, page: bytes, place: int, length: int, *, table: bool) -> bytes:
        """Returns the bytes of a row, including those on overflow pages."""
        if length > _LONGEST:
            raise UnreadablePage("row of another length")
        most = self.size - 35 if table else (self.size - 12) * 64 // 255 - 23
        if length <= most:
            return _cut(page, place, length)
        least = (self.size - 12) * 32 // 255 - 23
        here = least + (length - least) % (self.size - 4)
        here = here if here <= most else least
        parts, rest = [_cut(page, place, here)], length - here
        (following,) = struct.unpack_from(">I", page, place + here)
        while rest > 0:
            if not 1 < following <= self.count:
                raise UnreadablePage("chain of pages")
            more = self.page(following)
            (following,) = struct.unpack_from(">I", more)
            parts.append(more[4 : 4 + rest])
            rest -= self.size - 4
        return b"".join(parts)


def _header(head: bytes, length: int) -> tuple[int, int]:
    """Returns the size of a page and how many pages there should be (0 if that is not known).

    The header may be damaged, so an unusual page size must fit the length of the file.
    """
    if not head.startswith(_MAGIC) or len(head) < 100:
        return _USUAL_SIZE, 0
    size, count = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    size = 65536 if size == 1 else size
    return size if size >= 512 and size * count == length else _USUAL_SIZE, count


def _cut(data: bytes, start: int, length: int) -> bytes:
    found = data[start : start + length]
    if len(found) != length:
        raise UnreadablePage("row beyond its page")
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Reads a number of 1 to 9 bytes, 7 bits in each of the first 8. Returns it and its end."""
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def _values(record: bytes) -> tuple[Value, ...]:
    """Reads the columns of a row: first their types, then their values."""
    head, place = _varint(record, 0)
    at, values = head, []
    while place < head:
        kind, place = _varint(record, place)
        value, at = _value(record, at, kind)
        values.append(value)
    if place != head or at != len(record):
        raise UnreadablePage("row of another length")
    return tuple(values)


def _value(record: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind >= 12:
        length = (kind - 12) // 2
        found = _cut(record, at, length)
        return (found.decode() if kind % 2 else found), at + length
    if kind in _INTEGERS:
        length = _INTEGERS[kind]
        return int.from_bytes(_cut(record, at, length), "big", signed=True), at + length
    if kind == 7:
        return struct.unpack_from(">d", record, at)[0], at + 8
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    raise UnreadablePage("unknown kind of value")
