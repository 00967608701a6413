"""The rows of a table in a file, one after the other: CSV, TSV, JSON lines or Parquet.

At most one block of rows is in memory at once. Row numbers are those that the user sees: in a CSV
file the header is row 1, in a file of JSON lines the number is that of the line, and in a Parquet
file the first row is 1.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from amkd.core.errors import UserError
from amkd.core.extras import require

_BLOCK = 1024  # rows of a Parquet file in memory at once
_LONGEST = 2**24  # characters of one cell of a CSV file


class Row(NamedTuple):
    """One row of a table.

    Attributes:
      number: its number in the file.
      cells: the values by column; in a CSV file, all values are text.
    """

    number: int
    cells: dict[str, Any]


def read(path: Path, field: str) -> Iterator[Row]:
    """Yields the rows of a file; its suffix determines its type.

    Args:
      path: the file: ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet``.
      field: what names the file, for messages: a configuration field and its value, for instance.

    Raises:
      UserError: there is no such file, it has another type, or it is damaged.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{field}: name a file that ends in {', '.join(_READERS)}")
    try:
        yield from reader(path, field)
    except OSError as error:
        raise UserError(f"{field}: {path} cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{field}: is not text in UTF-8 ({error}); save it in UTF-8") from error


def _read_csv(path: Path, field: str) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST)
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        file.seek(0)
        lines = csv.reader(file, delimiter=_delimiter(path, first), strict=True)
        number = 1
        try:
            head = [name.strip() for name in next(lines, [])]
            _check_head(head, field)
            for number, cells in enumerate(lines, 2):
                if not cells:  # an empty line
                    continue
                if len(cells) != len(head):
                    raise UserError(
                        f"{field}: row {number} has {len(cells)} cells, but the header names"
                        f" {len(head)} columns"
                    )
                yield Row(number, dict(zip(head, cells, strict=True)))
        except csv.Error as error:
            raise UserError(f"{field}: row {number + 1} is damaged ({error})") from error


def _delimiter(path: Path, head: str) -> str:
    """Returns the separator of cells: spreadsheets of many countries write semicolons."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    return ";" if ";" in head and "," not in head else ","


def _check_head(head: list[str], field: str) -> None:
    if not head:
        raise UserError(f"{field}: is empty; its first row must name the columns")
    if twice := sorted({name for name in head if head.count(name) > 1}):
        raise UserError(f"{field}: names the column {twice[0]!r} more than once; keep one of them")


def _read_lines(path: Path, field: str) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                cells = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{field}: row {number} is not JSON ({error})") from error
            if not isinstance(cells, dict):
                raise UserError(f"{field}: row {number} is not a JSON object")
            yield Row(number, cells)


def _read_parquet(path: Path, field: str) -> Iterator[Row]:
    parquet = require(
        "pyarrow.parquet", extra="parquet", field=field, instead="save it as .csv or .jsonl"
    )
    if not path.is_file():
        raise UserError(f"{field}: there is no file {path}")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for block in file.iter_batches(batch_size=_BLOCK, columns=_plain(file)):
                for cells in block.to_pylist():
                    number += 1
                    yield Row(number, cells)
    except UserError:
        raise
    except OSError:
        raise
    except Exception as error:  # pyarrow has an exception for each type of damage
        raise UserError(f"{field}: is damaged after row {number} ({error})") from error


def _plain(file: Any) -> list[str]:
    """Returns the columns without image data: a column of bytes may be larger than the memory."""
    return [column.name for column in file.schema_arrow if "binary" not in str(column.type)]


_READERS: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".parquet": _read_parquet,
}


def text_of(value: Any) -> str:
    """Returns a cell as text without surrounding spaces; empty for an empty cell.

    A whole number that a table stores as 3.0 is ``3``.
    """
    if value is None or value != value:  # NaN, which pandas writes for an empty cell
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
