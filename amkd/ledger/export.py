"""Exports the answers of a ledger as one flat table, to a CSV or Parquet file."""

import csv
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from amkd.core import csv_text
from amkd.core.errors import UserError
from amkd.core.extras import require
from amkd.ledger.checksums import checksum
from amkd.ledger.reader import DamagedLedger

_BLOCK = 20_000  # rows in memory at once
COLUMNS = ("teacher", "image", "answered", "run", "purpose", "round", "paid")


class ExportRow(NamedTuple):
    """One use of one answer; or an unused answer, whose fields from ``run`` to ``paid`` are None.

    Attributes:
      teacher: identity of the teacher.
      image: image digest, in hexadecimal.
      answered: moment of the answer, ISO 8601 in UTC.
      run: identity of the run that uses the answer.
      purpose: what the run uses it for.
      round: round of the first use.
      paid: whether the run itself paid for it.
      scores: raw answer, ``float32[Y]``.
    """

    teacher: str
    image: str
    answered: str
    run: str | None
    purpose: str | None
    round: int | None
    paid: bool | None
    scores: np.ndarray


def write(
    db: sqlite3.Connection,
    path: Path,
    *,
    teacher: str | None = None,
    run: str | None = None,
    plain: bool = False,
) -> int:
    """Writes the whole table or nothing, one block of rows after the other.

    Args:
      db: the open ledger.
      path: a new file, ``.csv`` or ``.parquet``.
      teacher: only this identity's answers.
      run: only what this run uses.
      plain: write names into a CSV file unchanged; otherwise ``amkd.core.csv_text`` protects them.

    Returns:
      The number of rows.

    Raises:
      UserError: the file already exists, has another suffix or cannot be written; or there is
        nothing to write, the answers differ in their number of classes, or an answer is damaged.
    """
    if path.suffix not in _WRITERS:
        raise UserError(f"{path}: unknown file type; the name must end in .csv or .parquet")
    if path.exists():
        raise UserError(f"{path} already exists; choose a new file")
    classes = _classes(db, teacher, run)
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        records = _records(db, teacher, run)
        if path.suffix == ".csv" and not plain:
            records = map(_protected, records)
        rows = _WRITERS[path.suffix](scratch, classes, records)
        scratch.rename(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error}); choose another path") from error
    finally:
        scratch.unlink(missing_ok=True)
    return rows


def _classes(db: sqlite3.Connection, teacher: str | None, run: str | None) -> int:
    query = f"SELECT DISTINCT length(scores) / 4 {_USED}"
    if run is None:
        query += f" UNION SELECT length(scores) / 4 {_UNUSED}"
    found = [classes for (classes,) in db.execute(query, {"teacher": teacher, "run": run})]
    if not found:
        teachers = ", ".join(repr(name) for (name,) in db.execute("SELECT identity FROM teacher"))
        raise UserError(
            "no answers match this selection (--teacher, --run); the teachers in the ledger are:"
            f" {teachers or 'none'}"
        )
    if len(found) > 1:
        raise UserError(
            "the answers have different numbers of classes"
            f" ({', '.join(map(str, sorted(found)))}); export the answers of one teacher with"
            " --teacher=IDENTITY"
        )
    return found[0]


# CROSS JOIN fixes the order: each use looks up its answer by key. The reverse order has no key,
# since the key of a use begins with the run.
_USED = """
FROM use CROSS JOIN answer ON answer.teacher = use.teacher AND answer.image = use.image
CROSS JOIN teacher ON teacher.id = use.teacher
WHERE (:teacher IS NULL OR identity = :teacher) AND (:run IS NULL OR run = :run)
"""
_UNUSED = """
FROM answer CROSS JOIN teacher ON teacher.id = answer.teacher
WHERE (:teacher IS NULL OR identity = :teacher)
AND (answer.teacher, answer.image) NOT IN (SELECT teacher, image FROM use)
"""
_MOMENT = "strftime('%Y-%m-%dT%H:%M:%fZ', answered, 'unixepoch')"


def _records(db: sqlite3.Connection, teacher: str | None, run: str | None) -> Iterator[ExportRow]:
    query = (
        f"SELECT identity, answer.image, {_MOMENT}, scores, answer.checksum, run, purpose, round,"
        f" paid {_USED}"
    )
    if run is None:
        query += (
            f" UNION ALL SELECT identity, answer.image, {_MOMENT}, scores, answer.checksum,"
            f" NULL, NULL, NULL, NULL {_UNUSED}"
        )
    rows = db.execute(query, {"teacher": teacher, "run": run})
    for identity, image, answered, scores, check, user, purpose, round_, paid in rows:
        if checksum(identity, image, scores) != check:
            raise DamagedLedger(
                f"the answer to image {image.hex()[:16]} has changed since it was stored; nothing"
                " was written. Save the other answers with `python -m amkd.ledger rescue` and"
                " export the new ledger"
            )
        bought = None if paid is None else bool(paid)
        yield ExportRow(
            identity,
            image.hex(),
            answered,
            user,
            purpose,
            round_,
            bought,
            np.frombuffer(scores, "<f4"),
        )


def _protected(record: ExportRow) -> ExportRow:
    return record._replace(teacher=csv_text.protect(record.teacher))


def _write_csv(path: Path, classes: int, records: Iterable[ExportRow]) -> int:
    rows = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, *(f"p{number}" for number in range(classes))])
        for record in records:
            paid = None if record.paid is None else int(record.paid)
            # Nine digits are enough to distinguish any two float32 numbers.
            writer.writerow(
                [*record[:6], paid, *(f"{score:.9g}" for score in record.scores.tolist())]
            )
            rows += 1
    return rows


def _write_parquet(path: Path, classes: int, records: Iterable[ExportRow]) -> int:
    arrow, parquet = _arrow()
    plain = [arrow.string()] * 5 + [
        arrow.int64(),
        arrow.bool_(),
        arrow.list_(arrow.float32(), classes),
    ]
    schema = arrow.schema(list(zip([*COLUMNS, "scores"], plain, strict=True)))
    rows = 0
    with parquet.ParquetWriter(path, schema) as writer:
        while block := list(itertools.islice(records, _BLOCK)):
            *columns, scores = zip(*block, strict=True)
            flat = arrow.array(np.concatenate(scores))
            lists = arrow.FixedSizeListArray.from_arrays(flat, classes)
            arrays = [
                arrow.array(column, kind) for column, kind in zip(columns, plain, strict=False)
            ]
            writer.write_batch(arrow.record_batch([*arrays, lists], schema))
            rows += len(block)
    return rows


def _arrow() -> tuple[Any, Any]:
    found = [
        require(name, extra="parquet", field="a .parquet file", instead="name a .csv file")
        for name in ("pyarrow", "pyarrow.parquet")
    ]
    return found[0], found[1]


_WRITERS: dict[str, Callable[[Path, int, Iterator[ExportRow]], int]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
