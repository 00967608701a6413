"""The checksums of a ledger's rows: of every answer with its owner, and of all rows about money.

SQLite itself does not notice a changed byte inside a row. A checksum includes the teacher's
identity, not its number. So a row keeps its checksum when ledgers are merged, and a row that was
moved to another teacher has a wrong checksum.
"""

import sqlite3
import zlib

NOBODY = 0  # the owner of an answer in a ledger of an earlier version


def checksum(identity: str, image: bytes, scores: bytes) -> int:
    """Returns the checksum of an answer: of the image digest, the answer and the teacher."""
    return owned(zlib.crc32(image + scores), identity)


def owner(identity: str | None) -> int:
    """Returns the number that an owner adds to the checksums of its answers."""
    return zlib.crc32(ascii(identity).encode())


def owned(check: int, identity: str | None) -> int:
    """Adds the owner to a CRC-32 of an image digest and its answer."""
    return check ^ owner(identity)


def owner_of(image: bytes, scores: bytes, check: int) -> int:
    """Returns the owner of an answer with this checksum, if the rest of the row is unchanged."""
    return check ^ zlib.crc32(image + scores)


def of_row(identity: str | None, *row: object) -> int:
    """Returns the checksum of a use or a batch.

    Args:
      identity: identity of the teacher.
      *row: the other columns; for a batch, without its number.
    """
    # SQLite may store 3.0 as 3.
    plain = [
        int(value) if isinstance(value, float) and value.is_integer() else value
        for value in (identity, *row)
    ]
    return zlib.crc32(ascii(plain).encode())


BATCH = (
    "run, purpose, round, images, price, currency, sent, expires, ended, state, answered"  # no id
)
_IDENTITY = "(SELECT identity FROM teacher WHERE teacher.id = {}.teacher)"
# What a row's checksum must be, in SQL.
ANSWER_SQL = f"crc({_IDENTITY.format('answer')}, image, scores)"
USE_SQL = f"use_crc({_IDENTITY.format('use')}, run, purpose, image, round, paid)"
BATCH_SQL = f"batch_crc({_IDENTITY.format('batch')}, {BATCH})"


def register(db: sqlite3.Connection) -> None:
    """Makes the checksums known to SQL on a connection."""
    db.create_function("crc", 3, checksum, deterministic=True)
    db.create_function("owned", 2, owned, deterministic=True)
    db.create_function("use_crc", 6, of_row, deterministic=True)
    db.create_function("batch_crc", 12, of_row, deterministic=True)
