"""Imports answers that were paid for elsewhere into a ledger: all of them, or none.

Imported answers have an account of their own, with the purpose ``imported``. No batch belongs to
it, so it costs nothing, and no run counts its answers as paid by itself.
"""

import contextlib
import dataclasses
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.core.errors import UserError
from amkd.ledger import accounts, checksums
from amkd.ledger.connection import Connection

_LOOKED_UP = 500  # images in one query


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImportAccount:
    """The account that imported answers are booked to.

    Attributes:
      run: identity of the account; the same import always has the same one.
      identity: the teacher's identity.
      about: what was imported, in a few words.
      place: the file that was imported.
    """

    run: str
    identity: str
    about: str
    place: str


class Taken(NamedTuple):
    """Counts of imported answers.

    Attributes:
      added: answers that were new to the ledger.
      held: answers that the ledger already had.
      otherwise: how many of the held answers differ; the ledger keeps its own.
    """

    added: int
    held: int
    otherwise: int


class HeldOtherwise(UserError):
    """Raised if the ledger has different answers to some of the images; nothing was written.

    Attributes:
      images: digests of these images.
    """

    def __init__(self, images: list[bytes]) -> None:
        super().__init__(f"the ledger has different answers to {len(images):,} of these images")
        self.images = images


def record(
    path: Path,
    account: ImportAccount,
    images: Sequence[bytes],
    answers: np.ndarray,
    *,
    keep_held: bool = False,
) -> Taken:
    """Imports answers into a ledger, in one transaction. A repeated import changes nothing.

    Args:
      path: the ledger's file; it is created if it does not exist.
      account: the teacher that gave the answers, and the file that they come from.
      images: M different image digests.
      answers: raw scores ``float32[M, Y]``.
      keep_held: if the ledger has a different answer to an image, keep the ledger's answer.

    Raises:
      HeldOtherwise: it has different answers to some of the images, and ``keep_held`` is not set.
      UserError: it is damaged or cannot be written, or its answers have another number of classes.
    """
    file = Connection(path)
    with contextlib.closing(file), file.transaction():
        teacher = _teacher(file.db, account.identity)
        _check_classes(file, teacher, account.identity, answers.shape[1])
        held = dict(_held(file, teacher, account.identity, images))
        rows = {
            image: scores.astype("<f4").tobytes()
            for image, scores in zip(images, answers, strict=True)
        }
        otherwise = [image for image, scores in held.items() if rows[image] != scores]
        if otherwise and not keep_held:
            raise HeldOtherwise(otherwise)
        fresh = {image: scores for image, scores in rows.items() if image not in held}
        _insert(file.db, account, teacher, fresh)
    return Taken(len(fresh), len(held), len(otherwise))


def is_recorded(path: Path, run: str) -> bool:
    """Returns whether a ledger has the account of an import, with all of its answers."""
    if not path.exists():
        return False
    file = Connection(path)
    with contextlib.closing(file):
        query = "SELECT 1 FROM run WHERE run = ? AND begun != ?"
        return bool(file.rows(query, (run, accounts.INCOMPLETE)))


def abouts(path: Path, identity: str) -> list[str]:
    """Returns the words about each import, and each run, with answers of a teacher; none without a
    ledger.

    Args:
      path: the ledger's file.
      identity: the teacher's identity.
    """
    if not path.exists():
        return []
    file = Connection(path)
    with contextlib.closing(file):
        return [about for (about,) in file.rows(_ABOUTS, (identity,))]


_ABOUTS = """
SELECT about FROM run, teacher WHERE identity = ? AND EXISTS
  (SELECT 1 FROM use WHERE use.run = run.run AND use.teacher = teacher.id)
"""


def _teacher(db: sqlite3.Connection, identity: str) -> int:
    db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (identity,))
    return db.execute("SELECT id FROM teacher WHERE identity = ?", (identity,)).fetchone()[0]


def _check_classes(file: Connection, teacher: int, identity: str, classes: int) -> None:
    query = "SELECT length(scores) / 4 FROM answer WHERE teacher = ? AND length(scores) != ?"
    other = file.db.execute(f"{query} LIMIT 1", (teacher, 4 * classes)).fetchone()
    if other:
        raise UserError(
            f"ledger {file.path} contains answers of {identity} with {other[0]} classes, but the"
            f" new answers have {classes} classes; nothing was imported. Give this teacher another"
            " config.teacher.identity, or use another ledger (config.ledger.path)"
        )


def _held(
    file: Connection, teacher: int, identity: str, images: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """Yields the images that have an answer, and its bytes."""
    for start in range(0, len(images), _LOOKED_UP):
        part = images[start : start + _LOOKED_UP]
        marks = ",".join("?" * len(part))
        query = (
            f"SELECT image, scores, checksum FROM answer WHERE teacher = ? AND image IN ({marks})"
        )
        for image, scores, check in file.db.execute(query, (teacher, *part)).fetchall():
            if checksums.checksum(identity, image, scores) != check:
                raise file.damage(f"the answer to image {image.hex()[:16]} has changed")
            yield image, scores


def _insert(
    db: sqlite3.Connection, account: ImportAccount, teacher: int, rows: dict[bytes, bytes]
) -> None:
    now = time.time()
    db.execute(
        "INSERT INTO run VALUES (?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET begun ="
        " excluded.begun WHERE begun = ?",
        (account.run, account.about, account.place, now, accounts.INCOMPLETE),
    )
    db.executemany(
        "INSERT INTO answer VALUES (?, ?, ?, ?, ?)",
        (
            (teacher, image, scores, checksums.checksum(account.identity, image, scores), now)
            for image, scores in rows.items()
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO use VALUES (?, ?, ?, ?, 0, 0, ?)",
        (
            (
                *(account.run, accounts.IMPORTED, teacher, image),
                checksums.of_row(account.identity, account.run, accounts.IMPORTED, image, 0, 0),
            )
            for image in rows
        ),
    )
