"""Looks up answers and runs in a ledger."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from amkd.ledger.checksums import checksum
from amkd.ledger.connection import Connection
from amkd.ledger.reader import DamagedLedger

_LOOKED_UP = 500  # images in one query


def answers(
    db: sqlite3.Connection, identity: str, images: Sequence[bytes]
) -> dict[bytes, np.ndarray]:
    """Returns a teacher's answers by image digest: raw scores ``float32[Y]``.

    Images without an answer are left out.

    Args:
      db: the ledger, from ``reader.open_read_only``.
      identity: identity of the teacher.
      images: image digests.

    Raises:
      DamagedLedger: the checksum of an answer is wrong.
    """
    found = {}
    for start in range(0, len(images), _LOOKED_UP):
        part = images[start : start + _LOOKED_UP]
        marks = ",".join("?" * len(part))
        rows = db.execute(
            "SELECT image, scores, answer.checksum FROM answer JOIN teacher"
            f" ON teacher.id = answer.teacher WHERE identity = ? AND image IN ({marks})",
            (identity, *part),
        )
        for image, scores, check in rows.fetchall():
            if checksum(identity, image, scores) != check:
                raise DamagedLedger(f"the answer to image {image.hex()[:16]} has changed")
            found[image] = np.frombuffer(scores, "<f4")
    return found


def knows_run(path: Path, run: str) -> bool:
    """Returns whether a ledger contains a run, or answers that it has used."""
    if not path.exists():
        return False
    file = Connection(path)
    with contextlib.closing(file):
        return any(
            file.rows(f"SELECT 1 FROM {table} WHERE run = ? LIMIT 1", (run,))
            for table in ("run", "use")
        )
