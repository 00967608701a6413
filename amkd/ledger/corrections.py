"""Stores a person's corrections as answers of a separate annotator: ``labels:review:...``.

These answers belong to no batch and to no run: they cost nothing and do not count as queries. The
identity contains a hash of the classes, so that class numbers of different data sets are never
mixed up.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.ledger import lookup, reader
from amkd.ledger.checksums import checksum
from amkd.ledger.connection import Connection


class Recorded(NamedTuple):
    """Counts of recorded corrections.

    Attributes:
      added: images that had no correction.
      changed: images that had another class.
      held: images that already had the same class.
    """

    added: int
    changed: int
    held: int


def identity(class_names: Sequence[str]) -> str:
    """Returns the identity of the person who corrects images of these classes, in this order."""
    text = json.dumps(list(class_names)).encode()
    return f"labels:review:{hashlib.sha256(text).hexdigest()[:16]}"


def record(path: Path, class_names: Sequence[str], classes: Mapping[bytes, int]) -> Recorded:
    """Records the right classes of images, in one transaction; an image's latest correction counts.

    Args:
      path: the ledger's file.
      class_names: names of the Y classes.
      classes: the number of the right class, by image digest.

    Raises:
      UserError: the ledger is damaged or cannot be written.
    """
    who, rows = identity(class_names), np.eye(len(class_names), dtype="<f4")
    counts = {"added": 0, "changed": 0, "held": 0}
    file = Connection(path)
    with contextlib.closing(file), file.transaction():
        file.db.execute("INSERT OR IGNORE INTO teacher (identity) VALUES (?)", (who,))
        query = "SELECT id FROM teacher WHERE identity = ?"
        (teacher,) = file.db.execute(query, (who,)).fetchone()
        held = lookup.answers(file.db, who, list(classes))
        for image, number in classes.items():
            if image in held and held[image].argmax() == number:
                counts["held"] += 1
                continue
            counts["changed" if image in held else "added"] += 1
            scores = rows[number].tobytes()
            row = (teacher, image, scores, checksum(who, image, scores), time.time())
            file.db.execute("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?)", row)
    return Recorded(**counts)


def read(path: Path, class_names: Sequence[str]) -> dict[bytes, int]:
    """Returns the right classes that a ledger contains, by image digest.

    Raises:
      UserError: there is no such ledger, or it is damaged.
    """
    who = identity(class_names)
    query = "SELECT image FROM answer JOIN teacher ON id = teacher WHERE identity = ?"
    with reader.open_read_only(path) as db:
        images = [image for (image,) in db.execute(f"{query} ORDER BY image", (who,))]
        found = lookup.answers(db, who, images)
    return {image: int(found[image].argmax()) for image in images}
