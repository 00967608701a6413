"""What still lies in the pages of a SQLite file, whatever has become of the tree that they hang in.

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
_OTHER = 0  # overflow, free or blank pages: they open with a page number
_LONGEST = 1 << 24  # bytes of a row that may still be one of ours
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of an integer, by its serial type


class Row(NamedTuple):
    """One row of a table, or one entry of an index, which holds a table without row numbers too.

    Attributes:
      number: its row number; None in an index.
      values: its columns.
    """

    number: int | None
    values: tuple[Value, ...]


class Broken(Exception):
    """A row or a page that makes no sense."""


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
        """A page's bytes; zeros where the file ends early. The first page has the number 1."""
        return self._data[(number - 1) * self.size : number * self.size].ljust(self.size, b"\0")

    def rows(self, number: int) -> Iterator[Row | None]:
        """The rows that a page holds; None for each that makes no sense.

        A page whose first byte makes no sense is read as what gives the most rows.

        Raises:
          Broken: nothing of the page makes sense.
        """
        kind = self.page(number)[0]
        if kind in (_OTHER, _INNER_TABLE):
            return
        if kind in (_INNER_INDEX, _LEAF_INDEX, _LEAF_TABLE):
            yield from self._rows(number, kind)
            return
        ways = [self._guess(number, kind) for kind in (_LEAF_INDEX, _LEAF_TABLE, _INNER_INDEX)]
        best = max(ways, key=lambda rows: sum(row is not None for row in rows))
        if not any(best):
            raise Broken(f"page {number}")
        yield from best

    def _guess(self, number: int, kind: int) -> list[Row | None]:
        try:
            return list(self._rows(number, kind))
        except Broken:
            return []

    def _rows(self, number: int, kind: int) -> Iterator[Row | None]:
        page = self.page(number)
        (cells,) = struct.unpack_from(">H", page, 3)
        start = 12 if kind == _INNER_INDEX else 8
        if start + 2 * cells > self.size:
            raise Broken(f"page {number}")
        for place in struct.unpack_from(f">{cells}H", page, start):
            try:
                yield self._row(page, place, kind)
            except (Broken, IndexError, struct.error, UnicodeDecodeError):
                yield None

    def _row(self, page: bytes, place: int, kind: int) -> Row:
        place += 4 if kind == _INNER_INDEX else 0
        length, place = _varint(page, place)
        number = None
        if kind == _LEAF_TABLE:
            number, place = _varint(page, place)
        return Row(number, _values(self._payload(page, place, length, kind == _LEAF_TABLE)))

    def _payload(self, page: bytes, place: int, length: int, table: bool) -> bytes:
        """A row's bytes, those on overflow pages included."""
        if length > _LONGEST:
            raise Broken("row of another length")
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
                raise Broken("chain of pages")
            more = self.page(following)
            (following,) = struct.unpack_from(">I", more)
            parts.append(more[4 : 4 + rest])
            rest -= self.size - 4
        return b"".join(parts)


def _header(head: bytes, length: int) -> tuple[int, int]:
    """The size of a page, and how many there should be; 0 if that is not known.

    Any size but SQLite's usual one must fit the length of the file: the header may be damaged.
    """
    if not head.startswith(_MAGIC) or len(head) < 100:
        return _USUAL_SIZE, 0
    size, count = struct.unpack_from(">H", head, 16)[0], struct.unpack_from(">I", head, 28)[0]
    size = 65536 if size == 1 else size
    return size if size >= 512 and size * count == length else _USUAL_SIZE, count


def _cut(data: bytes, start: int, length: int) -> bytes:
    found = data[start : start + length]
    if len(found) != length:
        raise Broken("row beyond its page")
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, seven bits in each of the first eight; and the place after
    it.
    """
    value = 0
    for _ in range(8):
        byte = data[place]
        place += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place
    return value << 8 | data[place], place + 1


def _values(record: bytes) -> tuple[Value, ...]:
    """The columns of a row, from its bytes: their types, then the values."""
    head, place = _varint(record, 0)
    at, values = head, []
    while place < head:
        kind, place = _varint(record, place)
        value, at = _value(record, at, kind)
        values.append(value)
    if place != head or at != len(record):
        raise Broken("row of another length")
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
    raise Broken("unknown kind of value")
