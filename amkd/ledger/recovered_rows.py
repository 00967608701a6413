"""Determines to which table of a ledger a recovered row belongs, and whether it is credible."""

from collections.abc import Callable
from typing import Any, NamedTuple

from amkd.ledger.sqlite_pages import PageRow

DIGEST_BYTES = 32  # of an image digest
_STATES = ("sent", "answered", "refused", "lost")
_WHOLE, _NUMBER = (int,), (int, float)  # SQLite stores 3.0 as 3
_TEXT, _BYTES, _NONE = (str,), (bytes,), (type(None),)
_MOMENT = (int, float, type(None))


class RecoveredRow(NamedTuple):
    """A row of a ledger.

    Attributes:
      table: name of the table; ``identity`` for the index of teachers' names, ``""`` for rows that
        need not be saved.
      values: the columns of the table; for ``identity`` a name and a number.
      sound: whether the values are credible; checksums are not checked.
    """

    table: str
    values: tuple[Any, ...]
    sound: bool


def identify(row: PageRow) -> RecoveredRow | None:
    """Finds the table of a row by the number and types of its columns; None if it fits no table."""
    for shape in _SHAPES:
        if shape.fits(row):
            values = row.values if row.number is None else (row.number, *row.values[1:])
            return RecoveredRow(shape.table, values, shape.sense(*values))
    return None


class _Shape(NamedTuple):
    table: str
    numbered: bool
    columns: tuple[tuple[type, ...], ...]
    sense: Callable[..., bool] = lambda *_: True

    def fits(self, row: PageRow) -> bool:
        return (
            (row.number is not None) == self.numbered
            and len(row.values) == len(self.columns)
            and all(
                type(value) in kinds for value, kinds in zip(row.values, self.columns, strict=True)
            )
        )


def _answer(teacher: int, image: bytes, scores: bytes, check: int, answered: float) -> bool:
    return len(image) == DIGEST_BYTES and len(scores) % 4 == 0 < len(scores)


def _use(
    run: str, purpose: str, teacher: int, image: bytes, round_: int, paid: int, check: int = 0
) -> bool:
    return len(image) == DIGEST_BYTES and round_ >= 0 and paid in (0, 1)


def _batch(
    number: int, run: str, purpose: str, teacher: int, round_: int, images: int, *rest: Any
) -> bool:
    state, answered = rest[5:7]
    return round_ >= 0 and 0 <= answered <= images and state in _STATES


_BATCH = (
    *(_NONE, _TEXT, _TEXT, _WHOLE, _WHOLE, _WHOLE),
    *(_NUMBER, _TEXT, _NUMBER, _NUMBER, _MOMENT, _TEXT, _WHOLE),
)
_USE = (_TEXT, _TEXT, _WHOLE, _BYTES, _WHOLE, _WHOLE)
# Earlier versions had uses and batches without a checksum.
_SHAPES = (
    _Shape("answer", False, (_WHOLE, _BYTES, _BYTES, _WHOLE, _NUMBER), _answer),
    _Shape("use", False, (*_USE, _WHOLE), _use),
    _Shape("use", False, _USE, _use),
    _Shape("run", False, (_TEXT, _TEXT, _TEXT, _NUMBER)),
    _Shape("teacher", True, (_NONE, _TEXT)),
    _Shape("batch", True, (*_BATCH, _WHOLE), _batch),
    _Shape("batch", True, _BATCH, _batch),
    _Shape("identity", False, (_TEXT, _WHOLE)),
    _Shape("", False, (_TEXT, _TEXT, _WHOLE)),  # batches by run, and leases
    _Shape("", False, (_TEXT, _WHOLE, _WHOLE, _WHOLE)),  # batches in vain
    _Shape("", False, (_WHOLE, _BYTES, _WHOLE)),  # images in flight
    _Shape("", False, (_WHOLE, _WHOLE, _BYTES)),  # and by batch
)
